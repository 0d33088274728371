(* The plugin of the example [bench-calls]; compile it with [ocamlopt -shared]. *)
type kind = Plain | Coded of int | Named of string * float
type record = { id : int; name : string; score : float; kind : kind; tag : string option }

let successor x = x + 1
let echo s = s
let sum numbers = Array.fold_left ( +. ) 0. numbers

let weigh records =
  let kind = function
    | Plain -> 1
    | Coded n -> n
    | Named (name, score) -> String.length name + int_of_float score
  in
  let tag = function None -> 0 | Some tag -> String.length tag in
  List.fold_left
    (fun total r -> total + r.id + String.length r.name + kind r.kind + tag r.tag)
    0 records

let double records =
  List.map (fun r -> { r with id = r.id + 1; score = r.score *. 2. }) records

module Plugin = struct
  let successor = successor
  let echo = echo
  let sum = sum
  let weigh = weigh
  let double = double
end

let () =
  (* For the rows by hand. *)
  Callback.register "bench.successor" successor;
  Callback.register "bench.echo" echo;
  Callback.register "bench.sum" sum;
  Callback.register "bench.weigh" weigh
