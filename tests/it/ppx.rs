//! A ppx driver that changes nothing and counts how often it is started: as often as something is compiled.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use saddlebag_tests::Sandbox;

const DRIVER: &str = r#"
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
  | ".mli" -> dump Config.ast_intf_magic_number (Parse.interface lexbuf)
  | _ -> dump Config.ast_impl_magic_number (Parse.implementation lexbuf)
"#;

/// The driver of one sandbox.
pub(crate) struct CountingDriver {
    program: PathBuf,
    count: PathBuf,
}

impl CountingDriver {
    pub(crate) fn new(sandbox: &Sandbox) -> CountingDriver {
        sandbox.write("driver/driver.ml", DRIVER);
        let compile = sandbox
            .ocamlopt(["-I", "+compiler-libs", "ocamlcommon.cmxa"])
            .args(["driver.ml", "-o", "driver.exe"]);
        compile.current_dir(sandbox.path("driver")).run().code(0);
        let (driver, count) = (
            sandbox.path("driver/driver.exe"),
            sandbox.path("driver/count"),
        );
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
