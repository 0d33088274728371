//! The arguments of a compilation.

use std::ffi::OsString;

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
        (Goal::Load, Code::Native) => {
            arguments.extend(options.flags.cmxs.iter().cloned());
            arguments.extend(link);
            arguments.extend(["-shared".into(), "-o".into(), output.into()]);
        }
        // The byte-code driver's own (`ocaml/link_byte.ml`).
        (Goal::Load, Code::Byte) if options.has_archives() => {
            arguments.extend(["-c".into(), "--saddlebag-link".into(), output.into()]);
            let archives = options.libraries.iter().flat_map(Library::archives);
            arguments.extend(archives.map(Into::into));
            for stub in options.libraries.iter().flat_map(Library::stub_libraries) {
                arguments.extend(["-dllib".into(), stub.into()]);
            }
            arguments.push("--saddlebag-end".into());
        }
        (Goal::Load, _) => arguments.push("-c".into()),
    }
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
    let mut key = arguments(options, Vec::new(), Goal::Load, Vec::new(), "");
    key.push(format!("assembler {:?}", options.assembler).into());
    key
}
