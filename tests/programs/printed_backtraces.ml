(* A program records backtraces when it says so, or OCAMLRUNPARAM does. *)
let fail () = raise Not_found
let show () = try fail () with Not_found -> Printexc.print_backtrace stdout
let () =
  Printf.printf "%b\n" (Printexc.backtrace_status ());
  show ();
  print_endline "now";
  Printexc.record_backtrace true;
  (try ignore (fail ()) with Not_found -> Printf.printf "%b\n" (Printexc.get_backtrace () <> ""));
  Printexc.record_backtrace false;
  show ();
  print_endline "end"
