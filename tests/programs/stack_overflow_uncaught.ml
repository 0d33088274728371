let rec deep n = 1 + deep (n + 1)
let () = print_string "before "
let () = print_int (deep 0)
