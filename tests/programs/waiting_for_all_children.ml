(* Waits for children until there are none left, as shells and servers do. *)
let rec wait_for_all sum =
  match Unix.wait () with
  | _, Unix.WEXITED n -> wait_for_all (sum + n)
  | _, (Unix.WSIGNALED _ | Unix.WSTOPPED _) -> print_string "a child that is not ours "; wait_for_all sum
  | exception Unix.Unix_error (Unix.ECHILD, _, _) -> sum

let () =
  Printf.printf "%d\n%!" (wait_for_all 0);
  List.iter (fun n -> if Unix.fork () = 0 then Unix._exit n) [ 1; 2; 4 ];
  Printf.printf "%d\n" (wait_for_all 0)
