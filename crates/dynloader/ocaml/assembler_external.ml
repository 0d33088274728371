(* Other architectures: the compiler starts its assembler. *)

let install () = ()
