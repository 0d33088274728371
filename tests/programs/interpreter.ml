(* A lexer, a parser and an evaluator for arithmetic with variables. *)
type token = Number of float | Name of string | Symbol of char

let tokens text =
  let n = String.length text in
  let rec go i acc =
    if i >= n then List.rev acc
    else
      match text.[i] with
      | ' ' -> go (i + 1) acc
      | '0' .. '9' ->
        let j = ref i in
        while !j < n && (match text.[!j] with '0' .. '9' | '.' -> true | _ -> false) do incr j done;
        go !j (Number (float_of_string (String.sub text i (!j - i))) :: acc)
      | 'a' .. 'z' ->
        let j = ref i in
        while !j < n && (match text.[!j] with 'a' .. 'z' -> true | _ -> false) do incr j done;
        go !j (Name (String.sub text i (!j - i)) :: acc)
      | c -> go (i + 1) (Symbol c :: acc)
  in
  go 0 []

exception Syntax of string

let evaluate variables text =
  let rest = ref (tokens text) in
  let peek () = match !rest with [] -> None | t :: _ -> Some t in
  let advance () = rest := List.tl !rest in
  let rec expression () =
    let rec more left =
      match peek () with
      | Some (Symbol '+') -> advance (); more (left +. term ())
      | Some (Symbol '-') -> advance (); more (left -. term ())
      | _ -> left
    in
    more (term ())
  and term () =
    let rec more left =
      match peek () with
      | Some (Symbol '*') -> advance (); more (left *. factor ())
      | Some (Symbol '/') -> advance (); more (left /. factor ())
      | _ -> left
    in
    more (factor ())
  and factor () =
    match peek () with
    | Some (Number x) -> advance (); x
    | Some (Name v) -> (
      advance ();
      match List.assoc_opt v variables with Some x -> x | None -> raise (Syntax ("unbound " ^ v)))
    | Some (Symbol '(') ->
      advance ();
      let x = expression () in
      if peek () <> Some (Symbol ')') then raise (Syntax "expected )");
      advance ();
      x
    | Some (Symbol '-') -> advance (); -.factor ()
    | Some (Symbol c) -> raise (Syntax (Printf.sprintf "unexpected %c" c))
    | None -> raise (Syntax "unexpected end")
  in
  let x = expression () in
  if !rest <> [] then raise (Syntax "trailing tokens");
  x

let () =
  List.iter
    (fun text ->
      match evaluate [ "x", 3.; "pi", 3.14 ] text with
      | value -> Printf.printf "%s = %g\n" text value
      | exception Syntax m -> Printf.printf "%s: %s\n" text m)
    [ "1 + 2 * 3"; "(1 + 2) * 3"; "x * x - 1"; "-pi / 2"; "(1"; "y"; "1 2"; "2 * * 2" ]
