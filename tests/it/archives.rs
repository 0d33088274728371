//! `archive`: what an executable carries, and what becomes of one whose archive is damaged.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use saddlebag_tests::{Sandbox, ocaml, saddlebag, standalone};

const HELLO: &str = "let () = print_endline \"hello\"\n";

/// Where the archive lies in the executable that carries it: behind its magic number, the one that the trailer, the last
/// 128 bytes, begins with too, its length is found at byte 24.
fn place_of_archive(executable: &[u8]) -> Range<usize> {
    let magic = &executable[executable.len() - 128..][..16];
    let start = executable
        .windows(16)
        .position(|window| window == magic)
        .expect("the first block");
    let length = u64::from_le_bytes(
        executable[start + 24..][..8]
            .try_into()
            .expect("eight bytes"),
    );
    start..start + length as usize
}

#[test]
fn what_an_archive_holds_is_listed_and_extracted_and_the_same() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let list = sandbox
        .saddlebag(["archive", "list", "--json"])
        .arg(standalone())
        .run();
    let listed = list.code(0).is_quiet().json();
    let listed = listed.as_array().expect("a list");
    assert!(listed.len() > 50, "{list}");
    let extract = sandbox
        .saddlebag(["archive", "extract"])
        .arg(standalone())
        .args(["-o", "files"])
        .run();
    extract.code(0).prints("files\n").is_quiet();
    let found: BTreeSet<PathBuf> = files(&sandbox.path("files")).into_iter().collect();
    let mut expected = BTreeSet::new();
    for file in listed {
        let path = sandbox
            .path("files")
            .join(file["name"].as_str().expect("a name"));
        let metadata = fs::metadata(&path).expect("an extracted file");
        assert_eq!(
            metadata.len(),
            file["bytes"].as_u64().expect("a length"),
            "{file}"
        );
        let executable =
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
        assert_eq!(
            executable,
            file["executable"].as_bool().expect("a mark"),
            "{file}"
        );
        expected.insert(path);
    }
    assert_eq!(found, expected);
    let text = sandbox
        .saddlebag(["archive", "list"])
        .arg(standalone())
        .run();
    assert_eq!(text.code(0).stdout().lines().count(), listed.len());
    // Of the program itself where none is named.
    let own = sandbox
        .command(standalone())
        .args(["archive", "list", "--json"])
        .run();
    assert_eq!(
        own.code(0).json().as_array().map(Vec::len),
        Some(listed.len())
    );
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[test]
fn extraction_goes_to_a_directory_of_its_own() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("taken/file", "");
    let outcome = sandbox
        .saddlebag(["archive", "extract"])
        .arg(standalone())
        .arg("taken")
        .run();
    outcome
        .code(2)
        .prints_nothing()
        .says(&["the directory `taken` is not empty"]);
    assert_eq!(sandbox.list("taken"), ["file"]);
    let outcome = sandbox
        .saddlebag(["archive", "extract", "--json"])
        .arg(standalone())
        .arg("new")
        .run();
    assert_eq!(outcome.code(0).json()["directory"], "new");
}

#[test]
fn metadata_says_what_is_carried_and_by_whom() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    let version = sandbox
        .ocamlopt(["-version"])
        .run()
        .stdout()
        .trim()
        .to_owned();
    let json = sandbox
        .saddlebag(["archive", "metadata", "--json"])
        .arg(standalone())
        .run()
        .code(0)
        .json();
    assert_eq!(json["ocaml_version"], version);
    assert_eq!(json["needs_shell"], false);
    assert!(
        json["licences"]
            .as_array()
            .is_some_and(|licences| !licences.is_empty())
    );
    let text = sandbox
        .saddlebag(["archive", "metadata"])
        .arg(standalone())
        .run();
    assert!(
        text.code(0)
            .stdout()
            .contains(&format!("OCaml       {version}")),
        "{text}"
    );
}

#[test]
fn a_persistent_directory_is_cleaned_on_request_and_what_is_the_programs_own_stays() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", "let () = print_endline \"hello\"");
    let run = || {
        sandbox
            .standalone([
                "run",
                "--no-cache",
                "--persistent-archive",
                "kept",
                "hello.ml",
            ])
            .run()
    };
    let clean = |command: saddlebag_tests::Command| command.run().code(0).json();
    run().code(0).prints("hello\n");
    let own = sandbox.list("kept");
    // As another version would have left it.
    let other = "0123456789abcdef0123456789abcdef";
    sandbox.write(format!("kept/{other}/bin/driver"), "driver");
    let cleaned = clean(sandbox.standalone(["archive", "clean", "--json", "kept"]));
    assert_eq!(
        (&cleaned["removed"], &cleaned["in_use"]),
        (&1.into(), &0.into())
    );
    assert_eq!(sandbox.list("kept"), own);
    run().code(0).prints("hello\n");
    // A program that carries no compiler needs none of them.
    let cleaned = clean(sandbox.saddlebag(["archive", "clean", "--json", "kept"]));
    assert_eq!(cleaned["removed"], 2);
    assert_eq!(sandbox.list("kept"), [".lock"]);
    // Nothing was ever extracted there.
    sandbox.write(format!("foreign/{other}/file"), "precious");
    let cleaned = clean(sandbox.saddlebag(["archive", "clean", "--json", "foreign"]));
    assert_eq!(cleaned["removed"], 0);
    assert_eq!(sandbox.list("foreign"), [other]);
    sandbox
        .saddlebag(["archive", "clean", "missing"])
        .run()
        .code(2)
        .says(&["`missing` is not a directory"]);
}

/// Prints what `typing/cmi_format.ml` wrote of each compiled interface: the unit's name and its fingerprint.
const FINGERPRINTS: &str = r#"
let () =
  Array.iteri (fun index file -> if index > 0 then begin
    let channel = open_in_bin file in
    ignore (really_input_string channel 12);
    ignore (input_value channel : Obj.t);
    match (input_value channel : (string * Digest.t option) list) with
    | (unit, Some digest) :: _ -> Printf.printf "%s %s\n" unit (Digest.to_hex digest)
    | _ -> failwith file
  end) Sys.argv
"#;

#[test]
fn metadata_has_the_fingerprint_of_every_compiled_interface() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("fingerprints.ml", FINGERPRINTS);
    sandbox
        .saddlebag(["archive", "extract", "-o", "files"])
        .arg(standalone())
        .run()
        .code(0);
    let interfaces: Vec<String> = ["ocaml", "interfaces"]
        .into_iter()
        .flat_map(|folder| {
            let names = sandbox.list(format!("files/{folder}"));
            names
                .into_iter()
                .map(move |name| format!("files/{folder}/{name}"))
        })
        .filter(|name| name.ends_with(".cmi"))
        .collect();
    let printed = sandbox
        .saddlebag(["run", "fingerprints.ml", "--"])
        .args(&interfaces)
        .run();
    let metadata = sandbox
        .saddlebag(["archive", "metadata", "--json"])
        .arg(standalone())
        .run()
        .code(0)
        .json();
    let told: Vec<String> = metadata["fingerprints"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(unit, fingerprint)| format!("{unit} {}", fingerprint.as_str().unwrap()))
        .collect();
    let printed = printed.code(0).stdout();
    let mut expected: Vec<&str> = printed.lines().collect();
    expected.sort_unstable();
    assert_eq!(told, expected);
    assert!(told.iter().any(|line| line.starts_with("Stdlib__List ")));
}

#[test]
fn an_executable_without_archive_is_told_how_to_get_one() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    for command in ["list", "metadata", "verify", "extract"] {
        for json in [false, true] {
            let options = json.then_some("--json");
            let outcome = sandbox
                .saddlebag(["archive", command])
                .args(options)
                .arg(saddlebag())
                .run();
            outcome
                .code(1)
                .prints_nothing()
                .says(&["no archive in `", "saddlebag embed EXE -o OUT"]);
        }
    }
    let outcome = sandbox.saddlebag(["archive", "list", "missing"]).run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["`missing`", "No such file"]);
    sandbox.write("hello.ml", HELLO);
    let outcome = sandbox
        .saddlebag(["run", "--toolchain", "embedded", "hello.ml"])
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["no archive in `", "saddlebag embed EXE -o OUT"]);
}

/// The executable with its archive changed by `change`.
fn damaged(sandbox: &Sandbox, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let mut bytes = fs::read(standalone()).expect("the executable");
    change(&mut bytes);
    let path = sandbox.write(name, bytes);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions");
    path
}

#[test]
fn a_truncated_archive_is_a_clear_error_and_nothing_is_extracted() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let executable = fs::read(standalone()).unwrap();
    let archive = place_of_archive(&executable);
    let middle = (archive.start + archive.end) / 2;
    for (index, keep) in [
        archive.end,
        archive.end - 1,
        middle,
        archive.start + 100,
        archive.start,
    ]
    .into_iter()
    .enumerate()
    {
        let path = damaged(&sandbox, &format!("truncated{index}"), |bytes| {
            bytes.truncate(keep)
        });
        let run = sandbox
            .command(&path)
            .args(["run", "--toolchain", "embedded", "hello.ml"])
            .run();
        run.code(1)
            .prints_nothing()
            .says(&["error: ", "truncated"])
            .does_not_say(&["panicked"]);
        // `auto` does not go on as if there were none.
        sandbox
            .command(&path)
            .args(["run", "hello.ml"])
            .run()
            .code(1)
            .prints_nothing()
            .says(&["truncated"]);
        for command in ["verify", "list", "metadata", "extract"] {
            let outcome = sandbox.saddlebag(["archive", command]).arg(&path).run();
            outcome
                .code(1)
                .prints_nothing()
                .says(&["error: ", &format!("truncated{index}")]);
        }
        assert!(!sandbox.path(format!("truncated{index}.files")).exists());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is_and_nothing_of_it_runs() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let archive = place_of_archive(&fs::read(standalone()).unwrap());
    for part in 0..12 {
        let position = archive.start + 20 + (archive.len() - 40) * part / 11;
        let name = format!("flipped{part}");
        let path = damaged(&sandbox, &name, |bytes| bytes[position] ^= 0x20);
        let verify = sandbox
            .saddlebag(["archive", "verify", "--json"])
            .arg(&path)
            .run();
        assert_eq!(
            verify.status(),
            Some(1),
            "byte {position} of {archive:?}\n{verify}"
        );
        if !verify.stdout().is_empty() {
            assert_eq!(verify.json()["ok"], false);
        }
        sandbox
            .saddlebag(["archive", "extract"])
            .arg(&path)
            .run()
            .code(1)
            .prints_nothing();
        assert!(!sandbox.path(format!("{name}.files")).exists());
        // A command needs only a part of the archive: what it does is right, or it says what is wrong.
        let run = sandbox
            .command(&path)
            .args(["run", "--toolchain", "embedded", "hello.ml"])
            .run();
        match run.status() {
            Some(0) => run.prints("hello\n"),
            _ => run
                .code(1)
                .prints_nothing()
                .says(&["error: "])
                .does_not_say(&["panicked"]),
        };
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn an_archive_of_a_newer_version_is_refused_by_its_version() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    // The major version follows the 16 bytes of the magic number, in the trailer of 128 bytes and at the beginning.
    let path = damaged(&sandbox, "newer", |bytes| {
        for block in [place_of_archive(bytes).start, bytes.len() - 128] {
            bytes[block + 16..block + 18].copy_from_slice(&7u16.to_le_bytes());
        }
    });
    let run = sandbox
        .command(&path)
        .args(["run", "--toolchain", "embedded", "hello.ml"])
        .run();
    run.code(1)
        .prints_nothing()
        .says(&["has format 7.", "this program reads format"]);
    // `auto` does not go on as if there were none.
    let run = sandbox.command(&path).args(["run", "hello.ml"]).run();
    run.code(1)
        .prints_nothing()
        .says(&["has format 7.", "this program reads format"]);
    let outcome = sandbox
        .saddlebag(["archive", "extract"])
        .arg(&path)
        .args(["-o", "files"])
        .run();
    outcome
        .code(1)
        .prints_nothing()
        .says(&["has format 7.", "this program reads format"]);
    assert!(!sandbox.path("files").exists());
}

#[test]
fn a_persistent_archive_is_extracted_once() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let run = || {
        sandbox
            .standalone(["run", "--persistent-archive", "kept", "hello.ml"])
            .run()
    };
    run().code(0).prints("hello\n").is_quiet();
    // Later uses add notes of what they verified, `*.stamp`.
    let first = inodes(&sandbox.path("kept"));
    assert!(first.len() > 50);
    run().code(0).prints("hello\n").is_quiet();
    let second = inodes(&sandbox.path("kept"));
    assert!(first.is_subset(&second), "{first:#?}\n{second:#?}");
}

/// The files below a directory by their number in the file system; a file that is written anew gets another one.
fn inodes(directory: &Path) -> BTreeSet<(PathBuf, u64)> {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: PathBuf| {
        let number = fs::metadata(&path).expect("a file").ino();
        (path, number)
    };
    files(directory).into_iter().map(inode).collect()
}
