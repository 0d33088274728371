//! Under which terms carried files are distributed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dynloader::Library;
use ocaml_toolchain::Conf;

use super::PackedFile;
use super::libraries::{FOLDER, plain};
use crate::metadata::Licence;

const OCAML: (&str, &str) = ("OCaml", "LGPL-2.1-only WITH OCaml-LGPL-linking-exception");

/// Works by the beginning of a file's name.
const WORKS: &[(&str, &str, &str)] = &[
    ("libbfd", "GNU Binutils", "GPL-3.0-or-later"),
    ("libopcodes", "GNU Binutils", "GPL-3.0-or-later"),
    ("libctf", "GNU Binutils", "GPL-3.0-or-later"),
    ("libsframe", "GNU Binutils", "GPL-3.0-or-later"),
    ("libzstd", "Zstandard", "BSD-3-Clause"),
    ("libz.", "zlib", "Zlib"),
    ("libjansson", "Jansson", "MIT"),
    ("libLLVM", "LLVM", "Apache-2.0 WITH LLVM-exception"),
    ("llvm-", "LLVM", "Apache-2.0 WITH LLVM-exception"),
    ("ld.lld", "LLVM", "Apache-2.0 WITH LLVM-exception"),
    ("lld", "LLVM", "Apache-2.0 WITH LLVM-exception"),
    (
        "libstdc++",
        "GCC runtime libraries",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
    ),
    (
        "libgcc_s",
        "GCC runtime libraries",
        "GPL-3.0-or-later WITH GCC-exception-3.1",
    ),
    ("libffi", "libffi", "MIT"),
    ("libedit", "libedit", "BSD-3-Clause"),
    (
        "libtinfo",
        "ncurses",
        "X11-distribute-modifications-variant",
    ),
    ("libxml2", "libxml2", "MIT"),
    ("liblzma", "XZ Utils", "0BSD"),
    ("libz3", "Z3", "MIT"),
    ("libbsd", "libbsd", "BSD-3-Clause"),
    ("libmd", "libmd", "BSD-3-Clause"),
    ("libicu", "ICU", "Unicode-3.0"),
    ("libgmp.", "GNU MP", "LGPL-3.0-or-later OR GPL-2.0-or-later"),
    ("libev.", "libev", "BSD-2-Clause OR GPL-2.0-or-later"),
    ("libpcre.", "PCRE", "BSD-3-Clause"),
    ("libssl.", "OpenSSL", "Apache-2.0"),
    ("libcrypto.", "OpenSSL", "Apache-2.0"),
    ("libm.", "GNU C Library", "LGPL-2.1-or-later"),
    ("libdl.", "GNU C Library", "LGPL-2.1-or-later"),
    ("libpthread.", "GNU C Library", "LGPL-2.1-or-later"),
    ("mold", "mold", "MIT"),
    ("wild", "wild", "MIT OR Apache-2.0"),
];

/// The works among `files`, each with where it came from, sorted by name.
pub(super) fn of<'a>(
    files: impl Iterator<Item = &'a (PackedFile, PathBuf)>,
    conf: &Conf,
    libraries: &[Library],
) -> Vec<Licence> {
    let mut works: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (file, from) in files {
        let library = libraries.iter().find(|library| is_of(&file.name, library));
        let (work, licence) = match library {
            Some(library) => work_of_library(library, conf),
            None => match work_of(&file.name, from) {
                ("OCaml", licence) => (ocaml(conf), licence.to_owned()),
                (work, licence) => (work.to_owned(), licence.to_owned()),
            },
        };
        works
            .entry((work, licence))
            .or_default()
            .push(file.name.clone());
    }
    let licence = |((work, licence), files)| Licence {
        work,
        licence,
        files,
    };
    works.into_iter().map(licence).collect()
}

fn ocaml(conf: &Conf) -> String {
    format!("OCaml {}", conf.version())
}

fn is_of(file: &str, library: &Library) -> bool {
    let below = file
        .strip_prefix(FOLDER)
        .and_then(|file| file.strip_prefix('/'));
    below.is_some_and(|file| file.split('/').next() == Some(&plain(library.name())))
}

/// A library of OCaml's own is part of that work; the others say what they are in the `opam` file that build tools install
/// beside META (opam's manual, `license`).
fn work_of_library(library: &Library, conf: &Conf) -> (String, String) {
    let Some(directory) = library.directories().next() else {
        return (ocaml(conf), OCAML.1.to_owned());
    };
    // Libraries of one package lie below it.
    let described = directory.ancestors().take(4).find_map(|directory| {
        directory.join("META").exists().then_some(())?;
        std::fs::read_to_string(directory.join("opam")).ok()
    });
    let stated = described.as_deref().and_then(stated_licence);
    let work = match library.known_version() {
        Some(version) => format!("{} {version}", library.name()),
        None => library.name().to_owned(),
    };
    (work, stated.unwrap_or_else(|| "unknown".to_owned()))
}

/// The value of the field `license` of an opam file: a string, or a list of them.
fn stated_licence(opam: &str) -> Option<String> {
    let (_, after) = opam
        .split_once("\nlicense:")
        .or_else(|| Some(("", opam.strip_prefix("license:")?)))?;
    let after = after.trim_start();
    let value = match after.strip_prefix('[') {
        Some(list) => list.split(']').next()?,
        None => after.lines().next()?,
    };
    let all: Vec<&str> = value.split('"').skip(1).step_by(2).collect();
    (!all.is_empty()).then(|| all.join(" AND "))
}

fn work_of<'a>(name: &str, from: &'a std::path::Path) -> (&'a str, &'static str) {
    let tool = name.starts_with("bin/") && name != "bin/driver" && !name.starts_with("bin/ocaml");
    if !tool && !name.starts_with("lib/") && !name.starts_with("fallback/") {
        return OCAML;
    }
    // A tool is told by what it really is: `/usr/bin/ld` may be a link to ld.bfd, ld.lld or mold.
    let real = std::fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    let real_name = real.file_name().unwrap_or_default().to_string_lossy();
    if let Some((_, work, licence)) = WORKS
        .iter()
        .find(|(prefix, ..)| real_name.starts_with(prefix))
    {
        return (work, licence);
    }
    let gnu = |suffix: &str| real_name.ends_with(suffix);
    if tool
        && (gnu("as") || gnu("ld") || gnu("ld.bfd") || gnu("ld.gold"))
        && !real_name.contains("lld")
    {
        return ("GNU Binutils", "GPL-3.0-or-later");
    }
    (from.to_str().unwrap_or("a file"), "unknown")
}

/// The text of the archive's notice.
pub(super) fn notice(licences: &[Licence]) -> String {
    let mut text = String::from(
        "This executable carries an OCaml compiler in an archive of its own (saddlebag archive list shows it).\n\
         The files carried are works of others, each under its own licence:\n\n",
    );
    for Licence {
        work,
        licence,
        files,
    } in licences
    {
        let plural = if files.len() == 1 { "" } else { "s" };
        text.push_str(&format!(
            "{work}: {licence} ({} file{plural})\n",
            files.len()
        ));
    }
    text.push_str(
        "\nThe names of the licences are SPDX's; the texts are at https://spdx.org/licenses/. Copyright notices are in the\n\
         packages that the files came from, on Debian in /usr/share/doc/PACKAGE/copyright.\n",
    );
    // Not those whose exception allows to carry them.
    let has = |beginning: &str| {
        licences.iter().any(|licence| {
            licence.licence.starts_with(beginning) && !licence.licence.contains(" WITH ")
        })
    };
    if has("LGPL-") {
        text.push_str(
            "\nLibraries under the GNU Lesser General Public License are carried unchanged, as files of their own, which\n\
             others of the same interface may replace. Who distributes this executable gives its recipients the text of\n\
             that licence and the source code of these libraries too, or a written offer for it.\n",
        );
    }
    if has("GPL-3.0") {
        text.push_str(
            "\nPrograms under the GNU General Public License are carried unchanged, as separate programs.\n\
             Who distributes this executable gives its recipients their complete source code too, or a written offer\n\
             for it: section 6 of the GPL, version 3. The packages that the programs came from have it.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_licence_of_a_library_is_what_its_opam_file_states() {
        let stated = |text: &str| stated_licence(text);
        let opam = "opam-version: \"2.0\"\nlicense: \"BSD-3-Clause\"\ntags: [\"x\"]\n";
        assert_eq!(stated(opam).as_deref(), Some("BSD-3-Clause"));
        assert_eq!(
            stated("license: [\n  \"ISC\" \"MIT\"\n]\n").as_deref(),
            Some("ISC AND MIT")
        );
        assert_eq!(stated("maintainer: \"license:\"\n"), None);
        let library = Library::new("a.b");
        assert!(is_of("libraries/a.b/x.cmi", &library) && !is_of("libraries/a/x.cmi", &library));
    }

    #[test]
    fn works_are_told_by_the_file_they_come_from() {
        let work = |name: &str, from: &str| work_of(name, Path::new(from)).1;
        assert_eq!(work("bin/driver", "/x/driver"), OCAML.1);
        assert_eq!(work("ocaml/stdlib.cmi", "/x/stdlib.cmi"), OCAML.1);
        assert_eq!(
            work("bin/as", "/nowhere/x86_64-linux-gnu-as"),
            "GPL-3.0-or-later"
        );
        assert_eq!(
            work("bin/ld", "/nowhere/ld.lld-14"),
            "Apache-2.0 WITH LLVM-exception"
        );
        assert_eq!(work("lib/libz.so.1", "/nowhere/libz.so.1"), "Zlib");
        assert_eq!(
            work("lib/fallback/libm.so.6", "/nowhere/libm.so.6"),
            "LGPL-2.1-or-later"
        );
        assert_eq!(work("lib/libodd.so.1", "/nowhere/libodd.so.1"), "unknown");
    }
    #[test]
    fn the_notice_says_what_distributing_asks_for() {
        let text = |licence: &str| {
            notice(&[Licence {
                work: "a work".to_owned(),
                licence: licence.to_owned(),
                files: vec!["one".to_owned()],
            }])
        };
        let (lesser, full) = ("Lesser General Public", "GNU General Public");
        let own = text(OCAML.1);
        assert!(own.contains(&format!("a work: {} (1 file)\n", OCAML.1)));
        assert!(!own.contains(lesser) && !own.contains(full), "{own}");
        let library = text("LGPL-2.1-or-later");
        assert!(
            library.contains(lesser) && !library.contains(full),
            "{library}"
        );
        let program = text("GPL-3.0-or-later");
        assert!(
            program.contains(full) && !program.contains(lesser),
            "{program}"
        );
        assert!(!text("GPL-3.0-or-later WITH GCC-exception-3.1").contains(full));
    }
}
