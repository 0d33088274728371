(** Documentation of the whole file. *)

(* A comment with (* one inside *), a "string with *)" and a quote 'c' and '"'. *)

(** [documented x] is [x]. *)
let documented x = x [@@inline]

let[@warning "-32"] never_used = 1
let attribute = (3 [@attr payload]) [@@other]

[@@@ocaml.warning "-a"]

let () = print_int (documented attribute) (* the end *)
;;

print_newline ();;
print_endline "toplevel expressions" ;;
let x = 1;;
print_int x;;
