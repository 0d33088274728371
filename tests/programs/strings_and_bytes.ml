let () =
  let s = "Hello, World" in
  Printf.printf "%d %c %s\n" (String.length s) s.[4] (String.sub s 7 5);
  print_endline (String.concat "|" (String.split_on_char ',' s));
  print_endline (String.map (fun c -> Char.chr (Char.code c lxor 32)) "abcXYZ");
  Printf.printf "%d %s %b\n" (String.index s 'W') (String.trim "  x \n") (String.contains s 'z');
  let b = Bytes.of_string s in
  Bytes.set b 0 'J';
  Bytes.blit_string "12" 0 b 5 2;
  Bytes.fill b 8 2 '*';
  print_endline (Bytes.to_string b);
  Bytes.set_int32_le b 0 0x64636261l;
  print_endline (Bytes.to_string b);
  Printf.printf "%S %S\n" (String.escaped "\t\"é\"\000") (String.make 3 'x');
  print_endline (String.init 10 (fun i -> Char.chr (48 + i)));
  Printf.printf "%d %d\n" (compare "abc" "abd") (String.compare "b" "a");
  print_endline "unicode: \u{1F42B} \u{e9} é";
  print_endline {|raw "string" \n|};
  print_endline {x|nested |} in|x};
  let buffer = Buffer.create 1 in
  for i = 0 to 9 do Buffer.add_string buffer (string_of_int i) done;
  Buffer.add_utf_8_uchar buffer (Uchar.of_int 0x3b1);
  print_endline (Buffer.contents buffer)
