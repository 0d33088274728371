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
  let e = Ephemeron.K1.create () in
  let key = ref 1 in
  Ephemeron.K1.set_key e key;
  Ephemeron.K1.set_data e "data";
  Gc.full_major ();
  Printf.printf "%s %d\n" (Option.value (Ephemeron.K1.get_data e) ~default:"gone") !key;
  Printf.printf "%d\n" (W.count w + String.length (Sys.opaque_identity a))
