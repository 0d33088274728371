(* A signal that OCaml handles interrupts a system call of the main program, whatever other threads there are. *)
let interrupted = ref false and handled = ref 0

let interrupt () =
  ignore (Thread.sigmask Unix.SIG_BLOCK [ Sys.sigint ]);
  while not !interrupted do
    Thread.delay 0.02;
    Unix.kill (Unix.getpid ()) Sys.sigint
  done

let () =
  Sys.set_signal Sys.sigint (Sys.Signal_handle (fun _ -> incr handled));
  let read, write = Unix.pipe () in
  let thread = Thread.create interrupt () in
  (match Unix.read read (Bytes.create 1) 0 1 with
  | _ -> print_endline "read"
  | exception Unix.Unix_error (Unix.EINTR, _, _) -> print_endline "interrupted");
  interrupted := true;
  Thread.join thread;
  Unix.close write;
  Printf.printf "%b\n" (!handled > 0)
