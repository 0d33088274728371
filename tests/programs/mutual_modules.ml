module rec Even : sig
  type t = Zero | Next of Odd.t
  val to_int : t -> int
end = struct
  type t = Zero | Next of Odd.t
  let to_int = function Zero -> 0 | Next o -> 1 + Odd.to_int o
end

and Odd : sig
  type t = Next of Even.t
  val to_int : t -> int
end = struct
  type t = Next of Even.t
  let to_int (Next e) = 1 + Even.to_int e
end

module Outer = struct
  let x = 1
  module Inner = struct
    let y = x + 1
    module Deep = struct let z = y + x end
  end
  include Inner
end

open Outer
open! Inner.Deep

module Sealed : sig type t val make : int -> t val get : t -> int end = struct
  type t = int
  let make x = x * 2
  let get x = x
end

let () =
  Printf.printf "%d\n" (Even.to_int (Even.Next (Odd.Next (Even.Next (Odd.Next Even.Zero)))));
  Printf.printf "%d %d %d\n" x y z;
  Printf.printf "%d\n" Sealed.(get (make 21));
  let module Local = struct let v = Outer.Inner.(y * 10) end in
  Printf.printf "%d\n" Local.v;
  let open List in
  Printf.printf "%d\n" (length [ 1; 2 ])
