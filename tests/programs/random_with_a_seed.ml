let () =
  Random.init 42;
  for _ = 1 to 5 do Printf.printf "%d " (Random.int 1000) done;
  Printf.printf "%.6f %b %Ld\n" (Random.float 1.) (Random.bool ()) (Random.int64 1000L);
  let s = Random.State.make [| 1; 2; 3 |] in
  let t = Random.State.copy s in
  Printf.printf "%b\n" (List.init 10 (fun _ -> Random.State.bits s) = List.init 10 (fun _ -> Random.State.bits t));
  let a = Array.init 10 (fun i -> i) in
  for i = 9 downto 1 do
    let j = Random.int (i + 1) in
    let x = a.(i) in
    a.(i) <- a.(j);
    a.(j) <- x
  done;
  Array.iter (Printf.printf "%d ") a;
  print_newline ()
