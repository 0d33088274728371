(* The one module that every plugin of a host image can see.

   An image is generic: it knows no type of the application. A plugin hands over
   what it offers with [register]; the application fetches it after the load. *)

external register : string -> Obj.t -> unit = "saddlebag_register"
(** [register name value] offers [value] to the application under [name]. *)

external register_module : string -> 'a -> unit = "saddlebag_register_module"
(** [register_module name m] is [register name (Obj.repr (fun () -> m))], for a plugin whose top level has run when the
    application asks for its module [m]. *)

val host_function : string -> int
(** [host_function key] is the number of the application's function [key].
    [key] is the full name, a colon and the OCaml type.
    @raise Host_error when the application offers no such function. *)

external call_host : int -> 'a -> 'b = "saddlebag_call_host"
(** [call_host number argument] runs a function of the application. *)

exception Host_error of string
(** A function of the application refused its argument or failed. *)

exception Host_panic of string
(** A function of the application panicked; the message is the panic's. *)

exception Cancelled
(** The call under way was cancelled or ran past its deadline. *)

exception Exited of int
(** [exit] was called; the functions of [at_exit] have run. *)
