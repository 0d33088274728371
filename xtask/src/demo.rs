//! `cargo xtask demo`: one file compiles and runs OCaml in a root that holds nothing but that file and libc.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HELLO: &str = r#"let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)

let () =
  Printf.printf "hello from OCaml %s, native code\n" Sys.ocaml_version;
  Printf.printf "fib 30 = %d\n" (fib 30)
"#;

const TYPE_ERROR: &str = r#"let total = List.fold_left ( + ) 0 [ 1; 2; 3 ]
let () = print_endline ("the total is " ^ total)
"#;

const SYNTAX_ERROR: &str = r#"let answer =
  let x = 40 in
  x + + 2)
"#;

/// Sets up, builds, embeds and tells the story.
pub(crate) fn run(root: &Path) -> Result<()> {
    let started = Instant::now();
    step("an OCaml toolchain on this machine, to take a compiler from");
    crate::setup::run()?;

    step("building the command and the example (release)");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    stream(
        command(&cargo)
            .current_dir(root)
            .args([
                "build",
                "--release",
                "-p",
                "saddlebag-cli",
                "-p",
                "saddlebag",
            ])
            .args(["--bin", "saddlebag", "--example", "greeter"]),
    )?;
    let target = crate::shell::target_directory(root);
    let saddlebag = target.join("release/saddlebag");
    let greeter = target.join("release/examples/greeter");

    step("putting the compiler into both executables");
    let folder = target.join("demo");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let standalone = folder.join("saddlebag");
    let standalone_greeter = folder.join("greeter");
    for (executable, output) in [(&saddlebag, &standalone), (&greeter, &standalone_greeter)] {
        let embedding = Instant::now();
        stream(
            command(&saddlebag)
                .arg("embed")
                .arg(executable)
                .arg("-o")
                .arg(output),
        )?;
        println!(
            "   {}: {} + {} for the compiler, in {}",
            name(output),
            megabytes(size(executable)?),
            megabytes(size(output)? - size(executable)?),
            seconds(embedding.elapsed()),
        );
    }

    step("making a root with the two files, libc and an empty /tmp");
    let jail = Jail::new(&folder.join("root"), &[&standalone, &standalone_greeter])?;
    for path in jail.files()? {
        println!("   {path}");
    }
    println!("   {}", jail.how());
    jail.write("hello.ml", HELLO)?;
    jail.write("total.ml", TYPE_ERROR)?;
    jail.write("answer.ml", SYNTAX_ERROR)?;
    jail.write(
        "greeter.ml",
        &fs::read_to_string(root.join("crates/saddlebag/examples/greeter.ml"))?,
    )?;

    let mut ok = true;
    ok &= jail.tell(
        "a script",
        &["/saddlebag", "run", "/hello.ml"],
        0,
        "fib 30 = 832040",
    )?;
    ok &= jail.tell(
        "a Rust program with a plugin",
        &["/greeter", "/greeter.ml", "Rust"],
        0,
        "Rust",
    )?;
    ok &= jail.tell(
        "a type error",
        &["/saddlebag", "run", "/total.ml"],
        1,
        "total.ml",
    )?;
    ok &= jail.tell(
        "a syntax error",
        &["/saddlebag", "run", "/answer.ml"],
        1,
        "answer.ml",
    )?;
    let left = jail.left_in_tmp()?;
    println!(
        "\n== left in /tmp: {}",
        if left.is_empty() {
            "nothing".to_owned()
        } else {
            left.join(", ")
        }
    );
    ok &= left.is_empty();
    println!(
        "== {} in {}",
        if ok {
            "all as it should be"
        } else {
            "something is wrong"
        },
        seconds(started.elapsed())
    );
    if ok {
        Ok(())
    } else {
        Err("the demo did not go as it should".into())
    }
}

/// How programs are shut into the root.
#[derive(Clone, Copy)]
enum Confinement {
    Chroot,
    UserNamespace,
    EmptiedPath,
}

/// A root that holds nothing but executables and their C library.
pub(crate) struct Jail {
    root: PathBuf,
    confinement: Confinement,
}

impl Jail {
    pub(crate) fn new(root: &Path, executables: &[&Path]) -> Result<Jail> {
        fs::create_dir_all(root.join("tmp"))?;
        for executable in executables {
            fs::copy(executable, root.join(name(executable)))?;
            for library in libraries(executable)? {
                let inside = root.join(library.strip_prefix("/")?);
                if let Some(parent) = inside.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::copy(&library, inside)?;
            }
        }
        let mut jail = Jail {
            root: root.to_owned(),
            confinement: Confinement::Chroot,
        };
        for confinement in [
            Confinement::Chroot,
            Confinement::UserNamespace,
            Confinement::EmptiedPath,
        ] {
            jail.confinement = confinement;
            if jail
                .command(&["/saddlebag", "--version"])
                .output()
                .is_ok_and(|output| output.status.success())
            {
                return Ok(jail);
            }
        }
        Err("the embedded command does not start, not even outside the root".into())
    }

    pub(crate) fn how(&self) -> &'static str {
        match self.confinement {
            Confinement::Chroot => "programs are run with chroot",
            Confinement::UserNamespace => {
                "programs are run with chroot in a user namespace of their own"
            }
            Confinement::EmptiedPath => {
                "WARNING: neither chroot nor user namespaces are allowed here: programs are run with an emptied PATH only"
            }
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.confinement {
            Confinement::Chroot => command("chroot"),
            Confinement::UserNamespace => command("unshare"),
            Confinement::EmptiedPath => {
                let mut command = command(self.root.join(arguments[0].trim_start_matches('/')));
                for argument in &arguments[1..] {
                    match argument.strip_prefix('/') {
                        Some(inside) => command.arg(self.root.join(inside)),
                        None => command.arg(argument),
                    };
                }
                command.env_clear().env("PATH", "");
                return command;
            }
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path);
        if let Confinement::UserNamespace = self.confinement {
            command.args(["--user", "--map-root-user", "chroot"]);
        }
        command.arg(&self.root).args(arguments);
        command
    }

    /// Runs and prints; whether status and output are as expected.
    fn tell(&self, title: &str, arguments: &[&str], status: i32, expected: &str) -> Result<bool> {
        println!("\n== {title}: {}", arguments.join(" "));
        let started = Instant::now();
        let output = self.command(arguments).output()?;
        let elapsed = started.elapsed();
        let text = text_of(&output);
        for line in text.lines() {
            println!("   | {line}");
        }
        println!(
            "   exit status {}, {}",
            output.status.code().unwrap_or(-1),
            seconds(elapsed)
        );
        Ok(output.status.code() == Some(status) && text.contains(expected))
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.root.join(file), text)?)
    }

    /// Every file in the root, with its size.
    fn files(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(format!(
                        "/{} ({})",
                        path.strip_prefix(&self.root)?.display(),
                        megabytes(size(&path)?)
                    ));
                }
            }
        }
        found.sort();
        found.push("/tmp, empty".to_owned());
        Ok(found)
    }

    fn left_in_tmp(&self) -> Result<Vec<String>> {
        fs::read_dir(self.root.join("tmp"))?
            .map(|entry| Ok(entry?.file_name().display().to_string()))
            .collect()
    }
}

/// The files `ldd` names: libc, the dynamic linker and what belongs to them.
fn libraries(executable: &Path) -> Result<Vec<PathBuf>> {
    let output = command("ldd").arg(executable).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect())
}

fn text_of(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn stream(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} ended with {status}").into())
    }
}

fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

fn step(text: &str) {
    println!("== {text}");
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().display().to_string()
}

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)?.len())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn seconds(duration: Duration) -> String {
    if duration.as_secs() > 0 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
