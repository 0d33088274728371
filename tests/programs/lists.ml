let show l = print_endline ("[" ^ String.concat "; " (List.map string_of_int l) ^ "]")

let () =
  let l = List.init 10 (fun i -> (i * 7) mod 10) in
  show l;
  show (List.sort compare l);
  show (List.rev (List.filter (fun x -> x > 4) l));
  show (List.sort_uniq compare (l @ l));
  let even, odd = List.partition (fun x -> x mod 2 = 0) l in
  show even;
  show odd;
  Printf.printf "%d %d\n" (List.fold_left ( - ) 0 l) (List.fold_right ( - ) l 0);
  Printf.printf "%b %b %d\n" (List.exists (( = ) 3) l) (List.for_all (( < ) 0) l) (List.nth l 3);
  let a, b = List.split [ 1, 'a'; 2, 'b' ] in
  show a;
  Printf.printf "%d\n" (List.length b);
  (try List.iter2 (fun _ _ -> ()) [ 1 ] [ 1; 2 ] with Invalid_argument m -> print_endline m);
  show (List.concat_map (fun x -> [ x; x * x ]) [ 1; 2; 3 ]);
  show (List.of_seq (Seq.map (( * ) 3) (List.to_seq [ 1; 2 ])));
  Printf.printf "%s\n" (List.assoc 2 [ 1, "one"; 2, "two" ]);
  show (List.stable_sort (fun a b -> compare (a mod 3) (b mod 3)) l);
  show (List.merge compare [ 1; 4 ] [ 2; 3 ]);
  (match List.find_opt (fun x -> x > 100) l with None -> print_endline "none" | Some _ -> ())
