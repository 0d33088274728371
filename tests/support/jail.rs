//! A root file system that holds next to nothing, and mounts that one process sees.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::binary::saddlebag;
use crate::command::Command;
use crate::outcome::Outcome;
use crate::shared::{byte_standalone, shared_directory, standalone};
use crate::toolchain::{has, skip};

/// A root directory with executables, the libraries that the dynamic linker loads for them, `/tmp`, and nothing else.
#[derive(Debug)]
pub struct Jail {
    root: tempfile::TempDir,
}

/// What is mounted for one process.
#[derive(Debug, Clone, Copy)]
pub enum Mount {
    /// An empty file system that takes so many kilobytes.
    Small(u32),
    /// One from which nothing can be executed.
    NoExec,
    /// One that cannot be written to.
    ReadOnly,
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `unshare` with a mount namespace, or what makes a user root of a namespace of his own; `None` where the system does
/// not allow it.
fn unshare() -> Option<&'static [&'static str]> {
    static ALLOWED: OnceLock<bool> = OnceLock::new();
    let arguments: &[&str] = if is_root() {
        &["--mount"]
    } else {
        &["--user", "--map-root-user", "--mount"]
    };
    let allowed = || {
        let mount = ["sh", "-c", "mount -t tmpfs none /tmp"];
        has("unshare")
            && Command::new("unshare")
                .args(arguments)
                .args(mount)
                .run()
                .status()
                == Some(0)
    };
    ALLOWED.get_or_init(allowed).then_some(arguments)
}

/// Runs a program with `mount` on `directory`. Nothing when the system does not allow mounts; the test is then skipped.
///
/// `script` is a shell's, with the program and its arguments as `"$@"`.
#[must_use]
pub fn with_mount(
    mount: Mount,
    directory: &Path,
    script: &str,
    program: impl FnOnce(Command) -> Command,
) -> Option<Outcome> {
    let Some(arguments) = unshare() else {
        let _ = skip("no mount namespaces");
        return None;
    };
    let options = match mount {
        Mount::Small(kilobytes) => format!("size={kilobytes}k"),
        Mount::NoExec => "noexec".to_owned(),
        Mount::ReadOnly => "ro".to_owned(),
    };
    let script = format!(r#"mount -t tmpfs -o "$1" none "$2" && shift 2 && {script}"#);
    let command = Command::new("unshare")
        .args(arguments)
        .args(["sh", "-c", &script, "sh", &options])
        .arg(directory);
    Some(program(command).run())
}

impl Jail {
    /// A root with the command that carries its compiler, as `/saddlebag`. Nothing when the system allows no other root;
    /// the test is then skipped.
    #[must_use]
    pub fn new() -> Option<Jail> {
        Jail::around(|_| standalone().to_owned())
    }

    /// As [`Jail::new`], with another executable in the command's place.
    #[must_use]
    pub fn of(executable: &Path) -> Option<Jail> {
        Jail::around(|_| executable.to_owned())
    }

    /// As [`Jail::new`], with the command that carries a byte-code compiler.
    #[must_use]
    pub fn of_byte_code() -> Option<Jail> {
        Jail::around(|_| byte_standalone().to_owned())
    }

    /// As [`Jail::new`], with a command that carries these libraries too.
    ///
    /// # Panics
    /// When they are not installed.
    #[must_use]
    pub fn with_libraries(names: &[&str]) -> Option<Jail> {
        Jail::embedding(|embed| embed.args(["--require", &names.join(",")]))
    }

    /// As [`Jail::new`], with a command made by `saddlebag embed` with more arguments.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn embedding(arguments: impl FnOnce(Command) -> Command) -> Option<Jail> {
        Jail::around(|folder| {
            let path = folder.join("carrier");
            let embed = Command::new(saddlebag()).args(["embed", "--level", "1"]);
            let embed = arguments(embed).arg(saddlebag()).arg("-o").arg(&path);
            embed.run().code(0);
            path
        })
    }

    fn around(executable: impl FnOnce(&Path) -> PathBuf) -> Option<Jail> {
        if !(is_root() && has("chroot") || unshare().is_some()) {
            let _ = skip("neither chroot nor user namespaces");
            return None;
        }
        // On the file system of the executable, so that it need not be copied.
        let root = tempfile::Builder::new()
            .prefix("root-")
            .tempdir_in(shared_directory())
            .expect("a root");
        let jail = Jail { root };
        let executable = executable(jail.root.path());
        fs::create_dir(jail.path("tmp")).expect("/tmp");
        let command = jail.path("saddlebag");
        fs::hard_link(&executable, &command)
            .or_else(|_| fs::copy(&executable, &command).map(drop))
            .expect("the command");
        for library in libraries(&executable) {
            let place = jail.path(library.strip_prefix("/").expect("an absolute path"));
            fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
            fs::copy(&library, &place).expect("a library");
        }
        Some(jail)
    }

    /// The path of something in the jail, as the outside sees it.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(name)
    }

    /// Runs `/saddlebag` with this as its root, and nothing in the environment that leads anywhere in it.
    ///
    /// # Panics
    /// When it leaves something in `/tmp`.
    #[track_caller]
    pub fn saddlebag(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let command = match is_root() {
            true => Command::new("chroot"),
            false => Command::new("unshare").args(["--user", "--map-root-user", "chroot"]),
        };
        let command = command
            .arg(self.root.path())
            .args(["/saddlebag"])
            .args(arguments);
        command
            .temporary(self.path("tmp"))
            .without("TMPDIR")
            .without("XDG_CACHE_HOME")
    }
}

/// What `ldd` names: the shared libraries that an executable needs, and the dynamic linker.
fn libraries(executable: &Path) -> Vec<PathBuf> {
    let outcome = Command::new("ldd").arg(executable).run();
    let text = outcome.code(0).stdout();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
    paths.map(PathBuf::from).collect()
}
