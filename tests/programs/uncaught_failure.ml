let () = print_string "no newline at the end"
let rec find n = if n > 3 then failwith "nobody catches this" else find (n + 1)
let () = find 0
