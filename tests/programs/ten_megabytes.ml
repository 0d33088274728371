(* Much output that nobody flushes. *)
let line = String.make 99 'x' ^ "\n"
let () = for _ = 1 to 100_000 do print_string line done
let () = print_string "the end"
