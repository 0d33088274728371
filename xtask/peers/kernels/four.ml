let successor n = n + 1
let echo text = text
let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)

let text n =
  let buffer = Buffer.create 16 in
  for i = 1 to n do Buffer.add_string buffer (string_of_int i) done;
  Buffer.contents buffer
