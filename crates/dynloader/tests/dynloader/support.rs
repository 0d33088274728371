//! A kit of the installed toolchain, and folders of sources.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use code_sets::Code;
use dynloader::kit::SystemOptions;
use dynloader::{Kit, Loader, Options};
use futures_lite::future::block_on;

/// The kit of the installed OCaml for native code. Without one the test fails where `CI` is set, and is skipped
/// elsewhere.
pub(crate) fn kit() -> Option<Kit> {
    static KIT: OnceLock<Option<Kit>> = OnceLock::new();
    KIT.get_or_init(|| kit_for(Code::Native)).clone()
}

/// As [`kit`], for byte code.
pub(crate) fn byte_kit() -> Option<Kit> {
    static KIT: OnceLock<Option<Kit>> = OnceLock::new();
    KIT.get_or_init(|| kit_for(Code::Byte)).clone()
}

fn kit_for(code: Code) -> Option<Kit> {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cache");
    match block_on(Kit::system(SystemOptions::new(cache).code(code))) {
        Ok(kit) => Some(kit),
        Err(error) if std::env::var_os("CI").is_some() => panic!("no OCaml: {}", chain(&error)),
        Err(error) => {
            println!("SKIP: no OCaml: {}", chain(&error));
            None
        }
    }
}

/// A loader for native code, or for the code that `SADDLEBAG_TEST_CODE` names: what is said of plugins holds for both.
pub(crate) fn loader(options: Options) -> Option<Loader> {
    match std::env::var("SADDLEBAG_TEST_CODE").as_deref() {
        Ok("byte") => Some(Loader::new(byte_kit()?, options.code(Code::Byte)).unwrap()),
        Err(_) | Ok("native") => Some(Loader::new(kit()?, options).unwrap()),
        Ok(other) => panic!("SADDLEBAG_TEST_CODE is `{other}`"),
    }
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(folder.path(), name, text);
    }
    folder
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

/// The value, or a panic that shows the error with all its causes.
pub(crate) trait Succeed<T> {
    fn succeed(self) -> T;
}

impl<T, E: std::error::Error> Succeed<T> for Result<T, E> {
    #[track_caller]
    fn succeed(self) -> T {
        self.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }
}

/// The messages of an error and its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
