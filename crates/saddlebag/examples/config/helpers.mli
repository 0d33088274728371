(** Helpers for configurations, shipped with the application. *)

val seconds : int -> float
val minutes : int -> float

val mib : int -> int
(** Mebibytes, in bytes. *)

val upstream : ?weight:int -> ?tls:bool -> string -> upstream
(** A host that requests are sent to; weight 1, with TLS. *)

val default : settings
(** What a configuration leaves out. *)
