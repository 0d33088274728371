(* The compiler driver of Saddlebag for native code: ocamlopt and ocamldep in one executable, linked from the
   toolchain's own compiler-libs, so that its results are those of the toolchain.

   The role is the value of SADDLEBAG_ROLE. It is not an argument, because Makedepend reads Sys.argv itself and
   expects its options to begin at index 1 (driver/makedepend.ml). *)

external serve : unit -> string array = "saddlebag_serve"

let role () = Option.value ~default:"" (Sys.getenv_opt "SADDLEBAG_ROLE")

(* What was read from the environment when the server started. *)
let take_environment () =
  Option.iter Filename.set_temp_dir_name (Sys.getenv_opt "TMPDIR")

let compile arguments =
  Assembler.install ();
  exit (Optmaindriver.main arguments Format.err_formatter)

let () =
  match role () with
  | "serve" ->
      (* Returns in a child of the server, for each request. *)
      let arguments = serve () in
      take_environment ();
      compile arguments
  | "work" -> Worker.run (Array.sub Sys.argv 1 (Array.length Sys.argv - 1))
  | "ocamldep" -> Makedepend.main ()
  | "" | "ocamlopt" -> compile Sys.argv
  | role ->
      Printf.eprintf "saddlebag driver: unknown role %S (ocamlopt, ocamldep, serve, work)\n" role;
      exit 2
