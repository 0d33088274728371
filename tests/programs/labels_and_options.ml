let greet ?(greeting = "hello") ?punctuation ~name () =
  let mark = match punctuation with None -> "." | Some p -> p in
  Printf.printf "%s %s%s\n" greeting name mark

let range ?(step = 1) ~from until = List.init (((until - from) / step) + 1) (fun i -> from + (i * step))

let apply ~f ~x = f x
let wrap ?label f = match label with None -> f () | Some l -> l ^ ":" ^ f ()

let () =
  greet ~name:"world" ();
  greet ~name:"you" ~greeting:"bye" ();
  greet ?punctuation:(Some "!") ~name:"there" ();
  let named = greet ~name:"partial" in
  named ~punctuation:"?" ();
  named ();
  print_endline (String.concat " " (List.map string_of_int (range ~step:3 ~from:1 12)));
  Printf.printf "%d\n" (apply ~x:3 ~f:(fun y -> y + 1));
  print_endline (wrap ~label:"l" (fun () -> "body"));
  print_endline (ListLabels.fold_left ~init:"" ~f:( ^ ) [ "a"; "b" ]);
  let f ~a ~b = a - b in
  Printf.printf "%d %d\n" (f ~b:1 ~a:10) (f 10 1)
