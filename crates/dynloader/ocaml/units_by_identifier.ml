(* How byte code names units up to OCaml 5.1 (file_formats/cmo_format.mli). See link_byte.ml. *)

open Cmo_format

let name unit = unit.cu_name
let required unit = List.map Ident.name unit.cu_required_globals
let without_required unit = { unit with cu_required_globals = [] }
let stub_libraries (paths : string list) = paths

let rename_units rename =
  let identifier id = if Ident.is_predef id then id else Ident.create_persistent (rename (Ident.name id)) in
  function
  | Reloc_getglobal id -> Reloc_getglobal (identifier id)
  | Reloc_setglobal id -> Reloc_setglobal (identifier id)
  | other -> other
