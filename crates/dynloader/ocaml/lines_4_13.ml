(* Lines of assembly that OCaml got after 4.13 (asmcomp/x86_gas.ml): none up to 5.0. See gas_text.ml. *)

let more_instruction (_ : X86_ast.instruction) = None
let more_line (_ : X86_ast.asm_line) = None
