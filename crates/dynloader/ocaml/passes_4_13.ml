(* OCaml 4.13 to 5.0. *)

(* Code that a plugin needs of the runtime's generic functions ([Asmlink.make_shared_startup_file]). *)
let generic_functions units = Cmm_helpers.generic_functions true units

(* What the end of [Compile_common.implementation] does before fatal warnings count. *)
let finish () = ()

(* What the front end leaves behind: levels, which are part of the names of types, are counted on by some units. *)
let start () =
  Ctype.init_def 0;
  Ctype.reset_global_level ()

(* What an exception out of the front end leaves behind beside. *)
let recover () = ()

(* An environment in which a type equals another. *)
let add_equation = Env.add_local_type
