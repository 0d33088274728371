(* Functions as values: partial application, composition, counters that share state. *)
let compose f g x = f (g x)
let ( >> ) f g = compose g f
let counter () =
  let n = ref 0 in
  let next () = incr n; !n in
  let reset () = n := 0 in
  next, reset

let rec iterate n f x = if n = 0 then x else iterate (n - 1) f (f x)
let curry f a b = f (a, b)
let flip f a b = f b a

let () =
  let next, reset = counter () in
  let other, _ = counter () in
  Printf.printf "%d %d %d\n" (next ()) (next ()) (other ());
  reset ();
  Printf.printf "%d %d\n" (next ()) (other ());
  let double = ( * ) 2 and successor = ( + ) 1 in
  Printf.printf "%d %d\n" ((double >> successor) 5) (compose double successor 5);
  Printf.printf "%d\n" (iterate 10 double 1);
  Printf.printf "%d\n" (curry fst 1 2);
  Printf.printf "%d\n" (flip ( - ) 1 10);
  let adders = List.map ( + ) [ 1; 2; 3 ] in
  List.iter (fun f -> print_int (f 10); print_char ' ') adders;
  let fs = Array.init 5 (fun i x y z -> i + x + (y * z)) in
  print_newline ();
  Array.iter (fun f -> Printf.printf "%d " (f 1 2 3)) fs;
  print_newline ()
