(* Since OCaml 5.2. See passes_4_13.ml. *)

let generic_functions units = Cmm_helpers.emit_preallocated_blocks [] (Cmm_helpers.generic_functions true units)
let finish () = Builtin_attributes.warn_unused ()

(* Levels are put back by who changes them. *)
let start () = ()

(* Attributes of the unit that was refused would be told of as unused after the next. *)
let recover () = Warnings.without_warnings Builtin_attributes.warn_unused
let add_equation = Env.add_local_constraint
