let describe = function
  | [] -> "empty"
  | [ x ] -> Printf.sprintf "one %d" x
  | [ x; y ] when x = y -> "a pair of equals"
  | x :: (y :: _ as rest) when x < y -> Printf.sprintf "rising, %d more" (List.length rest)
  | (0 | 1) :: _ -> "small head"
  | _ :: _ -> "other"

let kind = function 'a' .. 'z' -> "lower" | 'A' .. 'Z' -> "upper" | '0' .. '9' -> "digit" | _ -> "else"
let rec gcd = function 0, n | n, 0 -> n | a, b -> gcd (b, a mod b)
let text = function "one" -> 1 | "two" -> 2 | "three" -> 3 | s -> String.length s
let floats = function 0. -> "zero" | 1.5 -> "one and a half" | x when x <> x -> "nan" | _ -> "some"
let arrays = function [| a; b |] -> a + b | [||] -> 0 | a -> Array.length a

let () =
  List.iter (fun l -> print_endline (describe l)) [ []; [ 4 ]; [ 2; 2 ]; [ 1; 2; 3 ]; [ 1; 0; 0 ]; [ 9; 3; 1 ] ];
  String.iter (fun c -> print_string (kind c ^ " ")) "aZ5!";
  print_newline ();
  Printf.printf "%d %d %d\n" (gcd (48, 36)) (text "two") (text "seven");
  print_endline (String.concat " " (List.map floats [ 0.; 1.5; nan; 7. ]));
  Printf.printf "%d %d %d\n" (arrays [| 1; 2 |]) (arrays [||]) (arrays [| 1; 2; 3 |])
