let () =
  let read, write = Unix.pipe () in
  let message = "through a pipe" in
  let n = Unix.write_substring write message 0 (String.length message) in
  Unix.close write;
  let b = Bytes.create 100 in
  let m = Unix.read read b 0 100 in
  Printf.printf "%d %d %s\n" n m (Bytes.sub_string b 0 m);
  (try ignore (Unix.openfile "/definitely/not/there" [ Unix.O_RDONLY ] 0)
   with Unix.Unix_error (e, f, arg) -> Printf.printf "%s %s %s\n" (Unix.error_message e) f arg);
  let t = Unix.gmtime 86400. in
  Printf.printf "%d-%02d-%02d\n" (t.Unix.tm_year + 1900) (t.Unix.tm_mon + 1) t.Unix.tm_mday;
  Printf.printf "%b\n" (Unix.getpid () > 0);
  Unix.putenv "SADDLEBAG_PROGRAM" "set";
  print_endline (Unix.getenv "SADDLEBAG_PROGRAM");
  print_endline (Unix.string_of_inet_addr Unix.inet_addr_loopback);
  let name = Filename.temp_file "unix" ".txt" in
  let out = open_out name in
  output_string out "0123456789";
  close_out out;
  Printf.printf "%d\n" (Unix.stat name).Unix.st_size;
  Unix.unlink name;
  Printf.printf "%b\n" (Sys.file_exists name)
