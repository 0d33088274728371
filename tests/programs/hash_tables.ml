let () =
  let h = Hashtbl.create 2 in
  for i = 1 to 1000 do
    Hashtbl.replace h (string_of_int (i mod 100)) i
  done;
  Printf.printf "%d %d\n" (Hashtbl.length h) (Hashtbl.find h "7");
  Hashtbl.add h "7" 0;
  Printf.printf "%s\n" (String.concat "," (List.map string_of_int (Hashtbl.find_all h "7")));
  Hashtbl.remove h "7";
  Printf.printf "%d %b\n" (Hashtbl.find h "7") (Hashtbl.mem h "700");
  let total = Hashtbl.fold (fun _ v acc -> acc + v) h 0 in
  Printf.printf "%d\n" total;
  Hashtbl.filter_map_inplace (fun _ v -> if v mod 2 = 0 then Some (v / 2) else None) h;
  Printf.printf "%d\n" (Hashtbl.length h);
  let keys = List.sort compare (Hashtbl.fold (fun k _ acc -> k :: acc) h []) in
  print_endline (String.concat " " keys);
  Printf.printf "%d %d %d\n" (Hashtbl.hash 42) (Hashtbl.hash "text") (Hashtbl.hash [ 1.5; 2.5 ]);
  (* The order of an iteration is that of the buckets. *)
  Hashtbl.iter (fun k v -> Printf.printf "%s:%d " k v) h;
  print_newline ();
  let module H = Hashtbl.Make (struct
    type t = int * int
    let equal (a, b) (c, d) = a = c && b = d
    let hash (a, b) = a + (31 * b)
  end) in
  let points = H.of_seq (List.to_seq [ (1, 2), "a"; (3, 4), "b" ]) in
  print_endline (H.find points (3, 4))
