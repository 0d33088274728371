(* The compiler driver of Saddlebag for byte code: ocamlc and ocamldep in one executable. See driver_native.ml. *)

external serve : unit -> string array = "saddlebag_serve"

let compile arguments =
  let arguments, link = Link_byte.split arguments in
  match Maindriver.main arguments Format.err_formatter, link with
  | 0, Some (source, link) -> (
      try
        link ();
        exit 0
      with Failure message | Sys_error message ->
        (* The compilers tell of links so. *)
        Printf.eprintf "File %S, line 1:\nError: %s\n" source message;
        exit 2)
  | status, _ -> exit status

let () =
  match Option.value ~default:"" (Sys.getenv_opt "SADDLEBAG_ROLE") with
  | "serve" ->
      let arguments = serve () in
      Option.iter Filename.set_temp_dir_name (Sys.getenv_opt "TMPDIR");
      compile arguments
  | "ocamldep" -> Makedepend.main ()
  | "" | "ocamlc" -> compile Sys.argv
  | role ->
      Printf.eprintf "saddlebag driver: unknown role %S (ocamlc, ocamldep, serve)\n" role;
      exit 2
