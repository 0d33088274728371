//! Programs for tests: as many as wanted, each another, with something of every part of the language.

use std::fmt::Write;

/// Pieces of programs. `@` is the piece's number, `#` a number of its own, `%` another one.
const PIECES: &[&str] = &[
    "let f@ x = x * # + %\nlet () = print_int (f@ %)\n",
    "let rec loop@ n acc = if n = 0 then acc else loop@ (n - 1) (acc + #)\nlet () = ignore (loop@ % 0)\n",
    "type t@ = A@ | B@ of int * string | C@ of { x : float; mutable y : int }\n\
     let show@ = function A@ -> \"a\" | B@ (n, s) -> s ^ string_of_int (n + #) | C@ { x; y } -> string_of_float (x +. float y)\n\
     let () = List.iter (fun v -> print_endline (show@ v)) [ A@; B@ (%, \"b\"); C@ { x = #.5; y = % } ]\n",
    "module type S@ = sig type t val zero : t val add : t -> t -> t end\n\
     module F@ (X : S@) = struct let twice x = X.add x (X.add x X.zero) end\n\
     module I@ = F@ (struct type t = int let zero = # let add = ( + ) end)\nlet () = print_int (I@.twice %)\n",
    "let table@ : (string, int) Hashtbl.t = Hashtbl.create #\n\
     let () = Hashtbl.replace table@ \"%\" #; Hashtbl.iter (Printf.printf \"%s %d\\n\") table@\n",
    "class c@ n = object (self) val mutable v = n method get = v method add k = v <- v + k; self#get end\n\
     let () = print_int ((new c@ 3)#add 4)\n",
    "exception E@ of int\nlet g@ x = try if x > # then raise (E@ x) else x with E@ n -> n - % | Not_found -> 0\nlet () = print_int (g@ %)\n",
    "let h@ = function `A n -> n + # | `B s -> String.length s | `C -> %\nlet () = print_int (h@ (`A 1) + h@ `C)\n",
    "type _ e@ = Int@ : int -> int e@ | If@ : bool e@ * 'a e@ * 'a e@ -> 'a e@ | Bool@ : bool -> bool e@\n\
     let rec eval@ : type a. a e@ -> a = function Int@ n -> n + # | Bool@ b -> b | If@ (c, t, e) -> if eval@ c then eval@ t else eval@ e\n\
     let () = print_int (eval@ (If@ (Bool@ true, Int@ #, Int@ %)))\n",
    "let l@ = lazy (print_string \"#\"; %)\nlet () = print_int (Lazy.force l@)\nlet p@ (lazy x) = x + #\n",
    "let a@ = Array.init % (fun i -> float i *. #.25)\nlet s@ = Array.fold_left ( +. ) 0. a@\nlet () = Printf.printf \"%g\\n\" s@\n",
    "let opt@ ?(x = #) ~y () = x + y\nlet () = print_int (opt@ ~y:% () + opt@ ~x:1 ~y:2 ())\n",
    "module type T@ = sig val v : int end\nlet m@ = (module struct let v = # end : T@)\nlet () = let module M = (val m@) in print_int M.v\n",
    "let rec even@ n = n = 0 || odd@ (n - 1) and odd@ n = n <> 0 && even@ (n - 1)\nlet () = print_string (string_of_bool (even@ %))\n",
    "let str@ = function \"one\" -> 1 | \"two\" -> 2 | \"#\" -> # | \"a longer string than a word\" -> 4 | _ -> %\nlet () = print_int (str@ \"two\")\n",
    "let j@ n = match n with 0 -> 1 | 1 -> # | 2 -> 5 | 3 -> 9 | 4 -> % | 5 -> 6 | 6 -> 0 | _ -> n\nlet () = print_int (j@ 4)\n",
    "let k@ x y z = Int64.(to_int (add (mul x y) (of_int z)))\nlet () = print_int (k@ #L %L 3)\n",
    "module rec X@ : sig val f : int -> int end = struct let f n = if n < 1 then # else Y@.g (n - 1) end\n\
     and Y@ : sig val g : int -> int end = struct let g n = X@.f n + 1 end\nlet () = print_int (X@.f 3)\n",
    "let ( let* ) o f = Option.bind o f\nlet b@ = let* x = Some # in let* y = Some % in Some (x + y)\nlet () = assert (b@ <> None)\n",
    "let rec map@ f = function [] -> [] | x :: rest -> let y = f x in y :: map@ f rest\nlet () = List.iter print_int (map@ (fun x y -> x + y + #) [ 1; % ] |> List.map (fun f -> f 1))\n",
    "let buffer@ = Buffer.create #\nlet () = for i = 0 to % do Buffer.add_string buffer@ (string_of_int i) done; while Buffer.length buffer@ > # do Buffer.clear buffer@ done\n",
    "type r@ = { a@ : float; b@ : float }\nlet add@ r s = { a@ = r.a@ +. s.a@; b@ = r.b@ -. #. }\nlet () = print_float (add@ { a@ = 1.; b@ = % .0 } { a@ = 2.; b@ = 3. }).a@\n",
    "module M@ = Map.Make (struct type t = int * string let compare = compare end)\nlet () = M@.iter (fun (n, s) v -> Printf.printf \"%d%s%d\" n s v) (M@.add (#, \"%\") % M@.empty)\n",
    "let poly@ (type a) (show : a -> string) (x : a) = show x ^ \"#\"\nlet id@ : 'a. 'a -> 'a = fun x -> x\nlet () = print_string (poly@ string_of_int (id@ %))\n",
];

/// Programs that the compiler refuses, at various points.
const REFUSED: &[&str] = &[
    "let x = (",
    "let x : int = \"#\"",
    "let f x = match x with A@ -> #",
    "module M = struct let x = # end let y = M.z",
    "let g x = List.map (fun y -> y + #) x ^ \"%\"",
    "module rec A : sig val x : int end = struct let x = B.y end and B : sig val y : int end = struct let y = A.x end",
    "class c = object method m = self end",
    "let f (type a) (x : a) = x + #",
];

/// A program, always the same for a number.
pub(super) fn program(number: u32) -> String {
    let mut state = number.wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
    let mut next = move |limit: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % limit
    };
    let mut text = String::new();
    for piece in 0..2 + next(5) {
        let index = next(u32::try_from(PIECES.len()).expect("few")) as usize;
        fill(
            &mut text,
            PIECES[index],
            piece,
            [next(900) + 1, next(90) + 1],
        );
    }
    if number % 7 == 3 {
        let index = (number / 7) as usize % REFUSED.len();
        fill(&mut text, REFUSED[index], 99, [next(900), next(90)]);
        text.push('\n');
    }
    text
}

fn fill(text: &mut String, piece: &str, number: u32, values: [u32; 2]) {
    let mut characters = piece.chars().peekable();
    while let Some(character) = characters.next() {
        let following = characters.peek().copied().unwrap_or(' ');
        let written = match character {
            '@' => write!(text, "{number}"),
            // A method call, and the conversions of formats, are themselves.
            '#' if !following.is_ascii_lowercase() => write!(text, "{}", values[0]),
            '%' if !following.is_ascii_lowercase() => write!(text, "{}", values[1]),
            other => {
                text.push(other);
                Ok(())
            }
        };
        written.expect("a string takes all");
    }
}
