(* Arg ends the program with status 2. *)
let () = print_endline "parsing"
let () = Arg.parse [ "-n", Arg.Int ignore, "a number" ] ignore "usage: program"
let () = print_endline "not reached"
