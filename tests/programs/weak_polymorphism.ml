(* Values whose types are settled by their first use, at the top level of the program. *)
let cell = ref []
let table = Hashtbl.create 7
let last = ref None
let memo = Array.make 3 None
let identity = (fun f -> f) (fun x -> x)

let () =
  cell := 1 :: !cell;
  cell := 2 :: !cell;
  Hashtbl.add table "k" [ 1.5 ];
  last := Some 'c';
  memo.(1) <- Some "memo";
  Printf.printf "%d %.1f %b %s %d\n" (List.length !cell)
    (List.hd (Hashtbl.find table "k"))
    (!last = Some 'c')
    (match memo.(1) with Some s -> s | None -> "none")
    (identity 3)
