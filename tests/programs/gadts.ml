type _ expression =
  | Int : int -> int expression
  | Bool : bool -> bool expression
  | Add : int expression * int expression -> int expression
  | Less : int expression * int expression -> bool expression
  | If : bool expression * 'a expression * 'a expression -> 'a expression
  | Pair : 'a expression * 'b expression -> ('a * 'b) expression
  | First : ('a * 'b) expression -> 'a expression

let rec eval : type a. a expression -> a = function
  | Int n -> n
  | Bool b -> b
  | Add (a, b) -> eval a + eval b
  | Less (a, b) -> eval a < eval b
  | If (c, a, b) -> if eval c then eval a else eval b
  | Pair (a, b) -> eval a, eval b
  | First p -> fst (eval p)

type (_, _) equal = Same : ('a, 'a) equal
type _ ty = TInt : int ty | TString : string ty | TList : 'a ty -> 'a list ty

let rec same : type a b. a ty -> b ty -> (a, b) equal option =
 fun a b ->
  match a, b with
  | TInt, TInt -> Some Same
  | TString, TString -> Some Same
  | TList a, TList b -> ( match same a b with Some Same -> Some Same | None -> None)
  | _ -> None

type dynamic = Dynamic : 'a ty * 'a -> dynamic

let get : type a. a ty -> dynamic -> a option =
 fun want (Dynamic (have, value)) -> match same have want with Some Same -> Some value | None -> None

let () =
  let e = If (Less (Int 1, Add (Int 1, Int 1)), Pair (Int 40, Bool true), Pair (Int 0, Bool false)) in
  Printf.printf "%d %b\n" (eval (Add (First e, Int 2))) (snd (eval e));
  let values = [ Dynamic (TInt, 1); Dynamic (TString, "s"); Dynamic (TList TInt, [ 1; 2 ]) ] in
  List.iter
    (fun value ->
      match get (TList TInt) value, get TString value with
      | Some l, _ -> Printf.printf "list of %d\n" (List.length l)
      | _, Some s -> Printf.printf "string %s\n" s
      | _ -> print_endline "other")
    values
