(* x86-64: with SADDLEBAG_ASSEMBLER=text, "object files" hold the text of the assembly, and no assembler is started.
   The application assembles it in its own process. X86_proc calls the function in place of the assembler
   (asmcomp/x86_proc.ml); the text is what the compiler would have given to it. *)

let keep_text program path =
  let channel = open_out_bin path in
  X86_gas.generate_asm channel program;
  close_out channel

let install () =
  if Sys.getenv_opt "SADDLEBAG_ASSEMBLER" = Some "text" then begin
    X86_proc.register_internal_assembler keep_text;
    Emitaux.binary_backend_available := true
  end
