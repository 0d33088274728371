//! From a published source tree to an installed OCaml, in steps that are done once each.
//!
//! ```text
//! TOOLCHAINS/VERSION/           the installation: there whole or not at all
//! TOOLCHAINS/.work/VERSION/     the sources, the logs, and a file for each step that is done
//! TOOLCHAINS/.sources/VERSION/  the same without an installation, for tests that compile OCaml's own sources
//! ```

use super::log;
use super::package::Package;
use crate::Outcome;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What building OCaml starts, and what provides it.
const TOOLS: &[(&[&str], &str)] = &[
    (
        &["npm"],
        "npm fetches the sources (Debian: apt-get install npm)",
    ),
    (&["tar"], "tar unpacks them (Debian: apt-get install tar)"),
    (
        &["make", "gmake"],
        "GNU make (Debian: apt-get install make)",
    ),
    (
        &["gcc", "cc", "clang"],
        "a C compiler (Debian: apt-get install gcc libc6-dev)",
    ),
    (&["as"], "an assembler (Debian: apt-get install binutils)"),
];

/// Fails with everything that is missing.
pub(super) fn check_tools() -> Outcome {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        |name: &&str| std::env::split_paths(&path).any(|directory| directory.join(name).is_file());
    let missing: Vec<String> = TOOLS
        .iter()
        .filter(|(names, _)| !names.iter().any(there))
        .map(|(names, what)| format!("there is no `{}`: {what}", names.join("` or `")))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(missing.join("\n  ").into())
    }
}

/// Builds `package`, configured with `variant` unless that is empty, and installs it in `toolchains`; gives its prefix. What
/// an earlier run has done is not done again.
pub(super) fn build(
    toolchains: &Path,
    package: &Package,
    variant: &str,
) -> Result<PathBuf, Box<dyn Error>> {
    let (mut name, mut configuration) = (package.ocaml.clone(), None);
    if !variant.is_empty() {
        name = format!("{name}+{variant}");
        configuration = Some(format!("--enable-{variant}"));
    }
    let prefix = toolchains.join(&name);
    if prefix.is_dir() {
        return Ok(prefix);
    }
    let work = Work::new(toolchains.join(".work").join(&name))?;
    let lock = work.lock()?;
    if prefix.is_dir() {
        return Ok(prefix);
    }
    println!("building OCaml {name} in `{}`", work.directory.display());
    work.step("fetched", || work.fetch(package))?;
    work.step("unpacked", || work.unpack_package(package))?;
    work.step("configured", || {
        let prefix = format!("--prefix={}", prefix.display());
        // What nothing here uses takes a third of the time.
        let parts = ["--disable-ocamldoc", "--disable-ocamltest"];
        log::run(
            work.command("./configure")
                .arg(prefix)
                .args(parts)
                .args(&configuration),
            &work.log("configure"),
        )
    })?;
    work.step("built", || {
        let jobs = std::thread::available_parallelism().map_or(1, |number| number.get());
        log::run(
            work.command(make())
                .arg(format!("-j{jobs}"))
                .arg("world.opt"),
            &work.log("make"),
        )
    })?;
    work.install(&prefix)?;
    drop(lock);
    fs::remove_dir_all(&work.directory)
        .map_err(|error| cannot("remove", &work.directory, &error))?;
    Ok(prefix)
}

/// The source tree of `version`, fetched if it is not there.
pub(super) fn sources(toolchains: &Path, version: &str) -> Result<PathBuf, Box<dyn Error>> {
    let work = Work::new(toolchains.join(".sources").join(version))?;
    let _lock = work.lock()?;
    if !work.is_done("unpacked") {
        check_tools()?;
        let package = super::package::choose(version)?;
        work.step("fetched", || work.fetch(&package))?;
        work.step("unpacked", || work.unpack_package(&package))?;
        empty(&work.directory.join("packed"))?;
    }
    Ok(work.source())
}

pub(super) fn make() -> &'static str {
    let gnu = Command::new("gmake")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if gnu.is_ok_and(|status| status.success()) {
        "gmake"
    } else {
        "make"
    }
}

pub(super) fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Box<dyn Error> {
    format!("cannot {what} `{}`: {error}", path.display()).into()
}

/// The directory in which one version is built.
pub(super) struct Work {
    pub(super) directory: PathBuf,
}

impl Work {
    pub(super) fn new(directory: PathBuf) -> Result<Work, Box<dyn Error>> {
        fs::create_dir_all(&directory).map_err(|error| cannot("make", &directory, &error))?;
        Ok(Work { directory })
    }

    /// Keeps a second build of the same version waiting until the first one ends.
    pub(super) fn lock(&self) -> Result<fs::File, Box<dyn Error>> {
        let path = self.directory.join("lock");
        let file = fs::File::create(&path).map_err(|error| cannot("write", &path, &error))?;
        if file.try_lock().is_err() {
            println!(
                "waiting for another build in `{}`",
                self.directory.display()
            );
            file.lock().map_err(|error| cannot("lock", &path, &error))?;
        }
        Ok(file)
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    pub(super) fn source(&self) -> PathBuf {
        self.directory.join("source")
    }

    /// A command in the source tree. The user's settings for compilers in use do not decide how this one is made.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.source());
        for variable in [
            "OCAMLLIB",
            "CAMLLIB",
            "OCAMLPARAM",
            "OCAMLRUNPARAM",
            "CAMLRUNPARAM",
            "MAKEFLAGS",
            "MFLAGS",
        ] {
            command.env_remove(variable);
        }
        command
    }

    /// Does what is named unless an earlier run has.
    pub(super) fn step(&self, name: &str, run: impl FnOnce() -> Outcome) -> Outcome {
        if self.is_done(name) {
            println!("  {name} before");
            return Ok(());
        }
        run()?;
        let done = self.done(name);
        fs::write(&done, "").map_err(|error| cannot("write", &done, &error))
    }

    /// The file that says so.
    fn done(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.done"))
    }

    fn is_done(&self, name: &str) -> bool {
        self.done(name).exists()
    }

    /// npm checks the archive against the digest that the registry gives.
    fn fetch(&self, package: &Package) -> Outcome {
        let packed = self.directory.join("packed");
        empty(&packed)?;
        let mut command = Command::new("npm");
        command
            .args(["pack", "--ignore-scripts", &package.specification])
            .current_dir(&packed);
        log::run(&mut command, &self.log("fetch"))
    }

    /// Unpacks the archive of sources that `tool` has left.
    pub(super) fn unpack(&self, tool: &str, is_archive: impl Fn(&Path) -> bool) -> Outcome {
        let packed = self.directory.join("packed");
        let archive = fs::read_dir(&packed)
            .map_err(|error| cannot("list", &packed, &error))?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| is_archive(path))
            .ok_or_else(|| format!("{tool} left no archive in `{}`", packed.display()))?;
        let source = self.source();
        empty(&source)?;
        let mut command = Command::new("tar");
        command
            .arg("-xf")
            .arg(&archive)
            .args(["--strip-components=1", "-C"])
            .arg(&source);
        log::run(&mut command, &self.log("unpack"))
    }

    fn unpack_package(&self, package: &Package) -> Outcome {
        self.unpack("npm", |path| {
            path.extension().is_some_and(|extension| extension == "tgz")
        })?;
        let version = fs::read_to_string(self.source().join("VERSION")).unwrap_or_default();
        let version = version.lines().next().unwrap_or_default();
        if version != package.ocaml {
            let specification = &package.specification;
            return Err(format!(
                "the package `{specification}` holds OCaml `{version}`, not {}",
                package.ocaml
            )
            .into());
        }
        Ok(())
    }

    /// Installs elsewhere and moves the result: an installation that exists is a whole one.
    fn install(&self, prefix: &Path) -> Outcome {
        let staging = self.directory.join("staging");
        empty(&staging)?;
        let destination = format!("DESTDIR={}", staging.display());
        log::run(
            self.command(make()).args(["install", &destination]),
            &self.log("install"),
        )?;
        let installed = staging.join(prefix.strip_prefix("/").unwrap_or(prefix));
        fs::rename(&installed, prefix)
            .map_err(|error| cannot("move into place", &installed, &error))
    }
}

/// Makes an empty directory of what may have been there.
pub(super) fn empty(directory: &Path) -> Outcome {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(cannot("remove", directory, &error));
        }
        _ => {}
    }
    fs::create_dir_all(directory).map_err(|error| cannot("make", directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_was_done_is_not_done_again_and_one_that_failed_is() {
        let dir = tempfile::tempdir().unwrap();
        let work = Work {
            directory: dir.path().to_owned(),
        };
        let runs = std::cell::Cell::new(0);
        let step = |outcome: fn() -> Outcome| {
            work.step("built", || {
                runs.set(runs.get() + 1);
                outcome()
            })
        };
        assert!(step(|| Err("no".into())).is_err());
        assert!(step(|| Ok(())).is_ok() && step(|| Ok(())).is_ok());
        assert_eq!(runs.get(), 2);
    }
}
