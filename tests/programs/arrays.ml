let () =
  let a = Array.init 8 (fun i -> (i * 5) mod 8) in
  let show a = Array.iter (Printf.printf "%d ") a; print_newline () in
  show a;
  let b = Array.copy a in
  Array.sort compare b;
  show b;
  show (Array.append (Array.sub a 0 2) (Array.map (fun x -> -x) [| 1; 2 |]));
  let matrix = Array.make_matrix 2 3 0 in
  matrix.(1).(2) <- 5;
  Array.iter show matrix;
  let floats = Array.make 3 1.5 in
  floats.(1) <- 2.;
  Printf.printf "%g\n" (Array.fold_left ( +. ) 0. floats);
  (try a.(Sys.opaque_identity (-1)) <- 0 with Invalid_argument m -> print_endline m);
  Array.fill a 0 3 9;
  Array.blit b 0 a 5 3;
  show a;
  let sieve n =
    let composite = Array.make (n + 1) false in
    for i = 2 to n do
      if not composite.(i) then
        let j = ref (i * i) in
        while !j <= n do composite.(!j) <- true; j := !j + i done
    done;
    List.filter (fun i -> not composite.(i)) (List.init (n - 1) (( + ) 2))
  in
  show (Array.of_list (sieve 40));
  let f = Float.Array.create 2 in
  Float.Array.set f 0 0.1;
  Float.Array.set f 1 0.2;
  Printf.printf "%.20g\n" (Float.Array.fold_left ( +. ) 0. f)
