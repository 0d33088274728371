//! Ppx drivers as executables: they make `say` of a program `print_string`. One counts how often it is started, which is as
//! often as something is compiled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use saddlebag_tests::Sandbox;

/// The mapper of the drivers, in words that mean the same to every version.
pub(crate) const MAPPER: &str = r#"
open Parsetree
let expr (mapper : Ast_mapper.mapper) e =
  match e.pexp_desc with
  | Pexp_ident ({ txt = Longident.Lident "say"; _ } as name) ->
      { e with pexp_desc = Pexp_ident { name with txt = Longident.Lident "print_string" } }
  | _ -> Ast_mapper.default_mapper.expr mapper e
let mapper = { Ast_mapper.default_mapper with expr }
"#;

/// What `ppxlib` makes of a mapper: `DRIVER -dump-ast FILE`.
const DUMP: &str = r#"
let () =
  let file = Sys.argv.(Array.length Sys.argv - 1) in
  Location.input_name := file;
  let channel = open_in_bin file in
  let lexbuf = Lexing.from_channel channel in
  Lexer.skip_hash_bang lexbuf;
  Location.init lexbuf file;
  let dump magic tree =
    output_string stdout magic;
    output_value stdout file;
    output_value stdout tree
  in
  match Filename.extension file with
  | ".mli" -> dump Config.ast_intf_magic_number (mapper.signature mapper (Parse.interface lexbuf))
  | _ -> dump Config.ast_impl_magic_number (mapper.structure mapper (Parse.implementation lexbuf))
"#;

/// Compiles a program that uses the compiler's own libraries, in the sandbox, and gives its path.
pub(crate) fn program(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    sandbox.write("driver/program.ml", text);
    let compile = sandbox
        .ocamlopt(["-I", "+compiler-libs", "ocamlcommon.cmxa"])
        .args(["program.ml", "-o", name])
        .current_dir(sandbox.path("driver"));
    compile.leaving_files().run().code(0);
    sandbox.path("driver").join(name)
}

/// A driver that knows `-dump-ast`.
pub(crate) fn driver(sandbox: &Sandbox) -> PathBuf {
    program(sandbox, "driver.exe", &driver_text())
}

pub(crate) fn driver_text() -> String {
    format!("{MAPPER}{DUMP}")
}

/// The counting driver of one sandbox.
pub(crate) struct CountingDriver {
    program: PathBuf,
    count: PathBuf,
}

impl CountingDriver {
    pub(crate) fn new(sandbox: &Sandbox) -> CountingDriver {
        let (driver, count) = (driver(sandbox), sandbox.path("driver/count"));
        let script = format!(
            "#!/bin/sh\necho >> '{}'\nexec '{}' \"$@\"\n",
            count.display(),
            driver.display()
        );
        let program = sandbox.write("driver/ppx", script);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("permissions");
        CountingDriver { program, count }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// How often it was started since the last call.
    pub(crate) fn take(&self) -> usize {
        let count = fs::read(&self.count).unwrap_or_default().len();
        let _ = fs::remove_file(&self.count);
        count
    }
}
