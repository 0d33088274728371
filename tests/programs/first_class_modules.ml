module type SHAPE = sig
  val name : string
  val area : float -> float
end

module Circle = struct
  let name = "circle"
  let area r = 3.14159 *. r *. r
end

let square = (module struct
  let name = "square"
  let area s = s *. s
end : SHAPE)

let describe (module S : SHAPE) size = Printf.sprintf "%s %.3f" S.name (S.area size)

module type MONOID = sig
  type t
  val zero : t
  val add : t -> t -> t
end

let sum (type a) (module M : MONOID with type t = a) (items : a list) = List.fold_left M.add M.zero items

let table : (string, (module SHAPE)) Hashtbl.t = Hashtbl.create 3

let () =
  Hashtbl.add table "circle" (module Circle);
  Hashtbl.add table "square" square;
  List.iter (fun k -> print_endline (describe (Hashtbl.find table k) 2.)) [ "square"; "circle" ];
  let ints = (module struct type t = int let zero = 0 let add = ( + ) end : MONOID with type t = int) in
  let texts = (module struct type t = string let zero = "" let add = ( ^ ) end : MONOID with type t = string) in
  Printf.printf "%d %s\n" (sum ints [ 1; 2; 3 ]) (sum texts [ "a"; "b" ]);
  let (module S) = square in
  print_endline S.name
