let rec ackermann m n =
  if m = 0 then n + 1 else if n = 0 then ackermann (m - 1) 1 else ackermann (m - 1) (ackermann m (n - 1))

let rec even n = n = 0 || odd (n - 1)
and odd n = n <> 0 && even (n - 1)

let rec hanoi n a b c = if n = 0 then 0 else hanoi (n - 1) a c b + 1 + hanoi (n - 1) c b a

let queens n =
  let rec place row columns =
    if row = n then 1
    else
      let safe c = List.for_all (fun (r, c') -> c <> c' && abs (c - c') <> row - r) columns in
      let rec count c = if c = n then 0 else (if safe c then place (row + 1) ((row, c) :: columns) else 0) + count (c + 1) in
      count 0
  in
  place 0 []

let rec permutations = function
  | [] -> [ [] ]
  | l -> List.concat_map (fun x -> List.map (List.cons x) (permutations (List.filter (( <> ) x) l))) l

let () =
  Printf.printf "%d %b %d %d %d\n" (ackermann 2 9) (even 100_001) (hanoi 12 'a' 'b' 'c') (queens 7)
    (List.length (permutations [ 1; 2; 3; 4; 5; 6 ]));
  let rec fix f x = f (fix f) x in
  Printf.printf "%d\n" (fix (fun self n -> if n = 0 then 1 else n * self (n - 1)) 15);
  (* As deep as a program's stack allows without question. *)
  let rec sum n = if n = 0 then 0 else n + sum (n - 1) in
  Printf.printf "%d\n" (sum 200_000)
