type message = ..
type message += Ping | Text of string
module Extra = struct type message += Number of int end

let show = function
  | Ping -> "ping"
  | Text s -> s
  | Extra.Number n -> string_of_int n
  | _ -> "unknown"

type message += Late

let () = List.iter (fun m -> print_endline (show m)) [ Ping; Text "t"; Extra.Number 3; Late ]
