let () = try exit 3 with _ -> print_endline "caught"
