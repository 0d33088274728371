module M = Map.Make (String)
module S = Set.Make (Int)

let () =
  let words = String.split_on_char ' ' "the cat and the dog and the bird" in
  let count m w = M.update w (function None -> Some 1 | Some n -> Some (n + 1)) m in
  let counts = List.fold_left count M.empty words in
  M.iter (Printf.printf "%s=%d\n") counts;
  let key, n = M.max_binding counts in
  Printf.printf "%s %d %d\n" key n (M.cardinal counts);
  let a = S.of_list [ 1; 2; 3; 4 ] and b = S.of_list [ 3; 4; 5 ] in
  let show s = print_endline (String.concat " " (List.map string_of_int (S.elements s))) in
  List.iter show [ S.union a b; S.inter a b; S.diff a b; S.filter (fun x -> x land 1 = 1) a ];
  let low, present, high = S.split 3 a in
  show low;
  Printf.printf "%b\n" present;
  show high;
  let merged = M.merge (fun _ x y -> match x, y with Some x, Some y -> Some (x * y) | _ -> None) counts counts in
  M.iter (Printf.printf "%s=%d ") merged;
  print_newline ();
  Printf.printf "%d\n" (S.fold ( + ) (S.map (fun x -> x * x) a) 0)
