let () = at_exit (fun () -> print_endline "last")
let () = at_exit (fun () -> print_endline "second to last"; flush stdout)
let () = print_endline "first"
let () = at_exit (fun () -> print_string "nested"; at_exit (fun () -> print_endline " innermost"))
let () = exit 11
let () = print_endline "never"
