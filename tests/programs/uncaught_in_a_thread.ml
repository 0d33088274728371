let () =
  let t = Thread.create (fun () -> print_endline "thread"; failwith "lost") () in
  Thread.join t;
  print_endline "main goes on"
