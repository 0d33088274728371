let () =
  let n = Scanf.scanf " %d" (fun n -> n) in
  let numbers = List.init n (fun _ -> Scanf.scanf " %d" (fun x -> x)) in
  Printf.printf "%d\n" (List.fold_left ( + ) 0 numbers);
  let rest = Scanf.scanf " %[^\n]" (fun s -> s) in
  print_endline rest;
  print_endline (read_line ())
