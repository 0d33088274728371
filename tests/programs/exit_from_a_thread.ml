let () =
  let t = Thread.create (fun () -> print_endline "in the thread"; exit 6) () in
  Thread.join t;
  (* Not reached: the exit is that of the program. *)
  print_endline "joined"
