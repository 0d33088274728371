type colour = Red | Green | Rgb of int * int * int
type point = { x : float; y : float }
type shape = { centre : point; colour : colour; mutable tags : string list }
type tree = Leaf | Node of { left : tree; value : int; right : tree }

let rec insert v = function
  | Leaf -> Node { left = Leaf; value = v; right = Leaf }
  | Node ({ value; left; right } as n) ->
    if v < value then Node { n with left = insert v left }
    else if v > value then Node { n with right = insert v right }
    else Node { value; left; right }

let rec walk = function Leaf -> [] | Node { left; value; right } -> walk left @ (value :: walk right)

let name = function
  | Red -> "red"
  | Green -> "green"
  | Rgb (r, g, b) when r = g && g = b -> Printf.sprintf "grey %d" r
  | Rgb (r, _, _) -> Printf.sprintf "mixed %d" r

let () =
  let s = { centre = { x = 1.; y = 2. }; colour = Rgb (3, 3, 3); tags = [] } in
  let moved = { s with centre = { s.centre with y = 5. } } in
  s.tags <- "t" :: s.tags;
  Printf.printf "%g %g %s %d\n" s.centre.y moved.centre.y (name s.colour) (List.length moved.tags);
  List.iter (fun c -> print_endline (name c)) [ Red; Green; Rgb (1, 2, 3) ];
  print_endline (String.concat " " (List.map string_of_int (walk (List.fold_right insert [ 5; 2; 8; 2; 9; 1 ] Leaf))));
  Printf.printf "%b %d\n" ({ x = 1.; y = 2. } = s.centre) (compare Red Green)
