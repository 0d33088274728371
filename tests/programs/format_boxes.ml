open Format

type tree = Leaf of int | Node of string * tree list

let rec pp ppf = function
  | Leaf n -> fprintf ppf "%d" n
  | Node (name, children) ->
    fprintf ppf "@[<hv 2>%s(@,%a@;<0 -2>)@]" name
      (pp_print_list ~pp_sep:(fun ppf () -> fprintf ppf ",@ ") pp)
      children

let rec full depth = if depth = 0 then Leaf 12345 else Node ("node", List.init 3 (fun _ -> full (depth - 1)))

let () =
  set_margin 60;
  printf "%a@." pp (full 1);
  printf "%a@." pp (full 3);
  printf "@[<v 3>vertical@,one@,two@]@.";
  printf "@[<h>a@ b@ c@]@.";
  let s = asprintf "%a" (pp_print_option pp_print_int) (Some 3) in
  print_endline s;
  printf "%-8s|%8s|@." "ab" "cd";
  printf "@[%a@]@." pp_print_text "some words that are filled into a box of the margin's width, more or less";
  let b = Buffer.create 16 in
  let ppf = formatter_of_buffer b in
  fprintf ppf "x = %d@?" 3;
  print_endline (Buffer.contents b)
