let () =
  Scanf.sscanf "12 abc 3.5 true" "%d %s %f %B" (fun d s f b -> Printf.printf "%d %s %.1f %b\n" d s f b);
  Scanf.sscanf "0xff -17 0b101" "%i %i %i" (fun a b c -> Printf.printf "%d %d %d\n" a b c);
  Scanf.sscanf "key=value;rest" "%[^=]=%[^;];%s" (fun k v r -> Printf.printf "%s %s %s\n" k v r);
  Scanf.sscanf "\"quoted \\\" text\"" "%S" print_endline;
  (try Scanf.sscanf "abc" "%d" print_int with
  | Scanf.Scan_failure _ -> print_endline "scan failure"
  | Failure m -> print_endline m);
  Scanf.sscanf "1,2,3" "%d,%d,%d" (fun a b c -> Printf.printf "%d\n" (a + b + c));
  let ib = Scanf.Scanning.from_string "1 2 3 4" in
  let total = ref 0 in
  (try
     while true do
       Scanf.bscanf ib " %d" (fun n -> total := !total + n)
     done
   with End_of_file -> ());
  Printf.printf "%d\n" !total;
  Scanf.sscanf "ab" "%c%c%n" (fun a b n -> Printf.printf "%c%c%d\n" b a n)
