(* Lines of assembly that OCaml has since 5.1. See lines_4_13.ml. *)

(* The mnemonic and the operands. *)
let more_instruction : X86_ast.instruction -> _ = function
  | CMPSD (condition, source, target) ->
      Some ("cmp" ^ X86_proc.string_of_float_condition condition ^ "sd", source, target)
  | MOVD (source, target) -> Some ("movd", source, target)
  | _ -> None

let more_line : X86_ast.asm_line -> _ = function
  | Cfi_remember_state -> Some "\t.cfi_remember_state"
  | Cfi_restore_state -> Some "\t.cfi_restore_state"
  | Cfi_def_cfa_register name -> Some ("\t.cfi_def_cfa_register %" ^ name)
  | Cfi_def_cfa_offset bytes -> Some ("\t.cfi_def_cfa_offset " ^ Int.to_string bytes)
  | _ -> None
