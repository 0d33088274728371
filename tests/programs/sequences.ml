let rec naturals n () = Seq.Cons (n, naturals (n + 1))
let rec take n s () =
  if n = 0 then Seq.Nil else match s () with Seq.Nil -> Seq.Nil | Seq.Cons (x, r) -> Seq.Cons (x, take (n - 1) r)

let () =
  let squares = Seq.map (fun x -> x * x) (Seq.filter (fun x -> x mod 3 = 0) (naturals 1)) in
  Seq.iter (Printf.printf "%d ") (take 6 squares);
  print_newline ();
  print_endline (String.of_seq (take 5 (Seq.unfold (fun c -> Some (c, Char.chr (Char.code c + 2))) 'a')));
  Printf.printf "%d\n" (Seq.fold_left ( + ) 0 (take 100 (naturals 1)));
  Printf.printf "%d\n" (List.length (List.of_seq (Seq.flat_map (fun n -> take n (naturals 0)) (take 5 (naturals 0)))))
