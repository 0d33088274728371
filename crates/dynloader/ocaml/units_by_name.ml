(* How byte code names units since OCaml 5.2 (file_formats/cmo_format.mli). See link_byte.ml. *)

open Cmo_format

let name { cu_name = Compunit name; _ } = name
let required unit = List.map (fun (Compunit name) -> name) unit.cu_required_compunits
let without_required unit = { unit with cu_required_compunits = [] }

(* Since OCaml 5.5 the name of a stub library goes with whether it has a suffix of the runtime's. *)
let stub_libraries (paths : string list) =
  if Scanf.sscanf Sys.ocaml_version "%d.%d" (fun major minor -> (major, minor) < (5, 5)) then Obj.magic paths
  else Obj.magic (List.map (fun path -> false, path) paths)

let rename_units rename = function
  | Reloc_getcompunit (Compunit name) -> Reloc_getcompunit (Compunit (rename name))
  | Reloc_setcompunit (Compunit name) -> Reloc_setcompunit (Compunit (rename name))
  | other -> other
