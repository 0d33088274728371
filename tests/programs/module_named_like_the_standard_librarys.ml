(* A program may hide modules of the standard library. *)
module List = struct
  include List
  let length l = 100 + List.length l
end

module String = struct
  let length _ = -1
end

module Unix = struct
  let getpid () = "not a process"
end

module Dynlink = struct
  let loaded = "mine"
end

let print_endline s = Stdlib.print_endline ("> " ^ s)

let () =
  print_endline (string_of_int (List.length [ 1 ]));
  print_endline (string_of_int (String.length "abc"));
  print_endline (Unix.getpid ());
  print_endline Dynlink.loaded
