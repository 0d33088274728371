//! `cargo xtask setup`: find an OCaml toolchain, else install one.

use crate::shell;
use ocaml_toolchain::{Toolchain, find::Options};
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A package manager: how to refresh its lists, and how to install, with the names of the packages.
struct Manager {
    program: &'static str,
    refresh: Option<&'static [&'static str]>,
    /// Tried in order: the names differ between releases.
    installs: &'static [&'static [&'static str]],
    needs_root: bool,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: Some(&["update", "-q", "-o", "Acquire::Retries=3"]),
        installs: &[
            &[
                "install",
                "-qy",
                "--no-install-recommends",
                "-o",
                "DPkg::Lock::Timeout=300",
                "-o",
                "Acquire::Retries=3",
                "ocaml-nox",
                "ocaml-findlib",
                "ocaml-compiler-libs",
                "gcc",
                "libc6-dev",
            ],
            &[
                "install",
                "-qy",
                "--no-install-recommends",
                "-o",
                "DPkg::Lock::Timeout=300",
                "-o",
                "Acquire::Retries=3",
                "ocaml",
                "ocaml-findlib",
                "ocaml-compiler-libs",
                "gcc",
                "libc6-dev",
            ],
        ],
        needs_root: true,
    },
    Manager {
        program: "dnf",
        refresh: None,
        installs: &[&[
            "install",
            "-y",
            "ocaml",
            "ocaml-findlib",
            "ocaml-compiler-libs",
            "gcc",
            "binutils",
        ]],
        needs_root: true,
    },
    Manager {
        program: "pacman",
        refresh: None,
        installs: &[
            &[
                "-Sy",
                "--noconfirm",
                "--needed",
                "ocaml",
                "ocaml-findlib",
                "ocaml-compiler-libs",
                "gcc",
                "binutils",
            ],
            &[
                "-Sy",
                "--noconfirm",
                "--needed",
                "ocaml",
                "ocaml-findlib",
                "gcc",
                "binutils",
            ],
        ],
        needs_root: true,
    },
    Manager {
        program: "apk",
        refresh: Some(&["update"]),
        installs: &[&[
            "add",
            "ocaml",
            "ocaml-findlib",
            "ocaml-compiler-libs",
            "gcc",
            "musl-dev",
            "binutils",
        ]],
        needs_root: true,
    },
    Manager {
        program: "brew",
        refresh: None,
        installs: &[&["install", "ocaml", "ocaml-findlib"]],
        needs_root: false,
    },
];

/// Find a whole toolchain, or install one and find that.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    let lacks = match look() {
        Ok(toolchain) => {
            tell(&toolchain);
            return Ok(());
        }
        Err(lacks) => lacks,
    };
    for lack in &lacks {
        println!("OCaml: {lack}");
    }
    install()?;
    let toolchain =
        look().map_err(|lacks| format!("still, after installing: {}", lacks.join("; ")))?;
    tell(&toolchain);
    Ok(())
}

fn tell(toolchain: &Toolchain) {
    let compiler = toolchain.ocamlopt().unwrap_or_else(|| "".as_ref());
    println!(
        "OCaml {}: `{}`, found by {}",
        toolchain.conf().version(),
        compiler.display(),
        toolchain.origin()
    );
}

/// The toolchain with all that the demonstration and the tests use, or all it lacks.
fn look() -> Result<Toolchain, Vec<String>> {
    let toolchain = match Toolchain::find_blocking(&Options::from_environment()) {
        Ok(toolchain) => toolchain,
        Err(error) => {
            let cause = error
                .source()
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            return Err(vec![format!("{error}{cause} ({})", error.hint())]);
        }
    };
    let checks = [
        toolchain.require_native().err(),
        toolchain.require_bytecode().err(),
        toolchain.require_ocamldep().err(),
        toolchain.require_findlib().err(),
        toolchain.require_compiler_libs().err(),
        toolchain.require_assembler().err(),
        toolchain.require_linker().err(),
        toolchain.require_shared_libraries().err(),
    ];
    let mut lacks: Vec<String> = checks
        .into_iter()
        .flatten()
        .map(|error| format!("{error} ({})", error.hint()))
        .collect();
    let c_compiler = toolchain.conf().c_compiler().unwrap_or("cc");
    let program = c_compiler.split_whitespace().next().unwrap_or("cc");
    if find_program(program).is_none() {
        lacks.push(format!("there is no C compiler `{program}`"));
    }
    if lacks.is_empty() {
        Ok(toolchain)
    } else {
        Err(lacks)
    }
}

fn install() -> Result<(), Box<dyn Error>> {
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| find_program(manager.program).is_some())
    else {
        return Err("no package manager known here; install OCaml 4.13 or later with findlib and compiler-libs, \
                    or set SADDLEBAG_OCAML to the directory of its tools"
            .into());
    };
    let Some(prefix) = privilege(manager) else {
        let steps = manager.refresh.iter().chain(manager.installs.first());
        let typed: Vec<String> = steps
            .map(|step| format!("    sudo {} {}", manager.program, step.join(" ")))
            .collect();
        return Err(format!(
            "OCaml has to be installed by root; type\n{}",
            typed.join("\n")
        )
        .into());
    };
    let command = |arguments: &[&str]| command(manager, prefix, arguments);
    if let Some(refresh) = manager.refresh {
        // Stale lists may still do: let the installation decide.
        if let Err(error) = shell::run(&mut command(refresh)) {
            println!("{error}; going on");
        }
    }
    let mut last = None;
    for install in manager.installs {
        match shell::run(&mut command(install)) {
            Ok(()) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(()), Err)
}

/// Installs packages of Debian, where there is `apt-get` and it may be used; whether it could be.
pub(crate) fn install_debian_packages(packages: &[&str]) -> Result<bool, Box<dyn Error>> {
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| manager.program == "apt-get" && find_program("apt-get").is_some())
    else {
        return Ok(false);
    };
    let Some(prefix) = privilege(manager) else {
        return Ok(false);
    };
    if let Some(refresh) = manager.refresh
        && let Err(error) = shell::run(&mut command(manager, prefix, refresh))
    {
        println!("{error}; going on");
    }
    let options = [
        "install",
        "-qy",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Acquire::Retries=3",
    ];
    let arguments: Vec<&str> = options.iter().chain(packages).copied().collect();
    shell::run(&mut command(manager, prefix, &arguments))?;
    Ok(true)
}

/// The manager's command, with what gives it the right to install before it.
fn command(manager: &Manager, prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> = prefix
        .iter()
        .copied()
        .chain([manager.program])
        .chain(arguments.iter().copied())
        .collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    if manager.program == "apt-get" && prefix.is_empty() {
        command.env("DEBIAN_FRONTEND", "noninteractive");
    }
    command
}

/// What to put before the command so that it may install: nothing, or `sudo` where it asks no question.
fn privilege(manager: &Manager) -> Option<&'static [&'static str]> {
    if !manager.needs_root || is_root() {
        return Some(&[]);
    }
    let quiet = Command::new("sudo")
        .args(["-n", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet
        .is_ok_and(|status| status.success())
        .then_some(&["sudo", "-n"])
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}
