let () =
  Printf.printf "%.17g %.3f %g\n" (0.1 +. 0.2) (sqrt 2.) (2. ** 0.5);
  Printf.printf "%g %g %g\n" (1. /. 0.) (-1. /. 0.) (0. /. 0.);
  Printf.printf "%b %b %d\n" (nan = nan) (nan <> nan) (compare nan nan);
  Printf.printf "%g %g %g %g\n" (floor 2.7) (ceil 2.2) (Float.round 2.5) (Float.trunc (-2.7));
  Printf.printf "%.10f %.10f %.10f\n" (sin 1.) (cos 1.) (atan2 1. 2.);
  Printf.printf "%.10f %.10f\n" (exp 1.) (log 10.);
  Printf.printf "%s %s %s\n" (string_of_float 1.) (string_of_float 1e100) (string_of_float 0.1);
  let m, e = frexp 10. in
  Printf.printf "%g %d %g\n" m e (ldexp 0.5 3);
  Printf.printf "%h %g\n" 0.1 (float_of_string "0x1.8p1");
  Printf.printf "%g %g\n" epsilon_float (mod_float 7.5 2.);
  Printf.printf "%Lx\n" (Int64.bits_of_float (-0.));
  let rec pi k sign total = if k > 100_000 then 4. *. total else pi (k + 2) (-.sign) (total +. (sign /. float_of_int k)) in
  Printf.printf "%.6f\n" (pi 1 1. 0.);
  Printf.printf "%s\n" (match classify_float 1e-310 with FP_subnormal -> "subnormal" | _ -> "other");
  Printf.printf "%g\n" (Float.fma 2. 3. 4.)
