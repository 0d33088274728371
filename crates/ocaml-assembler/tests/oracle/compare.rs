//! Whether two relocatable objects say the same.

use std::collections::BTreeMap;
use std::fmt::Write;

use object::{
    Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SectionFlags,
    SymbolFlags,
};

/// The sections, relocations and symbols of an object, in an order of their own.
#[derive(PartialEq, Eq, Debug)]
struct Contents {
    sections: BTreeMap<String, Section>,
    symbols: Vec<Symbol>,
}

#[derive(PartialEq, Eq, Debug)]
struct Section {
    data: Vec<u8>,
    flags: (u32, u64),
    alignment: u64,
    relocations: Vec<Relocation>,
}

#[derive(PartialEq, Eq, Debug, PartialOrd, Ord)]
struct Relocation {
    offset: u64,
    kind: u32,
    target: String,
    addend: i64,
}

#[derive(PartialEq, Eq, Debug, PartialOrd, Ord)]
struct Symbol {
    name: String,
    section: String,
    value: u64,
    size: u64,
    info: u8,
}

/// What the assemblers describe in their own words: who made the object, and where.
const OWN_WORDS: [&str; 5] = [
    ".debug_info",
    ".debug_abbrev",
    ".debug_str",
    ".debug_aranges",
    ".debug_ranges",
];

fn contents(bytes: &[u8]) -> Contents {
    let file = object::File::parse(bytes).expect("an ELF file");
    let section_name = |index| {
        file.section_by_index(index)
            .expect("a section")
            .name()
            .expect("UTF-8")
            .to_owned()
    };
    let mut sections = BTreeMap::new();
    for section in file.sections() {
        let name = section.name().expect("UTF-8").to_owned();
        let table = name.starts_with(".rela")
            || [".symtab", ".strtab", ".shstrtab", ""].contains(&&name[..]);
        if table || OWN_WORDS.contains(&&name[..]) {
            continue;
        }
        let mut relocations: Vec<Relocation> = section
            .relocations()
            .map(|(offset, relocation)| {
                let RelocationFlags::Elf { r_type } = relocation.flags() else {
                    panic!("not ELF")
                };
                let RelocationTarget::Symbol(index) = relocation.target() else {
                    panic!("no symbol")
                };
                let symbol = file.symbol_by_index(index).expect("a symbol");
                let target = match symbol.kind() {
                    object::SymbolKind::Section => {
                        section_name(symbol.section_index().expect("a section"))
                    }
                    _ => symbol.name().expect("UTF-8").to_owned(),
                };
                Relocation {
                    offset,
                    kind: r_type.0,
                    target,
                    addend: relocation.addend(),
                }
            })
            .collect();
        relocations.sort();
        let SectionFlags::Elf { sh_flags, sh_type } = section.flags() else {
            panic!("not ELF")
        };
        let (data, alignment) = (section.data().expect("data").to_vec(), section.align());
        sections.insert(
            name,
            Section {
                data,
                flags: (sh_type.0, sh_flags.0),
                alignment,
                relocations,
            },
        );
    }
    let mut symbols: Vec<Symbol> = file
        .symbols()
        .filter(|symbol| symbol.kind() != object::SymbolKind::Section)
        // GNU as adds this to every object that uses the global offset table; no linker needs it.
        .filter(|symbol| symbol.name() != Ok("_GLOBAL_OFFSET_TABLE_"))
        .map(|symbol| {
            let SymbolFlags::Elf { st_info, .. } = symbol.flags() else {
                panic!("not ELF")
            };
            let section = symbol.section_index().map(section_name).unwrap_or_default();
            let name = symbol.name().expect("UTF-8").to_owned();
            Symbol {
                name,
                section,
                value: symbol.address(),
                size: symbol.size(),
                info: st_info.0,
            }
        })
        .collect();
    symbols.sort();
    Contents { sections, symbols }
}

/// The first difference between two objects, in words; nothing when they say the same.
pub(crate) fn difference(ours: &[u8], theirs: &[u8]) -> Option<String> {
    let (ours, theirs) = (contents(ours), contents(theirs));
    for (name, their) in &theirs.sections {
        let Some(our) = ours.sections.get(name) else {
            return Some(format!("no section {name}"));
        };
        if our.data != their.data {
            let place = our.data.iter().zip(&their.data).position(|(a, b)| a != b);
            let place = place.unwrap_or(our.data.len().min(their.data.len()));
            let around = |data: &[u8]| {
                let mut text = String::new();
                for byte in
                    &data[place.saturating_sub(12).min(data.len())..(place + 12).min(data.len())]
                {
                    let _ = write!(text, "{byte:02x} ");
                }
                text
            };
            return Some(format!(
                "{name} differs at {place:#x}, sizes {:#x} and {:#x}: ours {}theirs {}",
                our.data.len(),
                their.data.len(),
                around(&our.data),
                around(&their.data)
            ));
        }
        if let Some(pair) = first_difference(&our.relocations, &their.relocations) {
            return Some(format!("relocations of {name}: {pair}"));
        }
        if (our.flags, our.alignment) != (their.flags, their.alignment) {
            let (ours, theirs) = ((our.flags, our.alignment), (their.flags, their.alignment));
            return Some(format!(
                "flags and alignment of {name}: {ours:?} and {theirs:?}"
            ));
        }
    }
    if let Some(name) = ours
        .sections
        .keys()
        .find(|name| !theirs.sections.contains_key(*name))
    {
        return Some(format!("section {name} too many"));
    }
    first_difference(&ours.symbols, &theirs.symbols).map(|pair| format!("symbols: {pair}"))
}

fn first_difference<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T]) -> Option<String> {
    let count = ours.len().max(theirs.len());
    let index = (0..count).find(|&index| ours.get(index) != theirs.get(index))?;
    Some(format!(
        "ours {:?}, theirs {:?}",
        ours.get(index),
        theirs.get(index)
    ))
}

#[cfg(test)]
mod tests {
    use super::difference;
    use ocaml_assembler::assemble;

    /// An oracle that sees no difference proves nothing.
    #[test]
    fn each_kind_of_difference_is_seen() {
        let object = |text: &str| assemble(text).expect("assembly").to_elf();
        let base = "\t.globl f\nf:\n\tcall\tg@PLT\n\t.align 8\n";
        assert_eq!(difference(&object(base), &object(base)), None);
        for (change, part) in [
            (base.replace("call", "jmp"), ".text differs"),
            (base.replace("g@PLT", "h@PLT"), "relocations of .text"),
            (base.replace(".globl f", ".globl k"), "symbols"),
            (base.replace("8", "16"), ".text differs"),
            (
                format!("{base}\t.data\n\t.align 4\n"),
                "flags and alignment of .data",
            ),
            (
                format!("{base}\t.section .rodata\n"),
                "section .rodata too many",
            ),
        ] {
            let found = difference(&object(&change), &object(base)).unwrap_or_default();
            assert!(found.contains(part), "{change}: {found}");
        }
    }
}
