let rec read n total =
  match input_line stdin with
  | line ->
    Printf.printf "%d: %s\n" n (String.uppercase_ascii line);
    read (n + 1) (total + String.length line)
  | exception End_of_file -> total

let () = Printf.printf "%d bytes\n" (read 1 0)
