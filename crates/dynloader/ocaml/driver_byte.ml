(* The compiler driver of Saddlebag for byte code: ocamlc and ocamldep in one executable. See driver_native.ml. *)

let () =
  match Sys.getenv_opt "SADDLEBAG_ROLE" with
  | Some "ocamldep" -> Makedepend.main ()
  | None | Some "" | Some "ocamlc" -> exit (Maindriver.main Sys.argv Format.err_formatter)
  | Some role ->
      Printf.eprintf "saddlebag driver: unknown role %S (ocamlc, ocamldep)\n" role;
      exit 2
