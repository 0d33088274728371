//! For build scripts: put an archive where [`embed!`](crate::embed) finds it.
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::builder::{BuildError, Builder};

/// The error returned by [`link`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A variable that cargo sets for build scripts is missing: the caller is none.
    #[error(
        "the variable `{variable}` is not set; this function is for build scripts run by cargo"
    )]
    NotABuildScript {
        /// The variable.
        variable: &'static str,
    },
    /// The archive cannot be built.
    #[error("could not build the archive")]
    Build(#[source] Box<BuildError>),
    /// A path that the assembler or cargo cannot be told.
    #[error("the path `{path}` is not UTF-8, or holds a quote, a backslash or a line break")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// Cargo cannot be told.
    #[error("could not write to cargo")]
    Output(#[source] io::Error),
}

/// Packs `builder`'s files into `OUT_DIR`, and tells cargo what [`embed!`](crate::embed) needs and which files to watch.
///
/// It prints to standard output, which is how a build script talks to cargo. Cargo then runs the build script again when
/// it or one of the files changed.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let mut builder = embedded_archive::Builder::new();
///     builder.directory("", "assets")?;
///     embedded_archive::build_script::link(&builder)?;
///     Ok(())
/// }
/// ```
///
/// # Errors
/// [`LinkError`].
pub fn link(builder: &Builder) -> Result<(), LinkError> {
    let variable =
        |variable| std::env::var(variable).map_err(|_| LinkError::NotABuildScript { variable });
    let path = PathBuf::from(variable("OUT_DIR")?).join("embedded.archive");
    let package = variable("CARGO_PKG_NAME")?;
    let directives = write(builder, &path, &package)?;
    let mut output = io::stdout().lock();
    output
        .write_all(directives.as_bytes())
        .and_then(|()| output.flush())
        .map_err(LinkError::Output)
}

/// Writes the archive and returns what cargo is told.
fn write(builder: &Builder, path: &Path, package: &str) -> Result<String, LinkError> {
    let fits = |path: &Path| {
        path.to_str()
            .filter(|text| !text.contains(['"', '\\', '\n', '\r', '{', '}']))
            .map(str::to_owned)
    };
    let shown = fits(path).ok_or_else(|| LinkError::Path {
        path: path.to_owned(),
    })?;
    let build = |error| LinkError::Build(Box::new(error));
    let bytes = builder.build().map_err(build)?;
    crate::atomic::write(path, 0o644, |file| file.write_all(&bytes)).map_err(|source| {
        build(BuildError::Write {
            path: Some(path.to_owned()),
            source,
        })
    })?;
    // Two packages of one program may each carry an archive: their symbols must differ.
    let digest = blake3::hash(format!("{package}\0{shown}").as_bytes()).to_hex();
    let mut directives = format!(
        "cargo::rustc-env=EMBEDDED_ARCHIVE_PATH={shown}\n\
         cargo::rustc-env=EMBEDDED_ARCHIVE_LENGTH={}\n\
         cargo::rustc-env=EMBEDDED_ARCHIVE_SYMBOL=embedded_archive_{}\n\
         cargo::rerun-if-changed=build.rs\n",
        bytes.len(),
        &digest[..16],
    );
    for read in builder.read_paths() {
        let read = read
            .to_str()
            .filter(|path| !path.contains(['\n', '\r']))
            .ok_or_else(|| LinkError::Path { path: read.clone() })?;
        directives.push_str(&format!("cargo::rerun-if-changed={read}\n"));
    }
    Ok(directives)
}

/// Puts the archive that [`link`] made into the program and opens it: `Result<Archive, OpenError>`.
///
/// The bytes are in a section of their own that is loaded with the read-only data. Every strip keeps them, and they are
/// in memory even when the executable's own file cannot be found or read: started through the dynamic loader, with
/// mode 0111, without `/proc`. The assembler includes the file (`.incbin`), so that the compiler never sees the bytes.
///
/// Use it once in a program; the build script runs [`link`].
///
/// ```text
/// let archive = embedded_archive::embed!()?;
/// ```
///
/// (It needs a build script, so that this runs not here but as the crate's `tests/fixtures/linked`.)
///
/// # Safety of the implementation
/// Data that an assembler placed can be named in Rust only by an `extern` static, which the macro declares `safe`. What
/// it promises, that so many bytes are at the symbol, readable and never written, is what the assembly beside it says:
/// `.org` makes the length exact or fails to assemble, and the section is read-only. The declaration is expanded where
/// the macro is used; this crate itself has no unsafe code.
#[macro_export]
macro_rules! embed {
    () => {{
        mod embedded_archive_bytes {
            #[cfg(not(target_vendor = "apple"))]
            ::core::arch::global_asm!(concat!(
                ".pushsection .embedded_archive,\"a\"\n.balign 16\n.globl ",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                "\n.hidden ",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                "\n.type ",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                ", STT_OBJECT\n",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                ":\n.incbin \"",
                env!("EMBEDDED_ARCHIVE_PATH"),
                "\"\n.org ",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                " + ",
                env!("EMBEDDED_ARCHIVE_LENGTH"),
                "\n.size ",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                ", ",
                env!("EMBEDDED_ARCHIVE_LENGTH"),
                "\n.popsection\n"
            ));
            // Mach-O: no such section names, and symbols begin with an underscore.
            #[cfg(target_vendor = "apple")]
            ::core::arch::global_asm!(concat!(
                ".section __TEXT,__const\n.balign 16\n.globl _",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                "\n_",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                ":\n.incbin \"",
                env!("EMBEDDED_ARCHIVE_PATH"),
                "\"\n.org _",
                env!("EMBEDDED_ARCHIVE_SYMBOL"),
                " + ",
                env!("EMBEDDED_ARCHIVE_LENGTH"),
                "\n.text\n"
            ));
            const LENGTH: usize = $crate::build_script::decimal(env!("EMBEDDED_ARCHIVE_LENGTH"));
            // SAFETY: the assembly above defines the symbol, in read-only memory, with exactly this length.
            unsafe extern "C" {
                #[link_name = env!("EMBEDDED_ARCHIVE_SYMBOL")]
                pub(super) safe static BYTES: [u8; LENGTH];
            }
        }
        $crate::Archive::from_static(&embedded_archive_bytes::BYTES)
    }};
}

/// The number that `text` is, at compile time.
#[doc(hidden)]
#[must_use]
pub const fn decimal(text: &str) -> usize {
    let mut number = 0;
    let mut rest = text.as_bytes();
    while let [digit, tail @ ..] = rest {
        assert!(
            digit.is_ascii_digit(),
            "EMBEDDED_ARCHIVE_LENGTH is no number"
        );
        number = number * 10 + (*digit - b'0') as usize;
        rest = tail;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Archive;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<LinkError>() <= 64);
    }

    #[test]
    fn cargo_is_told_where_the_archive_is_and_what_it_was_made_of() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("assets")).unwrap();
        let asset = directory.path().join("assets/one");
        std::fs::write(&asset, "1").unwrap();
        let mut builder = Builder::new();
        builder
            .directory("", directory.path().join("assets"))
            .unwrap();
        let path = directory.path().join("embedded.archive");
        let directives = write(&builder, &path, "package").unwrap();
        assert_eq!(Archive::open(&path).unwrap().read("one").unwrap(), b"1");
        let length = std::fs::metadata(&path).unwrap().len();
        for line in [
            format!("cargo::rustc-env=EMBEDDED_ARCHIVE_PATH={}", path.display()),
            format!("cargo::rustc-env=EMBEDDED_ARCHIVE_LENGTH={length}"),
            format!("cargo::rerun-if-changed={}", asset.display()),
            format!(
                "cargo::rerun-if-changed={}",
                directory.path().join("assets").display()
            ),
        ] {
            assert!(
                directives.lines().any(|directive| directive == line),
                "{line} in {directives}"
            );
        }
        assert!(matches!(
            write(&builder, &directory.path().join("a\"b"), "package"),
            Err(LinkError::Path { .. })
        ));
    }

    #[test]
    fn lengths_are_read_at_compile_time() {
        const LENGTH: usize = decimal("1234567");
        assert_eq!(LENGTH, 1_234_567);
    }
}
