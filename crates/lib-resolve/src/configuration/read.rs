//! Reading and evaluating findlib's configuration files.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::environment::with_d;
use super::{Configuration, Environment};
use crate::meta::{self, Meta};
use crate::predicates::Predicates;
use crate::{sys, text};

/// The error returned by [`Configuration::read`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither the file nor the directory beside it exists.
    #[error("configuration file `{}` not found, nor the directory `{}`", file.display(), directory.display())]
    Missing {
        /// The file that was asked for.
        file: Box<PathBuf>,
        /// The same with `.d` added.
        directory: Box<PathBuf>,
    },
    /// A file or directory that exists cannot be read.
    #[error("could not read configuration `{}`", path.display())]
    Unreadable {
        /// The file or directory.
        path: Box<PathBuf>,
        /// The cause.
        source: io::Error,
    },
    /// A file is not in META's syntax.
    #[error("could not parse configuration file `{}`", file.display())]
    Parse {
        /// The file.
        file: Box<PathBuf>,
        /// The fault.
        source: Box<meta::Error>,
    },
}

pub(super) fn read(
    environment: &Environment,
    toolchain: Option<&OsStr>,
) -> Result<Configuration, Error> {
    let file = named(environment).or_else(|| environment.default_configuration_file());
    evaluate(environment, toolchain, file)
}

/// See [`Configuration::of_compiler`].
pub(super) fn of_compiler(
    environment: &Environment,
    standard_library: &Path,
) -> Result<Configuration, Error> {
    let found = read(environment, None)?;
    if is_same(&found.stdlib(), standard_library) {
        return Ok(found);
    }
    let mut environment = environment.clone();
    environment.ocamllib = Some(standard_library.into());
    let lib = standard_library.parent().unwrap_or(standard_library);
    let beside = [lib.join("findlib.conf"), lib.join("../etc/findlib.conf")];
    let own = beside.into_iter().find(|file| file.exists());
    let file = named(&environment).or(own);
    evaluate(&environment, None, file)
}

/// The file that the environment names.
fn named(environment: &Environment) -> Option<PathBuf> {
    let named = environment.configuration_file.as_ref();
    named.filter(|file| !file.is_empty()).map(PathBuf::from)
}

fn is_same(directory: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    directory == other || resolved(directory) == resolved(other)
}

fn evaluate(
    environment: &Environment,
    toolchain: Option<&OsStr>,
    file: Option<PathBuf>,
) -> Result<Configuration, Error> {
    let sources = Sources::read(file.as_ref())?;
    let mut evaluation = Evaluation {
        environment,
        sources,
        predicates: Predicates::none(),
        prefix: None,
    };
    if let Some(toolchain) = toolchain.or(environment.toolchain.as_deref()) {
        evaluation.predicates.add(&sys::bytes(toolchain.to_owned()));
    }
    let path = evaluation.variable(b"path").unwrap_or_default();
    let stdlib = evaluation.stdlib();
    let variable =
        |value: &Option<std::ffi::OsString>| value.clone().map(sys::bytes).unwrap_or_default();
    let from_environment = variable(&environment.ocamlpath);
    let mut search_path: Vec<Box<[u8]>> = text::path_entries(&from_environment)
        .chain(text::path_entries(&path))
        .map(Box::from)
        .collect();
    if file.is_none() {
        search_path.extend(paths_without_findlib(&stdlib));
    }
    Ok(Configuration {
        undefined_toolchain: evaluation.undefined_toolchain(),
        files_read: evaluation.sources.files,
        describes_compiler: file.is_none(),
        file,
        search_path,
        stdlib: stdlib.into(),
    })
}

/// The compiler's own META files lie in its library directory, a package manager's beside it.
fn paths_without_findlib(stdlib: &[u8]) -> Vec<Box<[u8]>> {
    if stdlib.is_empty() {
        return Vec::new();
    }
    let stdlib_path = sys::path_buf(stdlib);
    let above = stdlib_path
        .parent()
        .filter(|above| above.join("stdlib/META").exists() || above.join("findlib").exists());
    above
        .map(|above| sys::path_bytes(above).into())
        .into_iter()
        .chain([stdlib.into()])
        .collect()
}

/// The configuration files, parsed, in the order in which findlib concatenates them.
struct Sources {
    metas: Vec<Meta>,
    files: Vec<PathBuf>,
}

impl Sources {
    fn read(file: Option<&PathBuf>) -> Result<Sources, Error> {
        let mut sources = Sources {
            metas: Vec::new(),
            files: Vec::new(),
        };
        let Some(file) = file else {
            return Ok(sources);
        };
        let directory = with_d(file);
        let (has_file, has_directory) = (file.exists(), directory.exists());
        if !has_file && !has_directory {
            return Err(Error::Missing {
                file: Box::new(file.clone()),
                directory: Box::new(directory),
            });
        }
        if has_file {
            sources.add(file.clone())?;
        }
        if has_directory {
            let unreadable = |source| Error::Unreadable {
                path: Box::new(directory.clone()),
                source,
            };
            // In the order of the directory, which is what `Sys.readdir` gives.
            for entry in directory.read_dir().map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                if sys::bytes(entry.file_name()).ends_with(b".conf") {
                    sources.add(entry.path())?;
                }
            }
        }
        Ok(sources)
    }

    fn add(&mut self, file: PathBuf) -> Result<(), Error> {
        let source = match std::fs::read(&file) {
            Ok(source) => source,
            Err(source) => {
                return Err(Error::Unreadable {
                    path: Box::new(file),
                    source,
                });
            }
        };
        match meta::parse(&source) {
            Ok(meta) => self.metas.push(meta),
            Err(source) => {
                return Err(Error::Parse {
                    file: Box::new(file),
                    source: Box::new(source),
                });
            }
        }
        self.files.push(file);
        Ok(())
    }

    /// Only definitions outside of `package` count.
    fn definitions(&self) -> impl Iterator<Item = meta::Definition<'_>> + Clone {
        self.metas.iter().flat_map(|meta| meta.main().definitions())
    }
}

struct Evaluation<'a> {
    environment: &'a Environment,
    sources: Sources,
    predicates: Predicates,
    /// The relocation prefix, once it has been needed.
    prefix: Option<Option<Vec<u8>>>,
}

impl Evaluation<'_> {
    fn variable(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let value = meta::lookup(self.sources.definitions(), name, &self.predicates)
            .map(Cow::into_owned)?;
        Some(self.relocate(value))
    }

    /// findlib 1.9.7 replaces `$PREFIX` at the head of an element. Earlier ones keep it, and so does this when no prefix is
    /// known; either way no package is found there.
    fn relocate(&mut self, value: Vec<u8>) -> Vec<u8> {
        const MARK: &[u8] = b"$PREFIX";
        let elements = || value.split(|byte| *byte == sys::PATH_SEPARATOR);
        if !elements().any(|element| element.starts_with(MARK)) {
            return value;
        }
        let environment = self.environment;
        let found = || {
            environment
                .relocation_prefix()
                .map(|prefix| sys::path_bytes(&prefix))
        };
        let Some(prefix) = self.prefix.get_or_insert_with(found) else {
            return value;
        };
        let replaced: Vec<Vec<u8>> = elements()
            .map(|element| match element.strip_prefix(MARK) {
                Some(rest) => text::concat(prefix, rest),
                None => element.to_vec(),
            })
            .collect();
        text::join(replaced.iter().map(Vec::as_slice), &[sys::PATH_SEPARATOR])
    }

    /// `OCAMLLIB`, else `CAMLLIB`; if that is empty the configuration; else the compiler's.
    fn stdlib(&mut self) -> Vec<u8> {
        let variable = self
            .environment
            .ocamllib
            .as_ref()
            .or(self.environment.camllib.as_ref());
        if let Some(value) = variable.filter(|value| !value.is_empty()) {
            return sys::bytes(value.clone());
        }
        self.variable(b"stdlib").unwrap_or_else(|| {
            // What Debian's findlib has compiled in, for a system with META files and no compiler.
            let usual = || PathBuf::from("/usr/lib/ocaml");
            sys::path_bytes(&self.environment.default_stdlib().unwrap_or_else(usual))
        })
    }

    fn undefined_toolchain(&self) -> Option<Box<[u8]>> {
        let toolchain = self.predicates.names().next()?;
        let mentions =
            |definition: meta::Definition<'_>| definition.predicates().any(|p| p.name == toolchain);
        // Without any definition findlib looks nothing up, and so does not notice.
        let defined =
            self.sources.definitions().next().is_none() || self.sources.definitions().any(mentions);
        (!defined).then(|| toolchain.into())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;

    struct Setting {
        directory: tempfile::TempDir,
        environment: Environment,
    }

    impl Setting {
        fn new(content: &str) -> Setting {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let file = directory.path().join("f.conf");
            std::fs::write(&file, content).expect("a writable directory");
            let environment = Environment {
                configuration_file: Some(file.into()),
                ..Environment::default()
            };
            Setting {
                directory,
                environment,
            }
        }

        fn read(&self) -> Configuration {
            Configuration::read(&self.environment, None).expect("a right configuration")
        }
    }

    fn search_path(configuration: &Configuration) -> Vec<String> {
        configuration
            .search_path()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn ocamlpath_comes_first_and_an_appended_value_is_joined_with_a_space() {
        let mut setting = Setting::new("path = \"/a\" path += \"x\"");
        assert_eq!(search_path(&setting.read()), ["/a x"]);
        setting.environment.ocamlpath = Some(":/o::rel".into());
        assert_eq!(search_path(&setting.read()), ["/o", "rel", "/a x"]);
    }

    #[test]
    fn a_toolchain_selects_definitions_and_an_unknown_one_is_told() {
        let mut setting = Setting::new("path = \"/a\" path(cross) = \"/cross\"");
        setting.environment.toolchain = Some("cross".into());
        assert_eq!(search_path(&setting.read()), ["/cross"]);
        setting.environment.toolchain = Some("other".into());
        assert_eq!(search_path(&setting.read()), ["/a"]);
        assert_eq!(
            setting.read().undefined_toolchain().as_deref(),
            Some("other")
        );
        let given =
            Configuration::read(&setting.environment, Some(OsStr::new("cross"))).expect("right");
        assert_eq!(search_path(&given), ["/cross"]);
    }

    #[test]
    fn the_directory_beside_the_file_adds_definitions_but_the_file_wins() {
        let setting = Setting::new("path = \"/f\"");
        let beside = setting.directory.path().join("f.conf.d");
        std::fs::create_dir(&beside).expect("a writable directory");
        std::fs::write(beside.join("x.conf"), "path = \"/d\" stdlib = \"/s\"").expect("writable");
        std::fs::write(beside.join("ignored"), ";").expect("writable");
        let configuration = setting.read();
        assert_eq!(
            (
                search_path(&configuration),
                configuration.stdlib().as_path()
            ),
            (vec!["/f".to_owned()], Path::new("/s"))
        );
        assert_eq!(configuration.files_read().len(), 2);
    }

    #[test]
    fn an_empty_ocamllib_hides_camllib_but_not_the_file() {
        let mut setting = Setting::new("stdlib = \"/conf\"");
        setting.environment.camllib = Some("/camllib".into());
        assert_eq!(setting.read().stdlib(), Path::new("/camllib"));
        setting.environment.ocamllib = Some(OsString::new());
        assert_eq!(setting.read().stdlib(), Path::new("/conf"));
        setting.environment.ocamllib = Some("/ocamllib".into());
        assert_eq!(setting.read().stdlib(), Path::new("/ocamllib"));
    }

    #[test]
    fn a_prefix_is_replaced_when_the_environment_tells_one() {
        let mut setting = Setting::new("path = \"/a:$PREFIX/lib\"");
        assert_eq!(search_path(&setting.read()), ["/a", "$PREFIX/lib"]);
        let switch = setting.directory.path();
        std::fs::create_dir(switch.join("lib")).expect("writable");
        std::fs::write(switch.join("lib/findlib.conf"), "").expect("writable");
        setting.environment.opam_switch_prefix = Some(switch.into());
        // `Filename.concat` keeps the slash of the rest.
        assert_eq!(
            search_path(&setting.read())[1],
            format!("{}//lib", switch.display())
        );
    }

    #[test]
    fn a_compiler_that_the_environment_does_not_lead_to_has_libraries_of_its_own() {
        let mut setting = Setting::new("path = \"/other/lib\" stdlib = \"/other/lib/ocaml\"");
        let of = |environment: &Environment, stdlib: &Path| {
            Configuration::of_compiler(environment, stdlib).expect("right configurations")
        };
        let same = of(&setting.environment, Path::new("/other/lib/ocaml"));
        assert_eq!(same, setting.read());
        let prefix = setting.directory.path().join("prefix");
        let stdlib = prefix.join("lib/ocaml");
        std::fs::create_dir_all(stdlib.join("stdlib")).expect("writable");
        let named = of(&setting.environment, &stdlib);
        assert_eq!(search_path(&named), ["/other/lib"]);
        assert_eq!(named.stdlib(), stdlib);

        // The environment leads to a file, and does not name it.
        let file = setting.environment.configuration_file.take().expect("set");
        let switch = setting.directory.path().join("switch/lib");
        std::fs::create_dir_all(&switch).expect("writable");
        std::fs::copy(file, switch.join("findlib.conf")).expect("writable");
        setting.environment.opam_switch_prefix = switch.parent().map(Into::into);
        setting.environment.ocamlpath = Some("/own".into());
        assert_eq!(search_path(&setting.read()), ["/own", "/other/lib"]);
        let bare = of(&setting.environment, &stdlib);
        assert_eq!(
            search_path(&bare),
            ["/own".to_owned(), stdlib.display().to_string()]
        );
        assert!(bare.describes_compiler() && bare.file().is_none());
        std::fs::write(prefix.join("lib/findlib.conf"), "path = \"/its/lib\"").expect("writable");
        let beside = of(&setting.environment, &stdlib);
        assert_eq!(search_path(&beside), ["/own", "/its/lib"]);
        assert_eq!(beside.stdlib(), stdlib);
        assert!(!beside.describes_compiler());
    }

    #[test]
    fn faults_name_the_file() {
        let mut setting = Setting::new("path = ");
        let error = Configuration::read(&setting.environment, None).expect_err("a syntax error");
        assert!(
            matches!(&error, Error::Parse { file, .. } if file.ends_with("f.conf")),
            "{error:?}"
        );
        setting.environment.configuration_file = Some("/nowhere/f.conf".into());
        let error = Configuration::read(&setting.environment, None).expect_err("no file");
        assert_eq!(
            error.to_string(),
            "configuration file `/nowhere/f.conf` not found, nor the directory `/nowhere/f.conf.d`"
        );
        assert!(size_of::<Error>() <= 64);
    }
}
