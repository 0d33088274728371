let successor n = n + 1
let echo text = text
let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)

type body =
  { mutable x : float; mutable y : float; mutable z : float; mutable vx : float; mutable vy : float; mutable vz : float; mass : float }

let step bodies dt =
  for i = 0 to Array.length bodies - 1 do
    let a = bodies.(i) in
    for j = i + 1 to Array.length bodies - 1 do
      let b = bodies.(j) in
      let dx = a.x -. b.x and dy = a.y -. b.y and dz = a.z -. b.z in
      let d2 = (dx *. dx) +. (dy *. dy) +. (dz *. dz) in
      let mag = dt /. (d2 *. sqrt d2) in
      a.vx <- a.vx -. (dx *. b.mass *. mag);
      a.vy <- a.vy -. (dy *. b.mass *. mag);
      a.vz <- a.vz -. (dz *. b.mass *. mag);
      b.vx <- b.vx +. (dx *. a.mass *. mag);
      b.vy <- b.vy +. (dy *. a.mass *. mag);
      b.vz <- b.vz +. (dz *. a.mass *. mag)
    done
  done;
  Array.iter
    (fun b ->
      b.x <- b.x +. (dt *. b.vx);
      b.y <- b.y +. (dt *. b.vy);
      b.z <- b.z +. (dt *. b.vz))
    bodies

let n_body numbers steps =
  let at i = numbers.(i) in
  let bodies =
    Array.init (Array.length numbers / 7) (fun b ->
        let i = b * 7 in
        { x = at i; y = at (i + 1); z = at (i + 2); vx = at (i + 3); vy = at (i + 4); vz = at (i + 5); mass = at (i + 6) })
  in
  for _ = 1 to steps do step bodies 0.01 done;
  bodies.(0).x

let[@inline] a i j = 1. /. float_of_int (((i + j) * (i + j + 1) / 2) + i + 1)

let multiply n from into transposed =
  for i = 0 to n - 1 do
    let sum = ref 0. in
    for j = 0 to n - 1 do
      sum := !sum +. ((if transposed then a j i else a i j) *. from.(j))
    done;
    into.(i) <- !sum
  done

let dot a b =
  let sum = ref 0. in
  for i = 0 to Array.length a - 1 do sum := !sum +. (a.(i) *. b.(i)) done;
  !sum

let spectral_norm n =
  let u = Array.make n 1. and v = Array.make n 0. and t = Array.make n 0. in
  for _ = 1 to 10 do
    multiply n u t false;
    multiply n t v true;
    multiply n v t false;
    multiply n t u true
  done;
  sqrt (dot u v /. dot v v)

let text n =
  let buffer = Buffer.create 16 in
  for i = 1 to n do Buffer.add_string buffer (string_of_int i) done;
  String.length (Buffer.contents buffer)
