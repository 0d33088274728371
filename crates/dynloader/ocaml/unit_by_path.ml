(* What compiler-libs name differently from version to version: OCaml 4.13 to 5.1, where a unit is known by paths.
   The module [Compiler], in terms of which [Worker] is written, is made of this file or of unit_by_target.ml, and of the
   passes_*.ml and lines_*.ml of its version. *)

(* What [Compile_common.with_info] gives, without reading the directories of the load path anew. [environment] gives that which a
   unit begins in, once it is known which unit it is. *)
let info ~interface ~environment name : Compile_common.info =
  let source_file = name ^ if interface then ".mli" else ".ml" in
  let module_name = Compenv.module_of_filename source_file name in
  Env.set_unit_name module_name;
  {
    source_file;
    module_name;
    output_prefix = name;
    env = environment ();
    ppf_dump = Format.err_formatter;
    tool_name = "ocamlopt";
    native = true;
  }

let module_name (info : Compile_common.info) = info.module_name

(* Has [cached] decide where compiled interfaces come from: it is given a name and what reads the file. *)
let install_cache cached =
  let load = Persistent_env.Persistent_signature.load in
  let read = !load in
  load := fun ~unit_name -> cached unit_name (fun () -> read ~unit_name)
