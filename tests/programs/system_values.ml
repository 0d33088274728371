let () =
  Printf.printf "%d %b %s\n" Sys.word_size Sys.big_endian Sys.os_type;
  Printf.printf "%s %s\n" Sys.ocaml_version (match Sys.backend_type with Sys.Native -> "native" | _ -> "other");
  Printf.printf "%b\n" (Sys.time () >= 0.);
  Printf.printf "%b\n" !Sys.interactive;
  print_endline (try Sys.getenv "NO_SUCH_VARIABLE" with Not_found -> "not set");
  Printf.printf "%d\n" (Sys.max_string_length land 0xff);
  Printf.printf "%d\n" (Sys.command "exit 3" land 0xff);
  print_endline (String.concat " " (List.map string_of_bool [ Sys.unix; Sys.win32; Sys.cygwin ]));
  Printf.printf "%b %b\n" (Sys.file_exists "/") (Sys.is_directory "/");
  print_endline Filename.dir_sep
