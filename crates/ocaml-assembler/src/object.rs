//! Relocatable objects in memory: what assembling makes and linking takes.

mod read;
mod write;

pub use read::Error as ReadError;

use crate::elf;

/// A relocatable object for x86-64 Linux.
///
/// [`crate::assemble()`] makes one from assembly, [`Object::parse`] from the bytes of an ELF file;
/// [`Object::to_elf`] gives the bytes of such a file, [`crate::link_shared`] a loadable one.
///
/// ```
/// let object = ocaml_assembler::assemble("\t.globl f\nf:\n\tret\n")?;
/// assert_eq!(object.section(".text"), Some(&[0xc3][..]));
/// assert_eq!(object.to_elf()[..4], *b"\x7fELF");
/// # Ok::<(), ocaml_assembler::AssembleError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Object {
    pub(crate) name: String,
    /// The name in a symbol of type `STT_FILE`, which `.file` asks for.
    pub(crate) source_name: Option<String>,
    pub(crate) sections: Vec<Section>,
    pub(crate) symbols: Vec<Symbol>,
    /// The symbols' names, each followed by a zero; the first is empty.
    pub(crate) names: Vec<u8>,
}

/// A part of an object that the linker keeps together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    pub(crate) alignment: u64,
    pub(crate) entry_size: u64,
    pub(crate) data: Vec<u8>,
    /// The size in memory: that of `data`, except where the section has no bytes in the file.
    pub(crate) size: u64,
    pub(crate) relocations: Vec<Relocation>,
}

/// A symbol that is not a section's.
#[derive(Debug, Clone)]
pub(crate) struct Symbol {
    /// Where the name begins in [`Object::names`], and its length.
    pub(crate) name: u32,
    pub(crate) name_length: u32,
    pub(crate) place: Place,
    pub(crate) value: u64,
    pub(crate) size: u64,
    pub(crate) binding: u8,
    pub(crate) kind: u8,
    pub(crate) visibility: u8,
}

/// Where a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Undefined,
    /// In the section with this index.
    Section(u32),
    Absolute,
    /// Uninitialised, in no section yet; the symbol's value is the alignment.
    Common,
}

/// What a relocation refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The symbol with this index.
    Symbol(u32),
    /// The beginning of the section with this index.
    Section(u32),
}

/// A place whose bytes depend on an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relocation {
    pub(crate) offset: u64,
    /// An `R_X86_64_` number.
    pub(crate) kind: u32,
    pub(crate) target: Target,
    pub(crate) addend: i64,
}

impl Object {
    /// Gives the object a name, such as its path, for the messages of [`crate::link_shared`].
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Object {
        self.name = name.into();
        self
    }

    /// The name given with [`Object::with_name`]; empty when none was.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the first section called `name`, before relocation.
    pub fn section(&self, name: &str) -> Option<&[u8]> {
        self.sections
            .iter()
            .find(|section| section.name == name)
            .map(|section| &section.data[..])
    }

    /// The names of the symbols that the object defines for others, in the order of the object.
    pub fn defined_symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols
            .iter()
            .filter(|symbol| symbol.binding != elf::STB_LOCAL && symbol.place != Place::Undefined)
            .map(|symbol| self.symbol_name(symbol))
    }

    /// The names of the symbols that the object uses and does not define.
    pub fn undefined_symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols
            .iter()
            .filter(|symbol| symbol.place == Place::Undefined)
            .map(|symbol| self.symbol_name(symbol))
    }

    pub(crate) fn name_bytes(&self, symbol: &Symbol) -> &[u8] {
        let start = symbol.name as usize;
        &self.names[start..start + symbol.name_length as usize]
    }

    /// The name as text; names that are no UTF-8 come only from foreign objects and show empty.
    pub(crate) fn symbol_name(&self, symbol: &Symbol) -> &str {
        std::str::from_utf8(self.name_bytes(symbol)).unwrap_or("")
    }

    /// Adds `symbol` under `name`; returns its index.
    pub(crate) fn push_symbol(&mut self, name: &[u8], symbol: Symbol) -> u32 {
        let start = self.names.len() as u32;
        self.names.extend_from_slice(name);
        self.names.push(0);
        self.symbols.push(Symbol {
            name: start,
            name_length: name.len() as u32,
            ..symbol
        });
        (self.symbols.len() - 1) as u32
    }
}

impl Default for Symbol {
    fn default() -> Symbol {
        Symbol {
            name: 0,
            name_length: 0,
            place: Place::Undefined,
            value: 0,
            size: 0,
            binding: elf::STB_LOCAL,
            kind: elf::STT_NOTYPE,
            visibility: elf::STV_DEFAULT,
        }
    }
}

impl Section {
    pub(crate) fn new(
        name: impl Into<String>,
        kind: u32,
        flags: u64,
        alignment: u64,
        data: Vec<u8>,
    ) -> Section {
        let size = data.len() as u64;
        Section {
            name: name.into(),
            kind,
            flags,
            alignment,
            size,
            data,
            ..Section::default()
        }
    }
}
