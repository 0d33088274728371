(* What compiler-libs name differently from version to version: OCaml 5.3. See compiler_4_13.ml. *)

let info ~interface name : Compile_common.info =
  let source_file = name ^ if interface then ".mli" else ".ml" in
  let target =
    Unit_info.make ~source_file (if interface then Unit_info.Intf else Unit_info.Impl) name
  in
  Env.set_current_unit target;
  {
    target;
    env = Compmisc.initial_env ();
    ppf_dump = Format.err_formatter;
    tool_name = "ocamlopt";
    native = true;
  }

let module_name (info : Compile_common.info) = Unit_info.modname info.target

let install_cache cached =
  let load = Persistent_env.Persistent_signature.load in
  let read = !load in
  load :=
    fun ~allow_hidden ~unit_name ->
      (* No hidden directories are ever asked for (-H). *)
      cached unit_name (fun () -> read ~allow_hidden ~unit_name)

let generic_functions units =
  Cmm_helpers.emit_preallocated_blocks [] (Cmm_helpers.generic_functions true units)

let finish () = Builtin_attributes.warn_unused ()

(* Levels are put back by who changes them. *)
let start () = ()

(* Attributes of the unit that was refused would be told of as unused after the next. *)
let recover () = Warnings.without_warnings Builtin_attributes.warn_unused
