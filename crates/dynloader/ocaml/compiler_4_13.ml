(* What compiler-libs name differently from version to version: OCaml 4.13 to 5.0.
   [Worker] is written in terms of this module, of which there is one for each group of versions. *)

(* What [Compile_common.with_info] gives, without reading the directories of the load path anew. *)
let info ~interface name : Compile_common.info =
  let source_file = name ^ if interface then ".mli" else ".ml" in
  let module_name = Compenv.module_of_filename source_file name in
  Env.set_unit_name module_name;
  {
    source_file;
    module_name;
    output_prefix = name;
    env = Compmisc.initial_env ();
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

(* Code that a plugin needs of the runtime's generic functions ([Asmlink.make_shared_startup_file]). *)
let generic_functions units = Cmm_helpers.generic_functions true units

(* What the end of [Compile_common.implementation] does before fatal warnings count. *)
let finish () = ()

(* What the front end leaves behind: levels, which are part of the names of types, are counted on by some units. *)
let start () =
  Ctype.init_def 0;
  Ctype.reset_global_level ()

(* What an exception out of the front end leaves behind beside. *)
let recover () = ()
