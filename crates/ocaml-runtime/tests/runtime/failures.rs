//! What a call reports when the OCaml code does not return.
