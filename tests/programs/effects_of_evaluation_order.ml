(* OCaml evaluates arguments from right to left, in native code as the compiler chooses: the same compiler, the same order. *)
let say s x = print_string (s ^ " "); x
let f a b c = a + b + c
type r = { first : int; second : int }

let () =
  print_int (f (say "a" 1) (say "b" 2) (say "c" 3));
  print_newline ();
  let t = say "t1" 1, say "t2" 2 in
  let r = { first = say "r1" 1; second = say "r2" 2 } in
  let l = [ say "l1" 1; say "l2" 2 ] in
  Printf.printf "%d %d %d\n" (fst t) r.second (List.length l);
  ignore (say "left" true || say "right" true);
  ignore (say "left" false && say "right" true);
  print_newline ()
