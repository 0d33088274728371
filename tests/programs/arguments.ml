let () =
  Printf.printf "%d\n" (Array.length Sys.argv);
  for i = 1 to Array.length Sys.argv - 1 do print_endline Sys.argv.(i) done;
  let verbose = ref false and level = ref 0 and files = ref [] in
  let specification = [ "-v", Arg.Set verbose, "be loud"; "-l", Arg.Set_int level, "a level" ] in
  Arg.parse specification (fun f -> files := f :: !files) "usage";
  Printf.printf "%b %d %s\n" !verbose !level (String.concat "," (List.rev !files))
