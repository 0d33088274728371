//! Loading what was linked: the same output as from the plugin that ocamlopt and ld make.
#![expect(
    clippy::disallowed_methods,
    reason = "the compiler and the host are processes"
)]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

mod fixture;
mod programs;

use std::path::PathBuf;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use ocaml_assembler::{Archive, Object, link_shared};

use fixture::{Fixture, PLUGIN, options, run};

#[test]
fn a_plugin_prints_what_the_one_linked_by_ld_prints() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    for flags in [
        &[][..],
        &["-g"],
        &["-g", "-function-sections"],
        &["-g", "-inline", "100", "-unsafe", "-w", "-a"],
    ] {
        if flags.contains(&"-function-sections")
            && !fixture
                .compile(&["-config"])
                .contains("function_sections: true")
        {
            continue;
        }
        let source = if flags.contains(&"-unsafe") {
            PLUGIN.replace("thrower [| 1 |]", "List.nth [1]")
        } else {
            PLUGIN.to_owned()
        };
        let objects = fixture.plugin("plugin", &source, flags);
        fixture.link("own.cmxs", &objects, &options());
        let expected = fixture.load(&["plugin.cmxs"]);
        assert!(expected.contains("1307674368000 df"), "{expected}");
        assert_eq!(fixture.load(&["own.cmxs"]), expected, "{flags:?}");
        // The file's soname, tables for debuggers and build id change nothing.
        let stripped = options()
            .soname("x.so")
            .symbol_table(false)
            .debug_information(false);
        fixture.link("stripped.cmxs", &objects, &stripped);
        assert_eq!(fixture.load(&["stripped.cmxs"]), expected, "{flags:?}");
    }
}

#[test]
fn an_object_that_went_through_a_file_links_to_the_same_plugin() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let objects = fixture.plugin("plugin", PLUGIN, &["-g"]);
    let read: Vec<Object> = objects
        .iter()
        .map(|object| {
            Object::parse(&object.to_elf())
                .expect("an object")
                .with_name(object.name())
        })
        .collect();
    let stripped = options().symbol_table(false);
    assert_eq!(
        link_shared(&read, &stripped),
        link_shared(&objects, &stripped)
    );
}

#[test]
fn ld_links_the_objects_that_are_written() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let objects = fixture.plugin("plugin", PLUGIN, &["-g"]);
    let expected = fixture.load(&["plugin.cmxs"]);
    let mut arguments = vec!["-shared", "-o", "theirs.cmxs"];
    for (object, name) in objects.iter().zip(["startup.o", "unit.o"]) {
        std::fs::write(fixture.path(name), object.to_elf()).expect("a file");
        arguments.push(name);
    }
    run(fixture.directory.path(), "ld", &arguments);
    assert_eq!(fixture.load(&["theirs.cmxs"]), expected);
}

#[test]
fn objects_of_gnu_as_and_gcc_are_linked_too() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let stub = "
#include <stdio.h>
#include <errno.h>
#include <caml/mlvalues.h>
static int calls;
int shared_counter = 40;
int uninitialised[100];
static const char *names[] = { \"zero\", \"one\", \"two\" };
__attribute__((constructor)) static void begin(void) { uninitialised[99] = 7; }
value stub_add(value a, value b) {
  calls++; errno = 0;
  printf(\"%s %d %d %d\\n\", names[calls % 3], calls, shared_counter, uninitialised[99]); fflush(stdout);
  switch (Int_val(a)) { case 0: return b; case 1: return a; case 2: shared_counter++; case 3: puts(\"three\");
    case 4: return Val_int(Int_val(a) * 2); case 5: return Val_int(errno); }
  return Val_long(Long_val(a) + Long_val(b));
}
";
    let source = "external add : int -> int -> int = \"stub_add\"\n\
        let () = for i = 0 to 9 do Printf.printf \"%d\\n%!\" (add i 100) done\n";
    std::fs::write(fixture.path("stub.c"), stub).expect("a file");
    fixture.compile(&["-c", "-ccopt", "-O2 -g -fPIC -fcommon", "stub.c"]);
    let objects = fixture.plugin("plugin", source, &["stub.o", "-g"]);
    let expected = fixture.load(&["plugin.cmxs"]);
    assert!(expected.contains("two 2 40 7"), "{expected}");

    let stub = std::fs::read(fixture.path("stub.o")).expect("an object");
    let member = Object::parse(&stub).expect("an object").with_name("stub.o");
    fixture.link("own.cmxs", &[&objects[..], &[member]].concat(), &options());
    assert_eq!(fixture.load(&["own.cmxs"]), expected);

    run(
        fixture.directory.path(),
        "ar",
        &["rcs", "libstub.a", "stub.o", "host.o"],
    );
    let bytes = std::fs::read(fixture.path("libstub.a")).expect("an archive");
    let archive = Archive::parse(&bytes).expect("an archive");
    let needed = archive.needed_by(&objects).expect("objects");
    assert_eq!(
        needed.iter().map(Object::name).collect::<Vec<_>>(),
        ["stub.o"]
    );
    fixture.link(
        "archive.cmxs",
        &[&objects[..], &needed].concat(),
        &options(),
    );
    assert_eq!(fixture.load(&["archive.cmxs"]), expected);

    let unit = Object::parse(&std::fs::read(fixture.path("plugin.o")).expect("an object"))
        .expect("an object");
    let startup = objects[0].clone();
    let stub = needed[0].clone();
    fixture.link("mixed.cmxs", &[startup, unit, stub], &options());
    assert_eq!(fixture.load(&["mixed.cmxs"]), expected);
}

#[test]
fn the_plugin_has_what_other_tools_look_for() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let objects = fixture.plugin("plugin", PLUGIN, &["-g"]);
    let bytes = fixture.link("own.cmxs", &objects, &options().soname("own.so"));
    let reference = std::fs::read(fixture.path("plugin.cmxs")).expect("ld's plugin");
    let (ours, theirs) = (
        object::File::parse(&bytes[..]).expect("ELF"),
        object::File::parse(&reference[..]).expect("ELF"),
    );
    let exported = |file: &object::File<'_>| {
        let mut names: Vec<String> = file
            .dynamic_symbols()
            .filter(|symbol| symbol.is_definition())
            .map(|symbol| symbol.name().expect("UTF-8").to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(exported(&ours), exported(&theirs));
    let locals = |file: &object::File<'_>| {
        let mut names: Vec<String> = file
            .symbols()
            .filter(|symbol| {
                symbol.is_local() && symbol.name().is_ok_and(|name| name.starts_with("caml"))
            })
            .map(|symbol| symbol.name().expect("UTF-8").to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(locals(&ours), locals(&theirs));
    for section in [
        ".text",
        ".data",
        ".eh_frame",
        ".eh_frame_hdr",
        ".debug_line",
        ".debug_info",
        ".gnu.hash",
        ".dynamic",
    ] {
        assert!(
            ours.section_by_name(section)
                .is_some_and(|section| section.size() > 0),
            "{section}"
        );
    }
    assert!(
        ours.build_id()
            .expect("readable")
            .is_some_and(|id| id.len() == 20)
    );
    // Equal inputs give equal files.
    assert_eq!(
        link_shared(&objects, &options().soname("own.so")).expect("a plugin"),
        bytes
    );
}

#[test]
fn units_of_the_standard_library_work_in_a_plugin() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let library = PathBuf::from(fixture.compile(&["-where"]).trim());
    let units = [
        "list", "map", "set", "hashtbl", "buffer", "queue", "array", "arg", "stack", "int32",
    ];
    for unit in units {
        let copy = fixture.path(&format!("my_{unit}.ml"));
        std::fs::copy(library.join(format!("{unit}.ml")), copy).expect("a copy");
    }
    let driver = "
module Names = My_map.Make (String)
module Numbers = My_set.Make (Int)
let () =
  let numbers = My_list.init 1000 (fun i -> (i * 7919) mod 1009) in
  let sorted = My_list.sort compare numbers in
  let set = Numbers.of_list numbers in
  let table = My_hashtbl.create 10 in
  My_list.iter (fun n -> My_hashtbl.replace table (string_of_int n) n) numbers;
  let names = My_hashtbl.fold Names.add table Names.empty in
  let buffer = My_buffer.create 16 in
  Names.iter (fun name n -> if n mod 97 = 0 then My_buffer.add_string buffer (name ^ \";\")) names;
  Printf.printf \"%d %d %d %s\\n\" (My_list.nth sorted 500) (Numbers.cardinal set) (Names.cardinal names)
    (My_buffer.contents buffer);
  let a = My_array.of_list numbers in
  My_array.stable_sort (fun a b -> compare b a) a;
  Printf.printf \"%d %ld\\n\" a.(10) (My_int32.of_string \"0x7f\");
  (try ignore (My_list.find (fun n -> n > 5000) numbers) with Not_found -> print_endline \"not found\");
  (try ignore (My_array.sub a 990 20) with Invalid_argument s -> print_endline s; Printexc.print_backtrace stdout);
  My_arg.usage [\"-x\", My_arg.Unit ignore, \" explained\"] \"usage\"
";
    std::fs::write(fixture.path("driver.ml"), driver).expect("a file");
    let mut names: Vec<String> = units.iter().map(|unit| format!("my_{unit}")).collect();
    names.push("driver".to_owned());
    let sources: Vec<String> = names.iter().map(|name| format!("{name}.ml")).collect();
    let mut arguments = vec![
        "-shared",
        "-S",
        "-dstartup",
        "-g",
        "-w",
        "-a",
        "-nolabels",
        "-o",
        "library.cmxs",
    ];
    arguments.extend(sources.iter().map(String::as_str));
    fixture.compile(&arguments);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    fixture.link(
        "own.cmxs",
        &fixture.objects("library.cmxs", &names),
        &options(),
    );
    let expected = fixture.load(&["library.cmxs"]);
    assert!(
        expected.contains("not found\n") && expected.contains("explained"),
        "{expected}"
    );
    assert_eq!(fixture.load(&["own.cmxs"]), expected);
}

#[test]
fn a_plugin_uses_another_one_whoever_linked_them() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let base = fixture.plugin(
        "base",
        "let table = ref [1; 2]\nlet push x = table := x :: !table\nexception Mine of int\n",
        &[],
    );
    fixture.link("base-own.cmxs", &base, &options());
    let user = "let () = Base.push 3; Printf.printf \"%d\\n\" (List.length !Base.table);\n\
        try if !Base.table <> [] then raise (Base.Mine 7) with Base.Mine n -> Printf.printf \"mine %d\\n\" n\n";
    let user = fixture.plugin("user", user, &[]);
    fixture.link("user-own.cmxs", &user, &options());
    let expected = fixture.host("public", &["base.cmxs", "user.cmxs"]);
    assert_eq!(expected, "3\nmine 7\n");
    for pair in [
        ["base-own.cmxs", "user-own.cmxs"],
        ["base.cmxs", "user-own.cmxs"],
        ["base-own.cmxs", "user.cmxs"],
    ] {
        assert_eq!(fixture.host("public", &pair), expected, "{pair:?}");
    }
}

#[test]
fn the_tools_of_binutils_and_ocaml_read_what_they_read_in_the_plugin_of_ld() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let objects = fixture.plugin("plugin", PLUGIN, &["-g"]);
    fixture.link("own.cmxs", &objects, &options());
    let code_symbols = |file: &str| -> Vec<(String, String)> {
        let listing = run(fixture.directory.path(), "nm", &["--defined-only", file]);
        let mut symbols: Vec<(String, String)> = listing
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                let (address, kind, name) = (words.next()?, words.next()?, words.next()?);
                (kind.eq_ignore_ascii_case("t") && name.starts_with("caml"))
                    .then(|| (name.to_owned(), address.to_owned()))
            })
            .collect();
        symbols.sort();
        symbols
    };
    // What addr2line says of the beginning of each function: name, file and line.
    let places = |file: &str| -> Vec<(String, String)> {
        code_symbols(file)
            .into_iter()
            .map(|(name, address)| {
                (
                    name,
                    run(
                        fixture.directory.path(),
                        "addr2line",
                        &["-f", "-s", "-e", file, &address],
                    ),
                )
            })
            .collect()
    };
    let (ours, theirs) = (places("own.cmxs"), places("plugin.cmxs"));
    assert!(
        theirs
            .iter()
            .any(|(name, place)| name.contains("factorial") && place.contains("plugin.ml:5")),
        "{theirs:?}"
    );
    assert_eq!(ours, theirs);

    let disassembly = |file: &str| {
        let text = run(
            fixture.directory.path(),
            "objdump",
            &["-d", "--no-show-raw-insn", "-j", ".text", file],
        );
        text.lines()
            .filter(|line| line.contains("<caml") && line.ends_with(">:"))
            .count()
    };
    assert!(disassembly("own.cmxs") >= 10);
    let warnings = run(
        fixture.directory.path(),
        "readelf",
        &[
            "--all",
            "--wide",
            "--debug-dump=info,line,frames",
            "own.cmxs",
        ],
    );
    assert!(
        !warnings.contains("readelf: Warning") && !warnings.contains("readelf: Error"),
        "{warnings}"
    );

    let objinfo = PathBuf::from(&fixture.ocamlopt).with_file_name("ocamlobjinfo");
    let information =
        |file: &str| run(fixture.directory.path(), &objinfo, &[file]).replacen(file, "", 1);
    assert_eq!(information("own.cmxs"), information("plugin.cmxs"));
}

#[test]
fn a_library_of_ocaml_and_c_archives_is_linked_into_a_plugin() {
    let Some(fixture) = Fixture::new() else {
        return;
    };
    let library = PathBuf::from(fixture.compile(&["-where"]).trim());
    // From OCaml 5 on, unix has a directory of its own; its C stubs have none.
    let directory = [library.join("unix"), library.clone()]
        .into_iter()
        .find(|directory| directory.join("unix.a").exists());
    let directory = directory.expect("the unix library");
    let source = "let () =\n\
        let (input, output) = Unix.pipe () in\n\
        let sent = Unix.write_substring output \"hello\" 0 5 in\n\
        let buffer = Bytes.create 5 in\n\
        let received = Unix.read input buffer 0 5 in\n\
        Printf.printf \"%d %d %s\\n\" sent received (Bytes.to_string buffer);\n\
        try ignore (Unix.openfile \"/does/not/exist\" [Unix.O_RDONLY] 0)\n\
        with Unix.Unix_error (e, f, a) -> Printf.printf \"%s: %s %s\\n\" f (Unix.error_message e) a\n";
    let include = directory.display().to_string();
    let objects = fixture.plugin("plugin", source, &["-I", &include, "-linkall", "unix.cmxa"]);
    let read = |path: PathBuf| {
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let units = read(directory.join("unix.a"));
    let mut objects = objects;
    let units = Archive::parse(&units).expect("an archive");
    for (name, bytes) in units.members() {
        objects.push(Object::parse(bytes).expect("an object").with_name(name));
    }
    // Before OCaml 5.2 there is one kind of C stubs, later those for native code have a name.
    let names = ["libunixnat.a", "libunix.a"];
    let stubs = names
        .iter()
        .map(|name| library.join(name))
        .find(|path| path.exists())
        .expect("the C stubs");
    let stubs = read(stubs);
    let archive = Archive::parse(&stubs).expect("an archive");
    let needed = archive.needed_by(&objects).expect("objects");
    assert!(needed.len() > 50 && needed.len() <= archive.members().count());
    objects.extend(needed);
    fixture.link("own.cmxs", &objects, &options());
    let expected = fixture.load(&["plugin.cmxs"]);
    assert!(
        expected.contains("5 5 hello\nopen: No such file or directory /does/not/exist"),
        "{expected}"
    );
    assert_eq!(fixture.load(&["own.cmxs"]), expected);
}
