let () =
  let forced = ref 0 in
  let v = lazy (incr forced; !forced * 10) in
  Printf.printf "%b " (Lazy.is_val v);
  Printf.printf "%d %d %d\n" (Lazy.force v) (Lazy.force v) !forced;
  let broken = lazy (failwith "later") in
  let try_it () = try Lazy.force broken with Failure m -> m in
  Printf.printf "%s %s\n" (try_it ()) (try_it ());
  let rec primes = lazy (sieve 2)
  and sieve n = Seq.Cons (n, fun () -> next (n + 1))
  and next n = if is_prime n then sieve n else next (n + 1)
  and is_prime n =
    let rec go s = match s () with
      | Seq.Nil -> true
      | Seq.Cons (p, rest) -> p * p > n || (n mod p <> 0 && go rest)
    in
    go (fun () -> Lazy.force primes)
  in
  let rec take n s = if n = 0 then [] else match s () with Seq.Nil -> [] | Seq.Cons (x, r) -> x :: take (n - 1) r in
  print_endline (String.concat " " (List.map string_of_int (take 15 (fun () -> Lazy.force primes))));
  let rec self = lazy (Lazy.force self + 1) in
  (try ignore (Lazy.force self) with Lazy.Undefined -> print_endline "undefined");
  (match lazy (1 + 1) with lazy 2 -> print_endline "pattern" | _ -> ())
