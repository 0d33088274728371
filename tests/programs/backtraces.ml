let fail () = raise Not_found
let middle () = fail () + 1
let () =
  Printexc.record_backtrace true;
  (try ignore (middle ())
   with e ->
     let raw = Printexc.get_raw_backtrace () in
     Printf.printf "%s %b\n" (Printexc.to_string e) (Printexc.raw_backtrace_length raw > 0));
  print_endline (Printexc.to_string (Invalid_argument "x"));
  print_endline (Printexc.to_string (Sys_error "y"));
  Printf.printf "%b\n" (Printexc.backtrace_status ());
  match (try Error (raise Exit) with e -> Ok (Printexc.to_string e)) with
  | Ok name -> print_endline name
  | Error () -> ()
