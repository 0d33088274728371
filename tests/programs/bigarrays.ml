open Bigarray

let () =
  let a = Array1.create float64 c_layout 10 in
  for i = 0 to 9 do a.{i} <- float_of_int (i * i) done;
  let total = ref 0. in
  for i = 0 to Array1.dim a - 1 do total := !total +. a.{i} done;
  Printf.printf "%.1f\n" !total;
  let m = Array2.create int32 fortran_layout 3 2 in
  Array2.fill m 7l;
  m.{3, 2} <- 9l;
  Printf.printf "%ld %ld\n" m.{1, 1} m.{3, 2};
  let part = Array1.sub a 2 3 in
  part.{0} <- -1.;
  Printf.printf "%.0f\n" a.{2};
  let bytes = Array1.of_array int8_unsigned c_layout [| 250; 260; -1 |] in
  Printf.printf "%d %d %d\n" bytes.{0} bytes.{1} bytes.{2};
  (try ignore a.{Sys.opaque_identity 10} with Invalid_argument m -> print_endline m);
  let g = Genarray.create complex64 c_layout [| 2; 2; 2 |] in
  Genarray.set g [| 1; 1; 1 |] { Complex.re = 1.; im = 2. };
  Printf.printf "%.0f %d\n" (Genarray.get g [| 1; 1; 1 |]).Complex.im (Genarray.num_dims g);
  let reshaped = reshape_2 (genarray_of_array1 (Array1.sub a 0 6)) 2 3 in
  Printf.printf "%.0f\n" reshaped.{1, 2}
