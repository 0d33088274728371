//! Linking: from objects to one shared object that a running program can load.

mod contents;
mod dynamic;
mod frame_header;
mod layout;
mod relocate;
mod requirements;
mod symbols;
mod write;

use crate::object::Object;
use contents::contents;
use layout::Layout;
use requirements::Requirements;
use symbols::Symbols;

/// The error returned by [`link_shared()`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two objects define the same symbol.
    #[error("`{first}` and `{second}` both define `{symbol}`")]
    DuplicateSymbol {
        /// The symbol.
        symbol: Box<str>,
        /// The name of the object that comes first in the list.
        first: Box<str>,
        /// The name of the other object.
        second: Box<str>,
    },
    /// A symbol that must be defined in this shared object is not.
    #[error("`{object}` needs `{symbol}` from one of the objects")]
    UndefinedSymbol {
        /// The symbol, whose visibility hides it from other shared objects.
        symbol: Box<str>,
        /// The name of the object that uses it.
        object: Box<str>,
    },
    /// Code or data that only works at a fixed address: compiled without `-fPIC`.
    #[error("section `{section}` of `{object}` is not position independent")]
    NotPositionIndependent {
        /// The name of the object.
        object: Box<str>,
        /// The section with the relocation.
        section: Box<str>,
    },
    /// A relocation that this linker does not know, such as those of thread-local variables.
    #[error("section `{section}` of `{object}` has a relocation of type {kind}")]
    UnsupportedRelocation {
        /// The name of the object.
        object: Box<str>,
        /// The section with the relocation.
        section: Box<str>,
        /// The relocation's `R_X86_64_` number.
        kind: u32,
    },
    /// A section that this linker does not know, such as thread-local storage.
    #[error("section `{section}` of `{object}` has no place in a plugin")]
    UnsupportedSection {
        /// The name of the object.
        object: Box<str>,
        /// The section.
        section: Box<str>,
    },
    /// A distance does not fit in 32 bits, or the whole is greater than that.
    #[error("`{object}` does not reach what it refers to")]
    TooLarge {
        /// The name of the object.
        object: Box<str>,
    },
    /// Call frame information that is malformed or of an unknown form.
    #[error("the call frame information of `{object}` is not understood")]
    UnsupportedFrames {
        /// The name of the object.
        object: Box<str>,
    },
}

/// Where the build id comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BuildId {
    /// From the contents: equal files have equal ids.
    #[default]
    Contents,
    /// These bytes.
    Bytes(Vec<u8>),
    /// No build id.
    None,
}

/// What [`link_shared`] can be told.
///
/// ```
/// use ocaml_assembler::{BuildId, LinkOptions, assemble, link_shared};
///
/// let object = assemble("\t.globl f\nf:\n\tret\n")?;
/// let options = LinkOptions::default().soname("plugin-1.so").needed("libhost.so").build_id(BuildId::None);
/// let plugin = link_shared(&[object], &options)?;
/// let contains = |text: &[u8]| plugin.windows(text.len()).any(|window| window == text);
/// assert!(contains(b"\0plugin-1.so\0") && contains(b"\0libhost.so\0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to `link_shared`"]
pub struct Options {
    soname: Option<String>,
    needed: Vec<String>,
    build_id: BuildId,
    symbol_table: bool,
    debug_information: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            soname: None,
            needed: Vec::new(),
            build_id: BuildId::Contents,
            symbol_table: true,
            debug_information: true,
        }
    }
}

impl Options {
    /// The name by which the dynamic loader knows the object (`DT_SONAME`, `ld -soname`). Default
    /// none. The loader loads no two objects with one name.
    pub fn soname(mut self, name: impl Into<String>) -> Options {
        self.soname = Some(name.into());
        self
    }

    /// Adds a shared object that must be loaded first (`DT_NEEDED`). Default none; ocamlopt's own
    /// plugins need `libm.so.6` and `libc.so.6`.
    pub fn needed(mut self, name: impl Into<String>) -> Options {
        self.needed.push(name.into());
        self
    }

    /// The build id, by which debuggers find separate symbols. Default [`BuildId::Contents`].
    pub fn build_id(mut self, build_id: BuildId) -> Options {
        self.build_id = build_id;
        self
    }

    /// Whether the symbol table of `nm`, `gdb` and `perf` is written, local symbols included
    /// (`ld --strip-all` is the opposite). Default true. The loader does not read it.
    pub fn symbol_table(mut self, keep: bool) -> Options {
        self.symbol_table = keep;
        self
    }

    /// Whether `.debug_` sections are kept (`ld --strip-debug` is the opposite). Default true.
    pub fn debug_information(mut self, keep: bool) -> Options {
        self.debug_information = keep;
        self
    }
}

/// Links `objects` into a shared object, such as a `.cmxs` file, and returns its bytes.
///
/// What the objects use and do not define is left to the dynamic loader. All their global symbols
/// are exported, and what they use of each other is bound at link time (`ld -shared -Bsymbolic
/// -z now -z relro`): a symbol of the same name in the host does not replace the plugin's own.
///
/// # Errors
/// See [`Error`]. A caller that has a system linker can give it the same objects.
///
/// ```
/// use ocaml_assembler::{LinkOptions, assemble, link_shared};
///
/// let caller = assemble("\t.globl f\nf:\n\tcall\tg@PLT\n\tret\n")?;
/// let callee = assemble("\t.globl g\ng:\n\tret\n")?;
/// let plugin = link_shared(&[caller, callee.clone()], &LinkOptions::default())?;
/// assert_eq!(plugin[..4], *b"\x7fELF");
///
/// let twice = [callee.clone().with_name("a.o"), callee.with_name("b.o")];
/// let error = link_shared(&twice, &LinkOptions::default()).unwrap_err();
/// assert_eq!(error.to_string(), "`a.o` and `b.o` both define `g`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn link_shared(objects: &[Object], options: &Options) -> Result<Vec<u8>, Error> {
    let symbols = Symbols::resolve(objects)?;
    let contents = contents(objects, &symbols, options.debug_information)?;
    let requirements = Requirements::collect(objects, &symbols, &contents)?;
    let layout = Layout::new(objects, &symbols, contents, &requirements, options)?;
    write::write(objects, &symbols, &requirements, &layout, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_small() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }
}
