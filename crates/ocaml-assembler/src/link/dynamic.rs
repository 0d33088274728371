//! What the dynamic loader reads: symbols, their hash table, and the list of everything else.

use super::layout::Layout;
use super::symbols::{Definition, Symbols};
use super::{Options, contents::Contents};
use crate::elf::{self, Image, SymbolEntry};
use crate::object::Object;

/// The dynamic symbol table before addresses are known.
pub(super) struct DynamicSymbols<'o> {
    /// How many symbols are imported; the first has index 1.
    imports: usize,
    /// The exported symbols in the order of their indices, which is that of the hash table.
    exports: Vec<(&'o [u8], Definition)>,
    /// For each symbol, where its name begins in the string table.
    names: Vec<u32>,
    pub(super) strings: Vec<u8>,
    pub(super) hash: Vec<u8>,
    soname: u32,
    needed: Vec<u32>,
}

impl<'o> DynamicSymbols<'o> {
    pub(super) fn new(symbols: &Symbols<'o>, options: &Options) -> DynamicSymbols<'o> {
        let mut hashed: Vec<(u32, &[u8], Definition)> = symbols
            .exports
            .iter()
            .map(|&(name, definition)| (hash(name), name, definition))
            .collect();
        let buckets = (hashed.len() / 2).max(1) as u32 | 1;
        // The order within a bucket is free; by name, so that equal inputs give equal files.
        hashed.sort_unstable_by_key(|&(hash, name, _)| (hash % buckets, name));
        let table = hash_table(&hashed, buckets, symbols.imports.len() as u32 + 1);
        let mut strings = vec![0];
        let mut add = |text: &[u8]| {
            let start = strings.len() as u32;
            strings.extend_from_slice(text);
            strings.push(0);
            start
        };
        let needed = options
            .needed
            .iter()
            .map(|name| add(name.as_bytes()))
            .collect();
        let soname = options
            .soname
            .as_ref()
            .map_or(0, |name| add(name.as_bytes()));
        let mut names = Vec::with_capacity(symbols.imports.len() + hashed.len());
        names.extend(symbols.imports.iter().map(|import| add(import.name)));
        names.extend(hashed.iter().map(|(_, name, _)| add(name)));
        let exports = hashed
            .into_iter()
            .map(|(_, name, definition)| (name, definition))
            .collect();
        DynamicSymbols {
            imports: symbols.imports.len(),
            exports,
            names,
            strings,
            hash: table,
            soname,
            needed,
        }
    }

    /// How many symbols there are, with the empty one at the beginning.
    pub(super) fn count(&self) -> usize {
        1 + self.imports + self.exports.len()
    }

    /// The index of an import.
    pub(super) fn import_index(import: u32) -> u32 {
        import + 1
    }

    /// Writes the symbols. `section` tells the index of an output section.
    pub(super) fn write(
        &self,
        image: &mut Image,
        objects: &[Object],
        symbols: &Symbols<'_>,
        layout: &Layout<'_>,
        section: impl Fn(Definition) -> u16,
    ) {
        SymbolEntry {
            name: 0,
            info: 0,
            visibility: 0,
            section: 0,
            value: 0,
            size: 0,
        }
        .write(image);
        for (import, &name) in symbols.imports.iter().zip(&self.names) {
            let info = import.binding << 4 | import.kind;
            SymbolEntry {
                name,
                info,
                visibility: 0,
                section: 0,
                value: 0,
                size: 0,
            }
            .write(image);
        }
        for (&(_, definition), &name) in self.exports.iter().zip(&self.names[self.imports..]) {
            let symbol = &objects[definition.object as usize].symbols[definition.symbol as usize];
            let value = layout.definition_address(objects, definition).unwrap_or(0);
            let info = symbol.binding << 4 | symbol.kind;
            let (visibility, size) = (symbol.visibility, symbol.size);
            SymbolEntry {
                name,
                info,
                visibility,
                section: section(definition),
                value,
                size,
            }
            .write(image);
        }
    }
}

/// The hash function of DT_GNU_HASH: Bernstein's, times 33.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, &byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

const BLOOM_SHIFT: u32 = 26;

/// The contents of `.gnu.hash` for symbols sorted by bucket, the first of which has index `first`.
fn hash_table(symbols: &[(u32, &[u8], Definition)], buckets: u32, first: u32) -> Vec<u8> {
    // About 8 bits of filter for each symbol.
    let words = (symbols.len() / 8).next_power_of_two();
    let mut filter = vec![0u64; words];
    let mut starts = vec![0; buckets as usize];
    let mut chains = Vec::with_capacity(symbols.len());
    for (index, &(hash, _, _)) in symbols.iter().enumerate() {
        filter[(hash / 64) as usize % words] |=
            1 << (hash % 64) | 1 << ((hash >> BLOOM_SHIFT) % 64);
        let bucket = hash % buckets;
        if starts[bucket as usize] == 0 {
            starts[bucket as usize] = first + index as u32;
        }
        // The lowest bit marks the end of a bucket.
        let last = symbols
            .get(index + 1)
            .is_none_or(|(next, _, _)| next % buckets != bucket);
        chains.push(hash & !1 | u32::from(last));
    }
    let mut image = Image::default();
    for word in [buckets, first, words as u32, BLOOM_SHIFT] {
        image.u32(word);
    }
    for word in filter {
        image.u64(word);
    }
    for word in starts.into_iter().chain(chains) {
        image.u32(word);
    }
    image.0
}

/// How many entries the dynamic section has, with the empty one at the end.
pub(super) fn entries(contents: &Contents, options: &Options) -> usize {
    let arrays = [".init_array", ".fini_array"]
        .iter()
        .filter(|name| contents.find(name).is_some())
        .count();
    12 + options.needed.len() + usize::from(options.soname.is_some()) + 2 * arrays
}

/// Writes the dynamic section.
pub(super) fn write(image: &mut Image, layout: &Layout<'_>, relative: usize, options: &Options) {
    let mut entry = |tag: u64, value: u64| {
        image.u64(tag);
        image.u64(value);
    };
    for &name in &layout.dynamic_symbols.needed {
        entry(elf::DT_NEEDED, u64::from(name));
    }
    if options.soname.is_some() {
        entry(elf::DT_SONAME, u64::from(layout.dynamic_symbols.soname));
    }
    for (name, address, size) in [
        (".init_array", elf::DT_INIT_ARRAY, elf::DT_INIT_ARRAYSZ),
        (".fini_array", elf::DT_FINI_ARRAY, elf::DT_FINI_ARRAYSZ),
    ] {
        if let Some(index) = layout.contents.find(name) {
            entry(address, layout.addresses[index]);
            entry(size, layout.contents.outputs[index].size);
        }
    }
    entry(elf::DT_GNU_HASH, layout.hash.start);
    entry(elf::DT_STRTAB, layout.strings.start);
    entry(elf::DT_SYMTAB, layout.symbol_table.start);
    entry(elf::DT_STRSZ, layout.strings.size());
    entry(elf::DT_SYMENT, elf::SYMBOL_SIZE as u64);
    entry(elf::DT_RELA, layout.relocations.start);
    entry(elf::DT_RELASZ, layout.relocations.size());
    entry(elf::DT_RELAENT, elf::RELA_SIZE as u64);
    entry(elf::DT_RELACOUNT, relative as u64);
    entry(elf::DT_FLAGS, elf::DF_SYMBOLIC | elf::DF_BIND_NOW);
    entry(elf::DT_FLAGS_1, elf::DF_1_NOW);
    entry(elf::DT_NULL, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_loader() {
        // The examples of the GNU hash section's description.
        assert_eq!(hash(b""), 0x0000_1505);
        assert_eq!(hash(b"printf"), 0x156b_2bb8);
        assert_eq!(hash(b"syscall"), 0xbac2_12a0);
    }
}
