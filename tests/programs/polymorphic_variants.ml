type basic = [ `Number of int | `Text of string ]
type extended = [ basic | `List of extended list | `Nothing ]

let show_basic : basic -> string = function `Number n -> string_of_int n | `Text s -> s

let rec show : extended -> string = function
  | #basic as b -> show_basic b
  | `List l -> "[" ^ String.concat "; " (List.map show l) ^ "]"
  | `Nothing -> "-"

let widen (b : basic) : extended = (b :> extended)
let classify = function `A -> 1 | `B -> 2 | `C x -> x
let open_ended = function `Known -> "known" | _ -> "unknown"

let () =
  print_endline (show (`List [ `Number 1; `Text "two"; `List []; `Nothing; widen (`Number 5) ]));
  Printf.printf "%d %s %s\n" (classify (`C 9)) (open_ended `Known) (open_ended (`Other 3));
  print_endline (String.concat " " (List.map open_ended [ `Known; `Unknown ]));
  Printf.printf "%b %b\n" (`A = `A) (compare `A `B = compare `A `B)
