let () = at_exit (fun () -> print_endline "runs")
let () = at_exit (fun () -> print_endline "raises"; raise Not_found)
let () = print_endline "main"
