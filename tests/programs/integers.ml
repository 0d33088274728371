let () =
  Printf.printf "%d %d %d %d\n" (7 / 2) (-7 / 2) (7 mod 3) (-7 mod 3);
  Printf.printf "%d %d %d %d\n" (5 land 3) (5 lor 3) (5 lxor 3) (lnot 5);
  Printf.printf "%d %d %d\n" (1 lsl 10) (-16 asr 2) (-1 lsr 60);
  Printf.printf "%d\n" (max_int + 1);
  Printf.printf "%ld %ld\n" (Int32.add Int32.max_int 1l) (Int32.of_string "0x7fff");
  Printf.printf "%Ld %Lu %Lx\n" (Int64.mul Int64.max_int 2L) (-1L) 0xdeadbeefL;
  Printf.printf "%nd\n" (Nativeint.shift_left 1n 62);
  Printf.printf "%d %s %s\n" (int_of_string "0b1010") (string_of_int 0o17) (Int64.to_string Int64.min_int);
  (try ignore (1 / Sys.opaque_identity 0) with Division_by_zero -> print_endline "division by zero");
  (try ignore (Int64.rem 1L 0L) with Division_by_zero -> print_endline "rem");
  Printf.printf "%d %d\n" (int_of_float 3.99) (int_of_float (-3.99));
  Printf.printf "%d %d\n" (abs min_int) (Int.shift_right (-8) 1);
  let rec collatz n steps = if n = 1 then steps else collatz (if n land 1 = 0 then n / 2 else (3 * n) + 1) (steps + 1) in
  Printf.printf "%d\n" (collatz 27 0);
  Printf.printf "%s\n" (match int_of_string_opt "99999999999999999999" with None -> "overflow" | Some _ -> "fits")
