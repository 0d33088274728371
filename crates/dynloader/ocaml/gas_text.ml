(* Assembly as text, byte for byte as [X86_gas] prints it. That spends as long on interpreting formats as the compiler on
   generating the code of a small unit; here are the lines that most code is made of. A program with any other is left to
   [X86_gas]. *)

open X86_ast
open X86_proc

(* The program has a line that is not known here. *)
exception Rare

let buffer = Buffer.create 65536
let text = Buffer.add_string buffer
let char = Buffer.add_char buffer

let rec digits number =
  if number > 9 then digits (number / 10);
  char (Char.unsafe_chr (Char.code '0' + (number mod 10)))

let int number =
  if number >= 0 then digits number
  else if number = min_int then text (Int.to_string number)
  else begin
    char '-';
    digits (-number)
  end

let int64 number =
  let small = Int64.to_int number in
  if Int64.equal (Int64.of_int small) number then int small else text (Int64.to_string number)

(* A number that is not zero. *)
let hexadecimal number =
  let digit shift = Int64.to_int (Int64.shift_right_logical number shift) land 15 in
  let rec from shift = if digit shift = 0 then from (shift - 4) else shift in
  let rec print shift =
    if shift >= 0 then begin
      char "0123456789abcdef".[digit shift];
      print (shift - 4)
    end
  in
  text "0x";
  print (from 60)

let displacement number =
  if number > 0 then char '+';
  if number <> 0 then int number

let register name =
  char '%';
  text name

let address { arch; typ = _; idx; scale; base; sym; displ } =
  let name = match arch with X86 -> string_of_reg32 | X64 -> string_of_reg64 in
  (match sym with
  | None -> if displ <> 0 || scale = 0 then int displ
  | Some symbol ->
      text symbol;
      displacement displ);
  if scale <> 0 then begin
    char '(';
    (match base with None -> () | Some base -> register (name base));
    if base <> None || scale <> 1 then char ',';
    register (name idx);
    if scale <> 1 then begin
      char ',';
      int scale
    end;
    char ')'
  end

let argument = function
  | Imm number ->
      char '$';
      int64 number
  | Sym symbol ->
      char '$';
      text symbol
  | Reg8L name -> register (string_of_reg8l name)
  | Reg8H name -> register (string_of_reg8h name)
  | Reg16 name -> register (string_of_reg16 name)
  | Reg32 name -> register (string_of_reg32 name)
  | Reg64 name -> register (string_of_reg64 name)
  | Regf name -> register (string_of_registerf name)
  | Mem memory -> address memory
  | Mem64_RIP (_, symbol, number) ->
      text symbol;
      displacement number;
      text "(%rip)"

let suffix = function
  | Mem { typ; _ } | Mem64_RIP (typ, _, _) -> (
      match typ with
      | BYTE -> "b"
      | WORD -> "w"
      | DWORD | REAL8 -> "l"
      | QWORD -> "q"
      | REAL4 -> "s"
      | NONE -> ""
      | OWORD | NEAR | PROC -> raise Rare)
  | Reg8L _ | Reg8H _ -> "b"
  | Reg16 _ -> "w"
  | Reg32 _ -> "l"
  | Reg64 _ -> "q"
  | Imm _ | Sym _ -> ""
  | Regf _ -> raise Rare

let name mnemonic =
  char '\t';
  text mnemonic

let one argument_of =
  char '\t';
  argument argument_of

let two source target =
  char '\t';
  argument source;
  text ", ";
  argument target

let unary mnemonic operand =
  name mnemonic;
  text (suffix operand);
  one operand

let binary mnemonic source target =
  name mnemonic;
  text (suffix target);
  two source target

let plain mnemonic source target =
  name mnemonic;
  two source target

let branch operand =
  match operand with
  | Sym symbol ->
      char '\t';
      text symbol
  | Mem { arch = X64; _ } | Mem64_RIP _ | Reg64 _ ->
      text "\t*";
      argument operand
  | _ -> raise Rare

let instruction = function
  | ADD (source, target) -> binary "add" source target
  | ADDSD (source, target) -> plain "addsd" source target
  | AND (source, target) -> binary "and" source target
  | CALL operand ->
      name "call";
      branch operand
  | CMOV (condition, source, target) ->
      name "cmov";
      text (string_of_condition condition);
      two source target
  | CMP (source, target) -> binary "cmp" source target
  | COMISD (source, target) -> plain "comisd" source target
  | CQO -> name "cqto"
  | CVTSI2SD (source, target) ->
      name "cvtsi2sd";
      text (suffix source);
      two source target
  | CVTTSD2SI (source, target) -> binary "cvttsd2si" source target
  | DEC operand -> unary "dec" operand
  | DIVSD (source, target) -> plain "divsd" source target
  | IDIV operand -> unary "idiv" operand
  | IMUL (operand, None) -> unary "imul" operand
  | IMUL (source, Some target) -> binary "imul" source target
  | INC operand -> unary "inc" operand
  | J (condition, operand) ->
      name "j";
      text (string_of_condition condition);
      branch operand
  | JMP operand ->
      name "jmp";
      branch operand
  | LEA (source, target) -> binary "lea" source target
  | MOV ((Imm number as source), (Reg64 _ as target))
    when not (number <= 0x7FFF_FFFFL && number >= -0x8000_0000L) ->
      plain "movabsq" source target
  | MOV (source, target) -> binary "mov" source target
  | MOVAPD (source, target) -> plain "movapd" source target
  | MOVSD (source, target) -> plain "movsd" source target
  | MOVSXD (source, target) -> plain "movslq" source target
  | MOVZX (source, target) ->
      name "movz";
      text (suffix source);
      text (suffix target);
      two source target
  | MULSD (source, target) -> plain "mulsd" source target
  | OR (source, target) -> binary "or" source target
  | POP operand -> unary "pop" operand
  | PUSH operand -> unary "push" operand
  | RET -> name "ret"
  | SAL (source, target) -> binary "sal" source target
  | SAR (source, target) -> binary "sar" source target
  | SET (condition, operand) ->
      name "set";
      text (string_of_condition condition);
      one operand
  | SHR (source, target) -> binary "shr" source target
  | SUB (source, target) -> binary "sub" source target
  | SUBSD (source, target) -> plain "subsd" source target
  | TEST (source, target) -> binary "test" source target
  | UCOMISD (source, target) -> plain "ucomisd" source target
  | XCHG (source, target) -> plain "xchg" source target
  | XOR (source, target) -> binary "xor" source target
  | XORPD (source, target) -> plain "xorpd" source target
  | other -> (
      match Compiler.more_instruction other with
      | Some (mnemonic, source, target) -> plain mnemonic source target
      | None -> raise Rare)

let rec sum = function
  | ConstAdd (left, right) ->
      operand left;
      text " + ";
      operand right
  | ConstSub (left, right) ->
      operand left;
      text " - ";
      operand right
  | other -> operand other

and operand = function
  | ConstThis -> char '.'
  | ConstLabel label -> text label
  | Const number ->
      if number <= 0x7FFF_FFFFL && number >= -0x8000_0000L then int64 number else hexadecimal number
  | (ConstAdd _ | ConstSub _) as nested ->
      char '(';
      sum nested;
      char ')'

(* As [X86_proc.string_of_string_literal]: octal escapes, also for a digit after one. *)
let literal string =
  let escape code =
    char '\\';
    if code >= 64 then char (Char.unsafe_chr (Char.code '0' + (code lsr 6)));
    if code >= 8 then char (Char.unsafe_chr (Char.code '0' + ((code lsr 3) land 7)));
    char (Char.unsafe_chr (Char.code '0' + (code land 7)))
  in
  let after_escape = ref false in
  let add = function
    | '0' .. '9' as digit -> if !after_escape then escape (Char.code digit) else char digit
    | ' ' .. '~' as letter when letter <> '"' && letter <> '\\' ->
        char letter;
        after_escape := false
    | other ->
        escape (Char.code other);
        after_escape := true
  in
  String.iter add string

let constant directive number =
  text directive;
  sum number

let number directive value =
  text directive;
  int value

let line = function
  | Ins it -> instruction it
  | Align (_, bytes) -> number "\t.align\t" bytes
  | Byte value -> constant "\t.byte\t" value
  | Bytes string ->
      text "\t.ascii\t\"";
      literal string;
      char '"'
  | Comment string ->
      text "\t\t\t\t/* ";
      text string;
      text " */"
  | Global symbol ->
      text "\t.globl\t";
      text symbol
  | Long value -> constant "\t.long\t" value
  | NewLabel (label, _) ->
      text label;
      char ':'
  | Quad value -> constant "\t.quad\t" value
  | Section ([ ".data" ], _, _) -> text "\t.data"
  | Section ([ ".text" ], _, _) -> text "\t.text"
  | Section (names, flags, arguments) ->
      text "\t.section ";
      text (String.concat "," names);
      (match flags with
      | None -> ()
      | Some flags ->
          text ",\"";
          text (String.escaped flags);
          char '"');
      if arguments <> [] then begin
        char ',';
        text (String.concat "," arguments)
      end
  | Space bytes -> number "\t.space\t" bytes
  | Word value -> constant "\t.word\t" value
  | Cfi_adjust_cfa_offset bytes -> number "\t.cfi_adjust_cfa_offset " bytes
  | Cfi_endproc -> text "\t.cfi_endproc"
  | Cfi_startproc -> text "\t.cfi_startproc"
  | File (index, path) ->
      number "\t.file\t" index;
      text "\t\"";
      literal path;
      char '"'
  | Loc (file, line, column) ->
      number "\t.loc\t" file;
      char '\t';
      int line;
      if column >= 0 then begin
        char '\t';
        int column
      end
  | Size (symbol, value) ->
      text "\t.size ";
      text symbol;
      char ',';
      sum value
  | Type (symbol, kind) ->
      text "\t.type ";
      text symbol;
      char ',';
      text kind
  | other -> ( match Compiler.more_line other with Some it -> text it | None -> raise Rare)

(* What [X86_gas.generate_asm] does. *)
let generate_asm channel program =
  Buffer.clear buffer;
  text "\t.file \"\"\n";
  let print it =
    line it;
    char '\n'
  in
  match List.iter print program with
  | () ->
      Buffer.output_buffer channel buffer;
      (* A very large unit needs as much; the next need not. *)
      if Buffer.length buffer > 1 lsl 20 then Buffer.reset buffer
  | exception Rare -> X86_gas.generate_asm channel program
