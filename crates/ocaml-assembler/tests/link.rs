//! What the linker does with objects that need no compiler to make.

use object::elf::{DT_NEEDED, DT_SONAME, PT_GNU_RELRO, PT_LOAD, PT_NOTE};
use object::read::elf::{Dyn as _, ElfFile64, FileHeader as _, ProgramHeader as _, VersionTable};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, ObjectSymbolTable as _,
};
use ocaml_assembler::{BuildId, LinkError, LinkOptions, Object, assemble, link_shared};

fn object(name: &str, text: &str) -> Object {
    assemble(text)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .with_name(name)
}

fn link(objects: &[Object]) -> Result<Vec<u8>, LinkError> {
    link_shared(objects, &LinkOptions::default())
}

fn read(bytes: &[u8]) -> ElfFile64<'_, Endianness> {
    ElfFile64::parse(bytes).expect("an ELF file")
}

/// The bytes at an address of the text.
fn text(bytes: &[u8]) -> Vec<u8> {
    let file = read(bytes);
    let section = file.section_by_name(".text").expect("code");
    section.data().expect("bytes").to_vec()
}

#[test]
fn a_call_inside_the_plugin_is_direct() {
    let plugin = link(&[
        object("a", "\t.globl f\nf:\n\tcall\tg@PLT\n\tret\n"),
        object("b", "\t.globl g\n\tnop\ng:\n\tret\n"),
    ]);
    let plugin = plugin.expect("a plugin");
    // call +1: over the `ret` and up to the second object, and over its `nop`.
    assert_eq!(text(&plugin)[..6], [0xe8, 2, 0, 0, 0, 0xc3]);
    assert!(read(&plugin).section_by_name(".got").is_none());
}

#[test]
fn a_call_out_of_the_plugin_goes_through_a_stub_and_a_slot() {
    let plugin = link(&[object(
        "a",
        "\tcall\tputs@PLT\n\tcall\tputs@PLT\n\tmovq\tputs@GOTPCREL(%rip), %rax\n",
    )]);
    let plugin = plugin.expect("a plugin");
    let file = read(&plugin);
    let (stubs, slots) = (
        file.section_by_name(".plt.got").expect("stubs"),
        file.section_by_name(".got").expect("slots"),
    );
    assert_eq!((stubs.size(), slots.size()), (8, 8));
    let data = stubs.data().expect("bytes");
    let distance = i32::from_le_bytes(data[2..6].try_into().expect("4 bytes"));
    assert_eq!(data[..2], [0xff, 0x25]);
    assert_eq!(stubs.address() + 6 + distance as u64, slots.address());
    let relocations: Vec<_> = file.dynamic_relocations().expect("relocations").collect();
    assert_eq!(relocations.len(), 1);
    assert_eq!(relocations[0].0, slots.address());
}

#[test]
fn the_address_of_an_own_symbol_is_computed_and_not_loaded() {
    let plugin = link(&[object(
        "a",
        "\t.globl f\nf:\n\tmovq\tf@GOTPCREL(%rip), %rax\n",
    )])
    .expect("a plugin");
    // lea -7(%rip), %rax
    assert_eq!(text(&plugin), [0x48, 0x8d, 0x05, 0xf9, 0xff, 0xff, 0xff]);
}

#[test]
fn other_loads_from_the_table_keep_their_slot() {
    let plugin = link(&[object(
        "a",
        "\t.globl f\nf:\n\taddq\tf@GOTPCREL(%rip), %rax\n",
    )])
    .expect("a plugin");
    assert_eq!(
        read(&plugin).section_by_name(".got").expect("slots").size(),
        8
    );
    assert_eq!(text(&plugin)[..3], [0x48, 0x03, 0x05]);
}

#[test]
fn names_of_the_file_and_of_what_it_needs_are_in_the_dynamic_section() {
    let options = LinkOptions::default()
        .soname("own.so")
        .needed("first.so")
        .needed("second.so");
    let plugin = link_shared(&[object("a", "\tret\n")], &options).expect("a plugin");
    let file = read(&plugin);
    let strings = file
        .section_by_name(".dynstr")
        .expect("strings")
        .data()
        .expect("bytes");
    let string = |offset: u64| {
        let rest = &strings[offset as usize..];
        String::from_utf8_lossy(&rest[..rest.iter().position(|&byte| byte == 0).expect("an end")])
            .into_owned()
    };
    let endian = file.endian();
    let header = file.elf_header();
    let sections = header.sections(endian, &plugin[..]).expect("sections");
    let (entries, _) = sections
        .dynamic(endian, &plugin[..])
        .expect("readable")
        .expect("a dynamic section");
    let named = |tag: i64| -> Vec<String> {
        entries
            .iter()
            .filter(|entry| entry.d_tag(endian).0 == tag)
            .map(|entry| string(entry.d_val(endian)))
            .collect()
    };
    assert_eq!(named(DT_NEEDED.0), ["first.so", "second.so"]);
    assert_eq!(named(DT_SONAME.0), ["own.so"]);
}

#[test]
fn no_segment_is_writable_and_executable_and_the_table_is_protected() {
    let plugin =
        link(&[object("a", "\tcall\tputs@PLT\n\t.data\n\t.quad\tputs\n")]).expect("a plugin");
    let file = read(&plugin);
    let endian = file.endian();
    let headers = file.elf_program_headers();
    let loads: Vec<u32> = headers
        .iter()
        .filter(|header| header.p_type(endian) == PT_LOAD)
        .map(|header| header.p_flags(endian).0)
        .collect();
    assert_eq!(loads, [4, 5, 6]);
    let protected = headers
        .iter()
        .find(|header| header.p_type(endian) == PT_GNU_RELRO)
        .expect("a protected range");
    let slots = file.section_by_name(".got").expect("slots");
    let data = file.section_by_name(".data").expect("data");
    let range = protected.p_vaddr(endian)..protected.p_vaddr(endian) + protected.p_memsz(endian);
    assert!(range.contains(&slots.address()) && !range.contains(&data.address()));
    assert_eq!(range.end % 4096, 0);
}

#[test]
fn the_build_id_follows_the_contents_or_the_caller() {
    let id = |text: &str, build_id: BuildId| {
        let plugin = link_shared(
            &[object("a", text)],
            &LinkOptions::default().build_id(build_id),
        )
        .expect("a plugin");
        read(&plugin)
            .build_id()
            .expect("readable")
            .map(<[u8]>::to_vec)
    };
    let first = id("\tret\n", BuildId::Contents).expect("an id");
    assert_eq!(id("\tret\n", BuildId::Contents), Some(first.clone()));
    assert_ne!(id("\tnop\n", BuildId::Contents), Some(first));
    assert_eq!(
        id("\tret\n", BuildId::Bytes(vec![1, 2, 3])),
        Some(vec![1, 2, 3])
    );
    assert_eq!(id("\tret\n", BuildId::None), None);
    let plugin = link_shared(
        &[object("a", "\tret\n")],
        &LinkOptions::default().build_id(BuildId::None),
    )
    .expect("a plugin");
    let file = read(&plugin);
    assert!(
        file.elf_program_headers()
            .iter()
            .all(|header| header.p_type(file.endian()) != PT_NOTE)
    );
}

#[test]
fn what_cannot_be_loaded_anywhere_is_refused_with_object_and_section() {
    let fixed = |text: &str, section: &str| {
        let expected = LinkError::NotPositionIndependent {
            object: "a.o".into(),
            section: section.into(),
        };
        assert_eq!(link(&[object("a.o", text)]), Err(expected), "{text}");
    };
    fixed("\tmovq\t$f, %rax\n", ".text");
    fixed("\tmovq\tf(%rax), %rax\n", ".text");
    fixed("\tleaq\tf(%rip), %rax\n", ".text");
    fixed("\tmovabsq\t$f, %rax\n", ".text");
    fixed("\t.section .rodata\n\t.quad\tf\n", ".rodata");
    fixed("\t.data\n\t.long\tf\n", ".data");
}

#[test]
fn duplicate_symbols_are_refused_and_local_ones_are_not_duplicates() {
    let global = "\t.globl f\nf:\n\tret\n";
    let error = link(&[object("a.o", global), object("b.o", global)]).expect_err("a duplicate");
    assert_eq!(error.to_string(), "`a.o` and `b.o` both define `f`");
    let local = "f:\n\tcall\tf\n";
    let plugin = link(&[object("a.o", local), object("b.o", local)]).expect("a plugin");
    // Each calls its own.
    assert_eq!(text(&plugin)[..5], [0xe8, 0xfb, 0xff, 0xff, 0xff]);
}

#[test]
fn every_exported_symbol_is_found_through_the_hash_table() {
    let mut source = String::new();
    for number in 0..500 {
        source.push_str(&format!("\t.globl f{number}\nf{number}:\n\tret\n"));
    }
    source.push_str("\tcall\timported@PLT\n");
    let plugin = link(&[object("a", &source)]).expect("a plugin");
    let file = read(&plugin);
    let endian = file.endian();
    let sections = file
        .elf_header()
        .sections(endian, &plugin[..])
        .expect("sections");
    let (table, link) = sections
        .gnu_hash(endian, &plugin[..])
        .expect("readable")
        .expect("a hash table");
    let symbols = sections
        .symbol_table_by_index(endian, &plugin[..], link)
        .expect("symbols");
    let versions = VersionTable::default();
    for number in 0..500 {
        let name = format!("f{number}");
        let found = table.find(
            endian,
            name.as_bytes(),
            object::elf::gnu_hash(name.as_bytes()),
            None,
            &symbols,
            &versions,
        );
        let (index, _) = found.unwrap_or_else(|| panic!("{name} is not found"));
        let symbol = file
            .dynamic_symbol_table()
            .expect("symbols")
            .symbol_by_index(index)
            .expect("a symbol");
        assert_eq!(symbol.name(), Ok(&name[..]));
    }
}
