(* What compiler-libs name differently from version to version: since OCaml 5.2 a unit is known by its target, which
   target_*.ml makes. See unit_by_path.ml. *)

let info ~interface ~environment name : Compile_common.info =
  let source_file = name ^ if interface then ".mli" else ".ml" in
  (* The environment knows which unit it is of. *)
  let target = target ~interface ~source_file name in
  {
    target;
    env = environment ();
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
