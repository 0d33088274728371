let greeting hour = if hour < 12 then "Good morning" else "Good day"
let greet name = Printf.sprintf "%s, %s! This is OCaml %s." (greeting 9) name Sys.ocaml_version
