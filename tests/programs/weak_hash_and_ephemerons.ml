module W = Weak.Make (struct
  type t = string
  let equal = String.equal
  let hash = Hashtbl.hash
end)

let () =
  let w = W.create 10 in
  let a = String.make 3 'a' in
  let merged = W.merge w a in
  Printf.printf "%b %b\n" (merged == a) (W.merge w (String.make 3 'a') == a);
  let module E = Ephemeron.K1.Make (struct
    type t = int ref
    let equal = ( == )
    let hash _ = 0
  end) in
  let e = E.create 1 in
  let key = ref 1 in
  E.replace e key "data";
  Gc.full_major ();
  Printf.printf "%s %d\n" (Option.value (E.find_opt e key) ~default:"gone") !key;
  Printf.printf "%d\n" (W.count w + String.length (Sys.opaque_identity a))
