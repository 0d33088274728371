let () = at_exit (fun () -> print_endline "this comes too")
let () = at_exit (fun () -> print_endline "changing the status"; exit 5)
let () = print_endline "main"
