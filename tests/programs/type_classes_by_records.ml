type 'a show = { show : 'a -> string }
let int = { show = string_of_int }
let list s = { show = (fun l -> "[" ^ String.concat ";" (List.map s.show l) ^ "]") }
let pair a b = { show = (fun (x, y) -> "(" ^ a.show x ^ "," ^ b.show y ^ ")") }
type any = { apply : 'a. 'a list -> int }
let measure { apply } = apply [ 1; 2 ] + apply [ "a" ]
type 'a nested = Flat of 'a | Nest of 'a list nested
let rec depth : 'a. 'a nested -> int = fun (type a) (n : a nested) -> match n with Flat _ -> 0 | Nest n -> 1 + depth n

let () =
  print_endline ((list (pair int (list int))).show [ 1, [ 2 ]; 3, [] ]);
  Printf.printf "%d %d\n" (measure { apply = List.length }) (depth (Nest (Nest (Flat [ [ 1 ] ]))))
