(* The compiler driver of Saddlebag for native code: ocamlopt and ocamldep in one executable, linked from the
   toolchain's own compiler-libs, so that its results are those of the toolchain.

   The role is the value of SADDLEBAG_ROLE. It is not an argument, because Makedepend reads Sys.argv itself and
   expects its options to begin at index 1 (driver/makedepend.ml). *)

let () =
  match Sys.getenv_opt "SADDLEBAG_ROLE" with
  | Some "ocamldep" -> Makedepend.main ()
  | None | Some "" | Some "ocamlopt" ->
      exit (Optmaindriver.main Sys.argv Format.err_formatter)
  | Some role ->
      Printf.eprintf "saddlebag driver: unknown role %S (ocamlopt, ocamldep)\n" role;
      exit 2
