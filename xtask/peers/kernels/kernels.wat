(module
  (memory (export "memory") 1)

  (func (export "successor") (param $n i64) (result i64)
    (i64.add (local.get $n) (i64.const 1)))

  (func (export "echo") (param $at i32) (param $length i32) (result i32 i32)
    (local.get $at) (local.get $length))

  (func $fib (export "fib") (param $n i64) (result i64)
    (if (result i64) (i64.lt_s (local.get $n) (i64.const 2))
      (then (local.get $n))
      (else (i64.add
        (call $fib (i64.sub (local.get $n) (i64.const 1)))
        (call $fib (i64.sub (local.get $n) (i64.const 2)))))))

  ;; Bodies of seven doubles from address 0: place, speed, mass.
  (func $kick (param $at i32) (param $by f64)
    (f64.store (local.get $at) (f64.add (f64.load (local.get $at)) (local.get $by))))

  (func (export "n_body") (param $count i32) (param $steps i32) (result f64)
    (local $a i32) (local $b i32) (local $end i32)
    (local $dx f64) (local $dy f64) (local $dz f64) (local $d2 f64) (local $mag f64) (local $ma f64) (local $mb f64)
    (local.set $end (i32.mul (local.get $count) (i32.const 56)))
    (block $done
      (loop $step
        (br_if $done (i32.eqz (local.get $steps)))
        (local.set $steps (i32.sub (local.get $steps) (i32.const 1)))
        (local.set $a (i32.const 0))
        (loop $first
          (local.set $b (i32.add (local.get $a) (i32.const 56)))
          (block $no_more
            (loop $second
              (br_if $no_more (i32.ge_u (local.get $b) (local.get $end)))
              (local.set $dx (f64.sub (f64.load (local.get $a)) (f64.load (local.get $b))))
              (local.set $dy (f64.sub (f64.load offset=8 (local.get $a)) (f64.load offset=8 (local.get $b))))
              (local.set $dz (f64.sub (f64.load offset=16 (local.get $a)) (f64.load offset=16 (local.get $b))))
              (local.set $d2 (f64.add (f64.add
                (f64.mul (local.get $dx) (local.get $dx))
                (f64.mul (local.get $dy) (local.get $dy)))
                (f64.mul (local.get $dz) (local.get $dz))))
              (local.set $mag (f64.div (f64.const 0.01) (f64.mul (local.get $d2) (f64.sqrt (local.get $d2)))))
              (local.set $ma (f64.mul (f64.load offset=48 (local.get $a)) (local.get $mag)))
              (local.set $mb (f64.neg (f64.mul (f64.load offset=48 (local.get $b)) (local.get $mag))))
              (call $kick (i32.add (local.get $a) (i32.const 24)) (f64.mul (local.get $dx) (local.get $mb)))
              (call $kick (i32.add (local.get $a) (i32.const 32)) (f64.mul (local.get $dy) (local.get $mb)))
              (call $kick (i32.add (local.get $a) (i32.const 40)) (f64.mul (local.get $dz) (local.get $mb)))
              (call $kick (i32.add (local.get $b) (i32.const 24)) (f64.mul (local.get $dx) (local.get $ma)))
              (call $kick (i32.add (local.get $b) (i32.const 32)) (f64.mul (local.get $dy) (local.get $ma)))
              (call $kick (i32.add (local.get $b) (i32.const 40)) (f64.mul (local.get $dz) (local.get $ma)))
              (local.set $b (i32.add (local.get $b) (i32.const 56)))
              (br $second)))
          (local.set $a (i32.add (local.get $a) (i32.const 56)))
          (br_if $first (i32.lt_u (local.get $a) (local.get $end))))
        (local.set $a (i32.const 0))
        (loop $move
          (call $kick (local.get $a) (f64.mul (f64.const 0.01) (f64.load offset=24 (local.get $a))))
          (call $kick (i32.add (local.get $a) (i32.const 8)) (f64.mul (f64.const 0.01) (f64.load offset=32 (local.get $a))))
          (call $kick (i32.add (local.get $a) (i32.const 16)) (f64.mul (f64.const 0.01) (f64.load offset=40 (local.get $a))))
          (local.set $a (i32.add (local.get $a) (i32.const 56)))
          (br_if $move (i32.lt_u (local.get $a) (local.get $end))))
        (br $step)))
    (f64.load (i32.const 0)))

  (func $a (param $i i32) (param $j i32) (result f64)
    (local $s i32)
    (local.set $s (i32.add (local.get $i) (local.get $j)))
    (f64.div (f64.const 1) (f64.convert_i32_u (i32.add (i32.add
      (i32.div_u (i32.mul (local.get $s) (i32.add (local.get $s) (i32.const 1))) (i32.const 2))
      (local.get $i)) (i32.const 1)))))

  (func $multiply (param $n i32) (param $from i32) (param $into i32) (param $transposed i32)
    (local $i i32) (local $j i32) (local $sum f64) (local $factor f64)
    (loop $row
      (local.set $sum (f64.const 0))
      (local.set $j (i32.const 0))
      (loop $column
        (local.set $factor (if (result f64) (local.get $transposed)
          (then (call $a (local.get $j) (local.get $i)))
          (else (call $a (local.get $i) (local.get $j)))))
        (local.set $sum (f64.add (local.get $sum) (f64.mul (local.get $factor)
          (f64.load (i32.add (local.get $from) (i32.shl (local.get $j) (i32.const 3)))))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $column (i32.lt_u (local.get $j) (local.get $n))))
      (f64.store (i32.add (local.get $into) (i32.shl (local.get $i) (i32.const 3))) (local.get $sum))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $row (i32.lt_u (local.get $i) (local.get $n)))))

  (func $dot (param $n i32) (param $a i32) (param $b i32) (result f64)
    (local $sum f64)
    (loop $next
      (local.set $sum (f64.add (local.get $sum) (f64.mul (f64.load (local.get $a)) (f64.load (local.get $b)))))
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (local.set $b (i32.add (local.get $b) (i32.const 8)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (local.get $n)))
    (local.get $sum))

  ;; Vectors at 4096, 12288 and 20480.
  (func (export "spectral_norm") (param $n i32) (result f64)
    (local $i i32)
    (loop $fill
      (f64.store (i32.add (i32.const 4096) (i32.shl (local.get $i) (i32.const 3))) (f64.const 1))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (local.get $n))))
    (local.set $i (i32.const 10))
    (loop $again
      (call $multiply (local.get $n) (i32.const 4096) (i32.const 20480) (i32.const 0))
      (call $multiply (local.get $n) (i32.const 20480) (i32.const 12288) (i32.const 1))
      (call $multiply (local.get $n) (i32.const 12288) (i32.const 20480) (i32.const 0))
      (call $multiply (local.get $n) (i32.const 20480) (i32.const 4096) (i32.const 1))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $again (local.get $i)))
    (f64.sqrt (f64.div
      (call $dot (local.get $n) (i32.const 4096) (i32.const 12288))
      (call $dot (local.get $n) (i32.const 12288) (i32.const 12288))))))
