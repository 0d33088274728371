exception Outer of string
exception Inner of { code : int; reason : string }

let attempt label f =
  match f () with
  | n -> Printf.printf "%s: %d\n" label n
  | exception Not_found -> Printf.printf "%s: not found\n" label
  | exception Outer s -> Printf.printf "%s: outer %s\n" label s
  | exception Inner { code; reason } -> Printf.printf "%s: inner %d %s\n" label code reason
  | exception e -> Printf.printf "%s: %s\n" label (Printexc.to_string e)

let () =
  attempt "ok" (fun () -> 1);
  attempt "not found" (fun () -> List.assoc 1 []);
  attempt "outer" (fun () -> raise (Outer "x"));
  attempt "inner" (fun () -> raise (Inner { code = 4; reason = "y" }));
  attempt "division" (fun () -> 1 / Sys.opaque_identity 0);
  attempt "bounds" (fun () -> [| 1; 2 |].(Sys.opaque_identity 2));
  attempt "invalid" (fun () -> Char.code (String.get "abc" 9));
  attempt "failure" (fun () -> int_of_string "twelve");
  attempt "match" (fun () -> match Sys.opaque_identity (Some 1) with None -> 1 | Some 2 -> 2 | Some _ -> raise Exit);
  attempt "rethrown" (fun () -> try raise Not_found with Not_found as e -> raise e);
  attempt "finally" (fun () ->
      Fun.protect ~finally:(fun () -> print_endline "cleaned") (fun () -> raise (Outer "protected")));
  let rec depth n = if n = 0 then raise Exit else 1 + depth (n - 1) in
  attempt "deep" (fun () -> try depth 100_000 with Exit -> 7)
