//! The arguments of a compilation.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use code_sets::Code;

use crate::compile::Goal;
use crate::library::Library;
use crate::options::Options;

/// The arguments after the kit's own. One process compiles and links: starting a second one costs more than
/// compiling a small plugin.
pub(crate) fn arguments(
    options: &Options,
    libraries: Vec<OsString>,
    goal: Goal,
    link: Vec<OsString>,
    output: &str,
) -> Vec<OsString> {
    let mut arguments = unit_arguments(options, libraries);
    match (goal, options.code) {
        // Later phases than typing refuse programs too, for example unsafe recursive modules.
        (Goal::Check, Code::Native) => {
            arguments.extend(["-stop-after", "scheduling"].map(Into::into))
        }
        (Goal::Check, _) => arguments.push("-c".into()),
        (Goal::Load | Goal::LoadHere, Code::Native) => {
            arguments.extend(options.flags.cmxs.iter().cloned());
            arguments.extend(link);
            arguments.extend(["-shared".into(), "-o".into(), output.into()]);
        }
        (Goal::Load | Goal::LoadHere, _) => {
            arguments.push("-c".into());
            arguments.extend(link);
        }
    }
    arguments
}

/// What the byte-code driver takes besides the compiler's own (`ocaml/link_byte.ml`): the archives of libraries, at the
/// places that `place` gives, and their stub libraries, by the names that the plugin is to have for them.
pub(crate) fn byte_link_arguments(
    options: &Options,
    output: &str,
    place: impl Fn(&Path) -> PathBuf,
) -> Vec<OsString> {
    if !options.has_archives() {
        return Vec::new();
    }
    let mut arguments: Vec<OsString> = vec!["--saddlebag-link".into(), output.into()];
    let archives = options.libraries.iter().flat_map(Library::archives);
    arguments.extend(archives.map(|archive| place(archive).into()));
    for stub in options.libraries.iter().flat_map(Library::stub_libraries) {
        arguments.extend(["-dllib".into(), stub.into()]);
    }
    arguments.push("--saddlebag-end".into());
    arguments
}

/// The arguments that say what becomes of a unit.
pub(crate) fn unit_arguments(options: &Options, libraries: Vec<OsString>) -> Vec<OsString> {
    // Positions as data; the sources are quoted by whoever shows them.
    let mut arguments: Vec<OsString> = ["-error-style", "short", "-color", "never"]
        .map(Into::into)
        .into();
    arguments.extend(options.compile_arguments_with(libraries));
    arguments
}

/// The arguments in the form that keys of the cache are made from; libraries are parts of keys by themselves.
pub(crate) fn key_arguments(options: &Options) -> Vec<OsString> {
    let link = match options.code {
        Code::Byte => byte_link_arguments(options, "", Path::to_owned),
        Code::Native | Code::Wasm => Vec::new(),
    };
    let mut key = arguments(options, Vec::new(), Goal::Load, link, "");
    key.push(format!("assembler {:?}", options.assembler).into());
    key
}
