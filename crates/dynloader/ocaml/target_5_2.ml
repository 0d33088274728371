(* How a unit is named in OCaml 5.2. *)

let target ~interface:_ ~source_file name =
  let target = Unit_info.make ~source_file name in
  Env.set_unit_name (Unit_info.modname target);
  target
