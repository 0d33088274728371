let () =
  Printf.printf "%d|%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%u\n" 42 42 42 42 42 255 255 255 8 7;
  Printf.printf "%s|%10s|%-10s|%S|%c|%C|%b|%B\n" "text" "text" "text" "a\n\"b\"" 'x' '\n' true false;
  Printf.printf "%f|%.2f|%10.3f|%e|%g|%h|%F\n" 3.14159 3.14159 3.14159 31415.9 1e-5 1.5 2.;
  Printf.printf "%ld|%Ld|%nd|%lx\n" 1l 2L 3n 255l;
  Printf.printf "%*d|%.*f|%%|%!\n" 6 42 2 2.71828;
  Printf.printf "%a|%t\n" (fun oc x -> output_string oc (String.uppercase_ascii x)) "up" (fun oc -> output_char oc '!');
  print_endline (Printf.sprintf "%i%s" 1 (Printf.sprintf "%d" 2));
  let f = format_of_string "%d-%s\n" in
  Printf.printf f 1 "x";
  Printf.printf ("%s" ^^ " then " ^^ "%d\n") "first" 2;
  Printf.printf "%g %g %g %g\n" infinity neg_infinity nan (-0.);
  Printf.printf "%d %d\n" max_int min_int;
  Printf.ksprintf (fun s -> print_endline ("<" ^ s ^ ">")) "%d%%" 50;
  let b = Buffer.create 10 in
  Printf.bprintf b "%d" 7;
  print_endline (Buffer.contents b)
