exception Odd of int
let () = Printexc.register_printer (function Odd n -> Some (Printf.sprintf "the odd number %d" n) | _ -> None)
let () = print_endline (Printexc.to_string (Odd 3))
let () = raise (Odd 5)
