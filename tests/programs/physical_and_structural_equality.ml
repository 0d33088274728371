type t = { mutable v : int }
let () =
  let a = { v = 1 } in
  let b = a and c = { v = 1 } in
  Printf.printf "%b %b %b\n" (a == b) (a == c) (a = c);
  Printf.printf "%d %d %d\n" (compare [ 1; 2 ] [ 1; 3 ]) (compare (1, "b") (1, "a")) (compare None (Some 0));
  Printf.printf "%b\n" ("ab" = "a" ^ "b");
  (try ignore (( = ) (fun x -> x) (fun x -> x)) with Invalid_argument m -> print_endline m);
  let rec cycle = 1 :: 2 :: cycle in
  Printf.printf "%d %b\n" (List.nth cycle 101) (cycle == List.tl (List.tl cycle));
  Printf.printf "%b %b\n" (min 1 2 = 1) (max "a" "b" = "b");
  Printf.printf "%d\n" (Hashtbl.hash a - Hashtbl.hash c)
