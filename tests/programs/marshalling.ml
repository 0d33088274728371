type t = { name : string; mutable next : t option; values : float array }

let () =
  let a = { name = "a"; next = None; values = [| 1.; 2.5 |] } in
  let b = { name = "b"; next = Some a; values = [||] } in
  a.next <- Some b;
  let copy : t = Marshal.from_string (Marshal.to_string a []) 0 in
  Printf.printf "%s %s\n" copy.name (match copy.next with Some { next = Some c; _ } -> string_of_bool (c == copy) | _ -> "?");
  let f = let k = 3 in fun x -> x + k in
  let g : int -> int = Marshal.from_string (Marshal.to_string f [ Marshal.Closures ]) 0 in
  Printf.printf "%d\n" (g 4);
  (try ignore (Marshal.to_string f []) with Invalid_argument m -> print_endline m);
  let shared = [ "x"; "y" ] in
  let p, q = Marshal.from_string (Marshal.to_string (shared, shared) []) 0 in
  Printf.printf "%b\n" ((p : string list) == q);
  Printf.printf "%d\n" (String.length (Marshal.to_string [ 1; 2; 3 ] [ Marshal.No_sharing ]));
  print_endline (Digest.to_hex (Digest.string (Marshal.to_string (1, "two", 3.) [])))
