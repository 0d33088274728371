let ( let* ) o f = Option.bind o f
let ( let+ ) o f = Option.map f o
let ( and+ ) a b = match a, b with Some a, Some b -> Some (a, b) | _ -> None
let ( |>> ) x f = f x; x
let ( ** ) a b = (a * 10) + b
let ( ! ) x = x + 1
let ( .%[] ) s i = s.[i]

let half n = if n mod 2 = 0 then Some (n / 2) else None

let () =
  let quarter n = let* h = half n in half h in
  let show = function None -> "none" | Some n -> string_of_int n in
  print_endline (show (quarter 12) ^ " " ^ show (quarter 6));
  print_endline (show (let+ a = Some 1 and+ b = Some 2 in a + b));
  ignore (5 |>> Printf.printf "%d ");
  Printf.printf "%d %d %c\n" (1 ** 2 ** 3) !41 "abc".%[1];
  Printf.printf "%d\n" (3 |> ( + ) 1 |> fun x -> x * 2);
  Printf.printf "%d\n" @@ succ @@ 1
