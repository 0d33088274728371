module Length : sig
  type 'unit t = private float
  type metre and foot
  val metres : float -> metre t
  val feet : float -> foot t
  val add : 'u t -> 'u t -> 'u t
  val to_metres : foot t -> metre t
end = struct
  type 'unit t = float
  type metre and foot
  let metres x = x
  let feet x = x
  let add = ( +. )
  let to_metres x = x *. 0.3048
end

type positive = Positive of int [@@unboxed]
type ('a, 'b) either = Left of 'a | Right of 'b
type +'a box = Box of 'a

let () =
  let l = Length.(add (metres 1.) (to_metres (feet 10.))) in
  Printf.printf "%.3f\n" (l :> float);
  let (Positive n) = Positive 4 in
  Printf.printf "%d\n" n;
  let swap = function Left a -> Right a | Right b -> Left b in
  (match swap (Left 3) with Right x -> Printf.printf "%d\n" x | Left _ -> ());
  let Box o = (Box (object method a = 1 method b = 2 end) :> < a : int > box) in
  Printf.printf "%d\n" o#a
