//! The files that a build generates for a code.

use crate::Code;

/// What a generated file is to the build, beside its code.
///
/// ```
/// use code_sets::{Artefact, Code};
///
/// assert_eq!(Code::Byte.extension(Artefact::Library), Some(".cma"));
/// assert_eq!(Code::of_extension(".cmxs"), Some((Code::Native, Artefact::Plugin)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Artefact {
    /// One compilation unit.
    Unit,
    /// A library archive: several units, ready to link.
    Library,
    /// Code for `Dynlink`, where it is neither a unit nor a library archive.
    Plugin,
}

impl Code {
    /// The extensions of the artefacts of the code, with their dots: units, archives, plugins.
    ///
    /// Extensions that depend on the system, those of objects, of C libraries and of executables,
    /// are in `ocamlc -config`. Those of WebAssembly are what `wasm_of_ocaml` writes when it
    /// compiles a `.cmo` or a `.cma`.
    ///
    /// ```
    /// use code_sets::Code;
    ///
    /// assert_eq!(Code::Byte.extensions(), [".cmo", ".cma"]);
    /// assert_eq!(Code::Native.extensions(), [".cmx", ".cmxa", ".cmxs"]);
    /// assert_eq!(Code::Wasm.extensions(), [".wasmo", ".wasma"]);
    /// ```
    #[must_use]
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Code::Byte => &[".cmo", ".cma"],
            Code::Native => &[".cmx", ".cmxa", ".cmxs"],
            Code::Wasm => &[".wasmo", ".wasma"],
        }
    }

    /// The extension of an artefact of the code, with its dot; `None` if the code has no such
    /// artefact.
    ///
    /// Only native code has plugins of a kind of their own: `Dynlink` loads byte code from units
    /// and archives (see [`Code::loadable_extensions`]).
    ///
    /// ```
    /// use code_sets::{Artefact, Code};
    ///
    /// assert_eq!(Code::Native.extension(Artefact::Unit), Some(".cmx"));
    /// assert_eq!(Code::Byte.extension(Artefact::Plugin), None);
    /// ```
    #[must_use]
    pub const fn extension(self, artefact: Artefact) -> Option<&'static str> {
        match (self, artefact) {
            (Code::Byte, Artefact::Unit) => Some(".cmo"),
            (Code::Byte, Artefact::Library) => Some(".cma"),
            (Code::Native, Artefact::Unit) => Some(".cmx"),
            (Code::Native, Artefact::Library) => Some(".cmxa"),
            (Code::Native, Artefact::Plugin) => Some(".cmxs"),
            (Code::Wasm, Artefact::Unit) => Some(".wasmo"),
            (Code::Wasm, Artefact::Library) => Some(".wasma"),
            (Code::Byte | Code::Wasm, Artefact::Plugin) => None,
        }
    }

    /// The extensions of the files that `Dynlink.loadfile` takes in a program of this code, the
    /// best first; none for a code that cannot be loaded in process.
    ///
    /// ```
    /// use code_sets::Code;
    ///
    /// assert_eq!(Code::Byte.loadable_extensions(), [".cmo", ".cma"]);
    /// assert_eq!(Code::Native.loadable_extensions(), [".cmxs"]);
    /// assert!(Code::Wasm.loadable_extensions().is_empty());
    /// ```
    #[must_use]
    pub const fn loadable_extensions(self) -> &'static [&'static str] {
        match self {
            Code::Byte => &[".cmo", ".cma"],
            Code::Native => &[".cmxs"],
            Code::Wasm => &[],
        }
    }

    /// The code and the kind of the artefacts with an extension; `None` for any other extension,
    /// `.cmi` included, which all codes share.
    ///
    /// The dot of the extension may be missing, as it is in what `std::path::Path::extension`
    /// returns.
    ///
    /// ```
    /// use code_sets::{Artefact, Code};
    ///
    /// assert_eq!(Code::of_extension(".cma"), Some((Code::Byte, Artefact::Library)));
    /// assert_eq!(Code::of_extension("cmx"), Some((Code::Native, Artefact::Unit)));
    /// assert_eq!(Code::of_extension(".cmi"), None);
    /// ```
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<(Code, Artefact)> {
        let name = extension.strip_prefix('.').unwrap_or(extension);
        Code::ALL
            .into_iter()
            .flat_map(|code| {
                [Artefact::Unit, Artefact::Library, Artefact::Plugin]
                    .map(|artefact| (code, artefact))
            })
            .find(|(code, artefact)| {
                code.extension(*artefact)
                    .and_then(|dotted| dotted.strip_prefix('.'))
                    == Some(name)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extension_belongs_to_one_code() {
        for code in Code::ALL {
            for extension in code.extensions() {
                let (found, artefact) = Code::of_extension(extension).expect("a known extension");
                assert_eq!(found, code);
                assert_eq!(code.extension(artefact), Some(*extension));
            }
            for extension in code.loadable_extensions() {
                assert!(code.extensions().contains(extension));
            }
        }
    }

    #[test]
    fn extensions_of_no_code_are_not_known() {
        for extension in ["", ".", ".cmi", ".o", ".a", "..cmo", ".CMO", ".ml"] {
            assert_eq!(Code::of_extension(extension), None, "{extension}");
        }
    }
}
