let rec deep n = 1 + deep (n + 1)
let () =
  (match deep 0 with
  | n -> Printf.printf "%d\n" n
  | exception Stack_overflow -> print_endline "overflow");
  print_endline "and on";
  match deep 1 with _ -> () | exception Stack_overflow -> print_endline "again"
