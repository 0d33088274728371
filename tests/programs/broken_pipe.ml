(* A write to a pipe that nobody reads ends a program. *)
let () =
  let reader, writer = Unix.pipe () in
  Unix.close reader;
  match Unix.fork () with
  | 0 ->
    let status = match Unix.write_substring writer "lost" 0 4 with _ -> 1 | exception Unix.Unix_error _ -> 2 in
    Unix._exit status
  | child ->
    (match Unix.waitpid [] child with
    | _, Unix.WSIGNALED signal -> Printf.printf "ended by SIGPIPE: %b\n" (signal = Sys.sigpipe)
    | _, (Unix.WEXITED status | Unix.WSTOPPED status) -> Printf.printf "status %d\n" status)
