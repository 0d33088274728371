(* A child process, its output and its status. *)
let () =
  print_string "before ";
  flush stdout;
  match Unix.fork () with
  | 0 ->
    print_string "child ";
    exit 9
  | pid ->
    let _, status = Unix.waitpid [] pid in
    (match status with
    | Unix.WEXITED n -> Printf.printf "exited %d\n" n
    | Unix.WSIGNALED n | Unix.WSTOPPED n -> Printf.printf "signal %d\n" n)
