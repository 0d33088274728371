//! A host, and plugins that are compiled for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocaml_assembler::{LinkOptions, Object, assemble, link_shared};

/// The compiler: `OCAMLOPT` names another one than that of the path.
fn ocamlopt() -> Option<OsString> {
    let program = std::env::var_os("OCAMLOPT").unwrap_or_else(|| "ocamlopt".into());
    let found = Command::new(&program)
        .arg("-version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "ocamlopt is needed");
        println!("SKIP: no ocamlopt");
    }
    found.then_some(program)
}

pub(crate) fn run(
    directory: &Path,
    program: impl AsRef<std::ffi::OsStr>,
    arguments: &[&str],
) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("a program");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{said}",
        output.status
    );
    said
}

const HOST: &str = "
external set : bool -> unit = \"caml_record_backtrace\"
let () =
  set true;
  let load = if Sys.argv.(1) = \"private\" then Dynlink.loadfile_private else Dynlink.loadfile in
  for i = 2 to Array.length Sys.argv - 1 do
    try load Sys.argv.(i)
    with Dynlink.Error e -> print_endline (Dynlink.error_message e); exit 3
  done
";

pub(crate) const PLUGIN: &str = "
exception Found of int
type shape = A | B | C | D | E | F of int * float
let name = function A -> \"a\" | B -> \"b\" | C -> \"c\" | D -> \"d\" | E -> \"e\" | F _ -> \"f\"
let rec factorial n = if n <= 1 then 1 else n * factorial (n - 1)
let area x = sqrt x +. cos x -. float_of_int (truncate (x *. 1e3)) /. 7.0
module Names = Map.Make (String)
let thrower a i = a.(i) + 1
let curried a b c d e f g = a + b + c + d + e + f + g
let () =
  Printf.printf \"%d %s%s %.6f\\n\" (factorial 15) (name D) (name (F (1, 2.))) (area 2.5);
  (try raise (Found 3) with Found n -> Printf.printf \"found %d\\n\" n);
  let m = List.fold_left (fun m i -> Names.add (string_of_int i) i m) Names.empty [5; 1; 4; 2; 3] in
  Names.iter (Printf.printf \"%s=%d \") m;
  Gc.compact ();
  let a = Array.init 100_000 (fun i -> float_of_int i *. 1.5) in
  Printf.printf \"%f %d\\n\" (Array.fold_left (+.) 0. a) (List.fold_left (curried 1 2 3 4 5) 0 [6; 7]);
  Printf.printf \"%Ld %ld %nx\\n\" (Int64.div 1_000_000_000_000L 7L) (Int32.shift_left 5l 3) 255n;
  print_string (Printexc.to_string (try ignore (thrower [| 1 |] (Sys.opaque_identity 5)); Exit with e -> e));
  (try ignore (thrower [| 1 |] (Sys.opaque_identity 5)) with _ -> Printexc.print_backtrace stdout)
";

pub(crate) struct Fixture {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) ocamlopt: OsString,
}

impl Fixture {
    pub(crate) fn new() -> Option<Fixture> {
        let ocamlopt = ocamlopt()?;
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join("host.ml"), HOST).expect("a file");
        let fixture = Fixture {
            directory,
            ocamlopt,
        };
        // From OCaml 5 on, dynlink has a directory of its own.
        let place = format!("{}/dynlink", fixture.compile(&["-where"]).trim());
        // What no program needs but OCaml's compilers is left out of the runtime otherwise.
        let whole = "-Wl,-u,caml_get_global_data,-u,caml_dynlink_add_primitive";
        fixture.compile(&[
            "-ccopt",
            whole,
            "-I",
            &place,
            "dynlink.cmxa",
            "-linkall",
            "-o",
            "host",
            "host.ml",
        ]);
        Some(fixture)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn compile(&self, arguments: &[&str]) -> String {
        run(self.directory.path(), &self.ocamlopt, arguments)
    }

    /// Compiles `source` with ocamlopt and ld; returns the assembly of the unit and of the
    /// plugin's startup code.
    pub(crate) fn plugin(&self, unit: &str, source: &str, flags: &[&str]) -> Vec<Object> {
        std::fs::write(self.path(&format!("{unit}.ml")), source).expect("a file");
        let (output, input) = (format!("{unit}.cmxs"), format!("{unit}.ml"));
        let first = ["-shared", "-S", "-dstartup", "-o", &output];
        self.compile(&[&first, flags, &[&input]].concat());
        self.objects(&output, &[unit])
    }

    pub(crate) fn link(&self, output: &str, objects: &[Object], options: &LinkOptions) -> Vec<u8> {
        let bytes = link_shared(objects, options).expect("a plugin");
        std::fs::write(self.path(output), &bytes).expect("a file");
        bytes
    }

    /// Loads plugins that do not see one another; returns what they print.
    pub(crate) fn load(&self, plugins: &[&str]) -> String {
        self.host("private", plugins)
    }

    pub(crate) fn host(&self, mode: &str, plugins: &[&str]) -> String {
        let plugins: Vec<String> = plugins.iter().map(|name| format!("./{name}")).collect();
        let mut arguments = vec![mode];
        arguments.extend(plugins.iter().map(String::as_str));
        run(self.directory.path(), self.path("host"), &arguments)
    }

    /// The assembled units `names` and the startup code of the plugin `output`.
    pub(crate) fn objects(&self, output: &str, names: &[&str]) -> Vec<Object> {
        let files = std::iter::once(format!("{output}.startup.s"))
            .chain(names.iter().map(|name| format!("{name}.s")));
        files
            .map(|name| {
                let text = std::fs::read_to_string(self.path(&name)).expect("assembly");
                assemble(&text)
                    .expect("the language of ocamlopt")
                    .with_name(name)
            })
            .collect()
    }
}

pub(crate) fn options() -> LinkOptions {
    LinkOptions::default()
        .needed("libm.so.6")
        .needed("libc.so.6")
}
