let () =
  let seen = ref [] in
  Sys.set_signal Sys.sigusr1 (Sys.Signal_handle (fun _ -> seen := "usr1" :: !seen));
  Unix.kill (Unix.getpid ()) Sys.sigusr1;
  (* Handlers run at allocations and polls. *)
  let rec wait n = if !seen = [] && n > 0 then (ignore (Sys.opaque_identity (ref n)); Unix.sleepf 0.001; wait (n - 1)) in
  wait 5000;
  print_endline (String.concat "," !seen);
  (try
     Sys.set_signal Sys.sigalrm (Sys.Signal_handle (fun _ -> raise Exit));
     ignore (Unix.alarm 1);
     while true do ignore (Sys.opaque_identity (ref 0)) done
   with Exit -> print_endline "alarm");
  Sys.set_signal Sys.sigint Sys.Signal_ignore;
  Unix.kill (Unix.getpid ()) Sys.sigint;
  print_endline "interrupt ignored"
