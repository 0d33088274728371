let () =
  let name = Filename.temp_file "channel" ".bin" in
  let out = open_out_bin name in
  for i = 0 to 255 do output_char out (Char.chr i) done;
  output_binary_int out 0x01020304;
  output_value out [ "marshalled" ];
  Printf.printf "%b\n" (pos_out out > 260);
  close_out out;
  let input = open_in_bin name in
  let s = really_input_string input 256 in
  Printf.printf "%d %d\n" (Char.code s.[200]) (input_binary_int input);
  print_endline (List.hd (input_value input : string list));
  seek_in input 65;
  Printf.printf "%c %b\n" (input_char input) (in_channel_length input > 260);
  close_in input;
  let out = open_out_gen [ Open_append; Open_wronly ] 0 name in
  output_string out "tail";
  close_out out;
  let input = open_in name in
  seek_in input (in_channel_length input - 4);
  print_endline (input_line input);
  close_in input;
  Sys.remove name;
  (try ignore (open_in name) with Sys_error _ -> print_endline "gone");
  print_endline (Filename.concat "a" (Filename.basename "/x/y.ml"));
  print_endline (Filename.remove_extension "y.ml" ^ Filename.extension "z.tar.gz")
