//! `cargo xtask toolchain` on a machine whose npm, tar, make and configure are scripts.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail like the test: by panicking"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// `configure` in the source tree: remembers the prefix, and with it writes a compiler that is asked for its version.
const CONFIGURE: &str = "echo configure >> LOG\nfor word in \"$@\"; do case $word in --prefix=*) prefix=${word#--prefix=};; \
                         esac; done\necho $prefix > prefix";

/// Fails while the file `broken` exists; installs below DESTDIR what a toolchain is checked for.
const MAKE: &str = "echo make $* >> LOG\ncase \"$*\" in --version) exit 0 ;; esac\n\
    if [ -e ROOT/broken ]; then echo no rule for this; exit 2; fi\n\
    case \"$*\" in install*)\n  staging=${2#DESTDIR=}; prefix=$(cat prefix); place=$staging$prefix\n\
      mkdir -p $place/bin $place/lib/compiler-libs\n\
      for file in stdlib.cmi stdlib.cma stdlib.cmxa compiler-libs/optmaindriver.cmi; do touch $place/lib/$file; done\n\
      for name in ocamlcommon ocamlbytecomp ocamloptcomp; do touch $place/lib/compiler-libs/$name.cmxa; done\n\
      for tool in ocamlopt ocamlc ocamldep; do\n\
        printf '#!/bin/sh\\nprintf \"version: VERSION\\\\nstandard_library: %s/lib\\\\narchitecture: amd64\\\\n' $prefix > $place/bin/$tool\n\
        printf 'system: linux\\\\nasm: as\\\\nnative_pack_linker: ld -r -o\\\\nc_compiler: gcc\\\\n\"\\n' >> $place/bin/$tool\n\
        chmod 755 $place/bin/$tool\n      done ;;\nesac";

const NPM: &str = "echo npm $1 >> LOG\ncase $1 in view) echo '[\"5.2.0\", \"4.14.1000\"]' ;;\n\
                   pack) echo packed > ocaml.tgz ;;\nesac";

/// The archive is no archive: unpacking makes the tree.
const TAR: &str = "echo tar >> LOG\nfor word in \"$@\"; do last=$word; done\necho 4.14.1 > $last/VERSION\n\
                   cp ROOT/configure $last/configure";

struct Machine {
    dir: TempDir,
}

impl Machine {
    /// A machine on which the compiler that is built says that it is `version`.
    fn new(version: &str) -> Self {
        let machine = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for directory in ["bin", "home"] {
            std::fs::create_dir(machine.path(directory)).unwrap();
        }
        let make = MAKE.replace("VERSION", version);
        for (name, script) in [
            ("configure", CONFIGURE),
            ("bin/make", &make),
            ("bin/gmake", &make),
            ("bin/npm", NPM),
            ("bin/tar", TAR),
        ] {
            machine.script(name, script);
        }
        for tool in ["gcc", "as", "ld"] {
            machine.script(&format!("bin/{tool}"), "");
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn script(&self, name: &str, script: &str) {
        let root = self.dir.path().to_str().unwrap();
        let script = script
            .replace("LOG", &format!("{root}/log"))
            .replace("ROOT", root);
        std::fs::write(self.path(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs `xtask toolchain`: whether it succeeded, and all it printed.
    fn toolchain(&self, version: &str) -> (bool, String) {
        #[expect(clippy::disallowed_methods, reason = "the program under test")]
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["toolchain", version])
            .env_clear()
            .env("HOME", self.path("home"))
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// What was started since the last call.
    fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let _ = std::fs::remove_file(self.path("log"));
        log.lines()
            .filter(|line| !line.contains("--version"))
            .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect()
    }

    fn toolchains(&self) -> PathBuf {
        self.path("home/.cache/saddlebag/toolchains")
    }
}

#[test]
fn a_build_that_failed_goes_on_where_it_was_and_is_done_once() {
    let machine = Machine::new("4.14.1");
    std::fs::write(machine.path("broken"), "").unwrap();
    let (succeeded, text) = machine.toolchain("4.14");
    assert!(!succeeded && text.contains("no rule for this"), "{text}");
    assert!(!machine.toolchains().join("4.14.1").exists());
    let log = machine.log();
    assert_eq!(
        log[..4],
        ["npm view", "npm pack", "tar", "configure"],
        "{text}"
    );

    std::fs::remove_file(machine.path("broken")).unwrap();
    let (succeeded, text) = machine.toolchain("4.14");
    assert!(succeeded && text.contains("configured before"), "{text}");
    let prefix = machine.toolchains().join("4.14.1");
    assert!(
        text.contains(&format!("SADDLEBAG_OCAML={}", prefix.display())),
        "{text}"
    );
    let log = machine.log();
    assert!(
        log[0] == "npm view" && log[2..] == ["make install"],
        "{log:?}"
    );
    assert_eq!(
        std::fs::read_dir(machine.toolchains().join(".work"))
            .unwrap()
            .count(),
        0
    );

    let (succeeded, text) = machine.toolchain("4.14.1");
    assert!(succeeded, "{text}");
    assert_eq!(machine.log(), [""; 0]);
}

#[test]
fn a_compiler_of_another_version_than_asked_for_is_refused() {
    let machine = Machine::new("4.13.1");
    let (succeeded, text) = machine.toolchain("4.14.1");
    assert!(
        !succeeded && text.contains("holds OCaml 4.13.1; remove `"),
        "{text}"
    );
}

#[test]
fn a_version_that_is_not_published_is_answered_with_those_that_are() {
    let machine = Machine::new("4.14.1");
    let (succeeded, text) = machine.toolchain("5.3.0");
    assert!(
        !succeeded && text.contains("no sources of OCaml 5.3.0") && text.contains("4.14.1000"),
        "{text}"
    );
}

#[test]
fn every_tool_that_is_missing_is_named_at_once() {
    let machine = Machine::new("4.14.1");
    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["toolchain", "4.14.1"])
        .env_clear()
        .env("HOME", machine.path("home"))
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    for tool in [
        "npm",
        "tar",
        "make` or `gmake",
        "gcc` or `cc` or `clang",
        "as",
    ] {
        assert!(text.contains(&format!("there is no `{tool}`")), "{text}");
    }
}
