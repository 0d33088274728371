module type ORDERED = sig
  type t
  val compare : t -> t -> int
  val show : t -> string
end

module Heap (O : ORDERED) : sig
  type t
  val empty : t
  val insert : O.t -> t -> t
  val pop : t -> (O.t * t) option
  val drain : t -> string list
end = struct
  type t = Leaf | Node of int * O.t * t * t
  let empty = Leaf
  let rank = function Leaf -> 0 | Node (r, _, _, _) -> r
  let node x a b = if rank a >= rank b then Node (rank b + 1, x, a, b) else Node (rank a + 1, x, b, a)
  let rec merge a b =
    match a, b with
    | Leaf, h | h, Leaf -> h
    | Node (_, x, l, r), Node (_, y, _, _) when O.compare x y <= 0 -> node x l (merge r b)
    | _, Node (_, y, l, r) -> node y l (merge a r)
  let insert x h = merge (Node (1, x, Leaf, Leaf)) h
  let pop = function Leaf -> None | Node (_, x, l, r) -> Some (x, merge l r)
  let rec drain h = match pop h with None -> [] | Some (x, rest) -> O.show x :: drain rest
end

module Reverse (O : ORDERED) = struct
  include O
  let compare a b = O.compare b a
end

module Number = struct
  type t = int
  let compare = Int.compare
  let show = string_of_int
end

module Text = struct
  type t = string
  let compare = String.compare
  let show s = "\"" ^ s ^ "\""
end

module A = Heap (Number)
module B = Heap (Reverse (Number))
module C = Heap (Reverse (Reverse (Text)))

let () =
  let numbers = [ 5; 3; 9; 1; 4; 1 ] in
  print_endline (String.concat " " (A.drain (List.fold_right A.insert numbers A.empty)));
  print_endline (String.concat " " (B.drain (List.fold_right B.insert numbers B.empty)));
  print_endline (String.concat " " (C.drain (List.fold_right C.insert [ "b"; "c"; "a" ] C.empty)))
