//! What the package managers of this system say of a library that is not found: facts from their lists of installed files, and names of
//! packages that they could install. Their files are read; none of their tools is run.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use lz4_flex::frame::FrameDecoder;

use crate::name::LibName;
use crate::suggestion::Suggestion;
use crate::{sys, text};

/// Where Debian's packages put OCaml libraries (Debian OCaml Packaging Policy, "OCaml Location").
const DEBIAN: &[u8] = b"/usr/lib/ocaml";

/// What is known of a library by package managers whose directory is on the search path: dpkg and apt for `/usr/lib/ocaml`, opam for the
/// `lib` of a switch. `root` stands for `/`.
pub(crate) fn suggest(root: &Path, search_path: &[Box<[u8]>], wanted: &LibName) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    for entry in search_path {
        let entry = text::normalise_directory(entry);
        if entry == DEBIAN {
            suggestions.extend(of_debian(root, wanted.main()));
        } else if let Some(switch) = entry.strip_suffix(b"/lib") {
            suggestions.extend(of_opam(&sys::path_buf(switch), wanted.main()));
        }
    }
    suggestions
}

fn of_debian(root: &Path, main: &str) -> Option<Suggestion> {
    let places = [format!("{main}/META"), format!("META.{main}")];
    let places = places.map(|place| format!("/usr/lib/ocaml/{place}"));
    let mut installed = Vec::new();
    for list in files(&root.join("var/lib/dpkg/info")) {
        // By Debian's policy the names of such packages say that they are OCaml's; others need not be read.
        let name = list.file_name().and_then(|name| name.to_str());
        let Some(package) = name.and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        if !package.contains("caml") {
            continue;
        }
        let content = std::fs::read(&list).unwrap_or_default();
        let mut lines = content.split(|byte| *byte == b'\n');
        let place = lines.find_map(|line| places.iter().find(|place| place.as_bytes() == line));
        if let Some(place) = place {
            return Some(Suggestion::Deleted {
                package: without_architecture(package).to_owned(),
                meta_file: PathBuf::from(place),
                source: list,
            });
        }
        installed.push(without_architecture(package).to_owned());
    }
    // "libFOO-ocaml-dev" for library FOO, in the letters that Debian allows.
    let package = format!(
        "lib{}-ocaml-dev",
        main.to_ascii_lowercase().replace('_', "-")
    );
    if installed.contains(&package) {
        return None;
    }
    let line = format!("Package: {package}");
    let lists = files(&root.join("var/lib/apt/lists")).into_iter();
    let mut lists = lists.filter(|list| lists_package(list, &line).unwrap_or(false));
    lists
        .next()
        .map(|source| Suggestion::PackageNamed { package, source })
}

/// dpkg writes `NAME:ARCHITECTURE` where packages of several architectures may be installed.
fn without_architecture(package: &str) -> &str {
    package.split(':').next().unwrap_or(package)
}

/// Whether an index of apt, plain or compressed with LZ4, has this line. Others are passed over.
fn lists_package(list: &Path, line: &str) -> io::Result<bool> {
    let name = list.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    if name.ends_with("_Packages") {
        has_line(BufReader::new(File::open(list)?), line)
    } else if name.ends_with("_Packages.lz4") {
        has_line(BufReader::new(FrameDecoder::new(File::open(list)?)), line)
    } else {
        Ok(false)
    }
}

fn has_line(mut reader: impl BufRead, wanted: &str) -> io::Result<bool> {
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.strip_suffix(b"\n").unwrap_or(&line) == wanted.as_bytes() {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}

fn of_opam(switch: &Path, main: &str) -> Option<Suggestion> {
    let state = switch.join(".opam-switch");
    let place = format!("\"lib/{main}/META\"");
    for source in files(&state.join("install")) {
        let package = source.file_name().and_then(|name| name.to_str());
        let Some(package) = package.and_then(|name| name.strip_suffix(".changes")) else {
            continue;
        };
        if std::fs::read_to_string(&source).is_ok_and(|changes| changes.contains(&place)) {
            return Some(Suggestion::Deleted {
                package: package.to_owned(),
                meta_file: switch.join("lib").join(main).join("META"),
                source,
            });
        }
    }
    if !state.is_dir()
        || state
            .join("install")
            .join(format!("{main}.changes"))
            .exists()
    {
        return None;
    }
    let repositories = files(&switch.parent()?.join("repo")).into_iter();
    let mut packages = repositories.map(|repository| repository.join("packages").join(main));
    let source = packages.find(|package| package.is_dir())?;
    Some(Suggestion::PackageNamed {
        package: main.to_owned(),
        source,
    })
}

/// What a directory holds, sorted; nothing if it cannot be listed.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort_unstable();
    files
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    struct System(tempfile::TempDir);

    impl System {
        fn new() -> System {
            System(tempfile::tempdir().expect("a temporary directory"))
        }

        fn write(&self, file: &str, content: &[u8]) {
            let path = self.0.path().join(file);
            std::fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            std::fs::write(path, content).expect("writable");
        }

        fn suggest(&self, entry: &str, wanted: &str) -> Vec<String> {
            let root = self.0.path();
            let entry = entry.replace("ROOT", &root.display().to_string());
            let wanted = wanted.parse().expect("a right name");
            let suggestions = suggest(root, &[entry.into_bytes().into()], &wanted);
            let texts = suggestions.iter().map(ToString::to_string);
            texts
                .map(|text| text.replace(&root.display().to_string(), ""))
                .collect()
        }
    }

    #[test]
    fn a_meta_file_that_dpkg_installed_and_that_is_gone_names_its_package() {
        let system = System::new();
        let list = b"/.\n/usr/lib/ocaml/zarith/META\n/usr/lib/ocaml/zarith/zarith.cma\n";
        system.write("var/lib/dpkg/info/libzarith-ocaml-dev:amd64.list", list);
        system.write("var/lib/dpkg/info/other.list", b"/usr/lib/ocaml/o/META\n");
        assert_eq!(
            system.suggest("/usr/lib/ocaml/", "zarith.top"),
            [
                "`/var/lib/dpkg/info/libzarith-ocaml-dev:amd64.list` says that package libzarith-ocaml-dev installed \
                 `/usr/lib/ocaml/zarith/META`, which is not there; install it again"
            ]
        );
        assert_eq!(system.suggest("/usr/lib/ocaml", "o"), [""; 0]);
        assert_eq!(system.suggest("/opt/lib/ocaml", "zarith"), [""; 0]);
    }

    #[test]
    fn a_package_that_apt_lists_is_a_hint_unless_it_is_installed() {
        let system = System::new();
        let index = b"Package: libppx-x-ocaml-dev\nVersion: 1\n\nPackage: libother-ocaml-dev\n";
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(index).expect("in memory");
        let compressed = encoder.finish().expect("in memory");
        for (file, content) in [("a_Packages", &index[..]), ("a_Packages.lz4", &compressed)] {
            let system = System::new();
            system.write(&format!("var/lib/apt/lists/{file}"), content);
            let expected = format!(
                "`/var/lib/apt/lists/{file}` has a package libppx-x-ocaml-dev, which is not installed; going by its name it may have the library"
            );
            assert_eq!(system.suggest("/usr/lib/ocaml", "ppx_X"), [expected]);
            assert_eq!(system.suggest("/usr/lib/ocaml", "ppx"), [""; 0]);
            system.write("var/lib/dpkg/info/libppx-x-ocaml-dev.list", b"/.\n");
            assert_eq!(system.suggest("/usr/lib/ocaml", "ppx_X"), [""; 0]);
        }
        system.write("var/lib/apt/lists/broken_Packages.lz4", &compressed[..20]);
        assert_eq!(system.suggest("/usr/lib/ocaml", "ppx_X"), [""; 0]);
    }

    #[test]
    fn an_opam_switch_tells_what_it_installed_and_what_it_could() {
        let system = System::new();
        let changes = b"added: [\n  \"lib/mirage/META\" {\"F:1\"}\n]\n";
        system.write("opam/5.1/.opam-switch/install/mirage-core.changes", changes);
        system.write("opam/repo/default/packages/yojson/yojson.2.1/opam", b"");
        assert_eq!(
            system.suggest("ROOT/opam/5.1/lib", "mirage"),
            [
                "`/opam/5.1/.opam-switch/install/mirage-core.changes` says that package mirage-core installed \
                 `/opam/5.1/lib/mirage/META`, which is not there; install it again"
            ]
        );
        assert_eq!(
            system.suggest("ROOT/opam/5.1/lib", "yojson"),
            [
                "`/opam/repo/default/packages/yojson` has a package yojson, which is not installed; going by its name it may have the library"
            ]
        );
        assert_eq!(system.suggest("ROOT/opam/5.1/lib", "fmt"), [""; 0]);
    }
}
