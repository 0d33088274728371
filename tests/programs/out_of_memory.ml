let () =
  match Array.make Sys.max_array_length 0 with
  | a -> Printf.printf "%d\n" (Array.length a)
  | exception Out_of_memory -> print_endline "out of memory"
let () = try ignore (Bytes.create (-1)) with Invalid_argument m -> print_endline m
