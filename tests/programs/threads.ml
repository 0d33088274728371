let () =
  let m = Mutex.create () and c = Condition.create () in
  let total = ref 0 and waiting = ref 4 in
  let work k () =
    for _ = 1 to 1000 do
      Mutex.lock m;
      total := !total + k;
      Mutex.unlock m;
      if k = 1 then Thread.yield ()
    done;
    Mutex.lock m;
    decr waiting;
    Condition.signal c;
    Mutex.unlock m
  in
  let threads = List.map (fun k -> Thread.create (work k) ()) [ 1; 2; 3; 4 ] in
  Mutex.lock m;
  while !waiting > 0 do Condition.wait c m done;
  Mutex.unlock m;
  List.iter Thread.join threads;
  Printf.printf "%d\n" !total
