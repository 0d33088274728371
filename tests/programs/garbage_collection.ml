let () =
  let finalised = ref 0 in
  for _ = 1 to 100 do
    Gc.finalise (fun _ -> incr finalised) (Bytes.create 100)
  done;
  Gc.full_major ();
  Printf.printf "%b\n" (!finalised > 90);
  let w = Weak.create 2 in
  let kept = Some (String.make 5 'k') in
  Weak.set w 0 kept;
  Weak.set w 1 (Some (String.make 5 'l'));
  Gc.full_major ();
  Printf.printf "%b %b\n" (Weak.check w 0) (Weak.check w 1);
  let rec build n acc = if n = 0 then acc else build (n - 1) (n :: acc) in
  let lists = List.init 50 (fun i -> build 10_000 [ i ]) in
  Gc.compact ();
  Printf.printf "%d\n" (List.fold_left (fun acc l -> acc + List.length l) 0 lists);
  let s = Gc.quick_stat () in
  Printf.printf "%b\n" (s.Gc.minor_collections > 0);
  Gc.set { (Gc.get ()) with Gc.space_overhead = 200 };
  Printf.printf "%d\n" (Gc.get ()).Gc.space_overhead;
  print_endline (Option.value kept ~default:"")
