let () =
  let requests = Event.new_channel () and answers = Event.new_channel () in
  let server () =
    for _ = 1 to 5 do
      let n = Event.sync (Event.receive requests) in
      Event.sync (Event.send answers (n * n))
    done
  in
  let thread = Thread.create server () in
  for i = 1 to 5 do
    Event.sync (Event.send requests i);
    Printf.printf "%d " (Event.sync (Event.receive answers))
  done;
  Thread.join thread;
  print_newline ()
