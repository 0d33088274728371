(* What an image does with Dynlink. It is linked into the image, or is with Dynlink in a
   shared object of its own, which is opened when it is first needed. *)

external kept_backtrace : exn -> Printexc.raw_backtrace -> Printexc.raw_backtrace
  = "saddlebag_kept_backtrace"

(* Why the file is refused. *)
let refusal load path =
  match load path with
  | () -> None
  | exception Dynlink.Error (Dynlink.Library's_module_initializers_failed e) ->
    let backtrace = kept_backtrace e (Printexc.get_raw_backtrace ()) in
    Printexc.raise_with_backtrace e backtrace
  | exception Dynlink.Error e -> Some (Dynlink.error_message e)

let () =
  (* In byte code a plugin with an [external] is refused otherwise. *)
  Dynlink.allow_unsafe_modules true;
  Callback.register "saddlebag.dynlink"
    (refusal Dynlink.loadfile_private, refusal Dynlink.loadfile)
