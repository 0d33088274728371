(* How a unit is named since OCaml 5.3. *)

let target ~interface ~source_file name =
  let target = Unit_info.make ~source_file (if interface then Unit_info.Intf else Unit_info.Impl) name in
  Env.set_current_unit target;
  target
