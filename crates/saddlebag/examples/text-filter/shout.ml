(* Keeps the lines that are not comments, in capitals. *)

let filter line =
  if line <> "" && line.[0] = '#' then None else Some (String.uppercase_ascii line)
