(* The driver as a compiler that stays warm: one process, started with the options of all its compilations, that compiles
   one unit after the other. Directories and compiled interfaces are read once, and no process starts or ends.

   Between two units everything that a compilation leaves behind is put back, so that each is compiled as by a compiler
   that has just started: to the same assembly, byte for byte. [reset] says what that is. A check, and a compilation whose
   code only the application's process will ever see, keep more: the environment with the signatures that earlier units
   have taken apart. Such code behaves the same; numbers in its symbols differ, and it says that it imports all interfaces
   that were read so far. What is wrong with a unit is told by an environment that has seen no other.

   Request, on standard input:
     u32 length of the rest, then
     byte 'C' to check, 'L' to compile to assembly, or 'H' to compile for the application's process alone,
     byte '1' if there is an interface, else '0',
     u32 how many bytes of the implementation, from its start, only declare types, module types and primitives,
     and three times u32 length and bytes: name of the unit, implementation, interface.
   Answer, on standard output:
     byte 'k' compiled, 'r' refused, 'f' failed: the worker ends, or 'u' unsure: ask a compiler that has just started;
     u32 size of the heap in KiB, u32 microseconds for typing and reading what it needs, u32 microseconds for generating
     code; u32 length and bytes of the messages; for 'L', 'H' and 'k' then the assembly of the unit and that of its
     startup code, each ended by a zero byte.
   Numbers are big-endian. The end of standard input ends the worker. *)

external stamp : string -> string = "saddlebag_stamp"

(* Fields of modules that hold lazy values, and those that hold references to integers: modules and indices. *)
external state : unit -> (Obj.t * int) list * (Obj.t * int) list = "saddlebag_state"
external processor_microseconds : unit -> int = "saddlebag_processor_microseconds" [@@noalloc]
external stay_awake : unit -> unit = "saddlebag_stay_awake" [@@noalloc]
external quick_stat : unit -> Gc.stat = "saddlebag_quick_stat"
external stop_measuring : unit -> unit = "saddlebag_stop_measuring" [@@noalloc]

(* The first bytes that the worker writes, so that both ends know that they speak of the same thing. *)
let greeting = "DSW3"

type goal = Check | Compile | Compile_here

type request = {
  goal : goal;
  name : string;
  implementation : string;
  (* How much of it, from its start, only declares. *)
  declarations : int;
  interface : string option;
}

module Backend = struct
  (* As in driver/optmaindriver.ml, which does not export it. *)
  let symbol_for_global' = Compilenv.symbol_for_global'
  let closure_symbol = Compilenv.closure_symbol
  let really_import_approx = Import_approx.really_import_approx
  let import_symbol = Import_approx.import_symbol
  let size_int = Arch.size_int
  let big_endian = Arch.big_endian
  let max_sensible_number_of_arguments = Proc.max_arguments_for_tailcalls - 1
end

let backend = (module Backend : Backend_intf.S)

(* Files that were read and directories that were listed, with their stamps. *)
module Files = struct
  let stamps : (string, string) Hashtbl.t = Hashtbl.create 64
  let note path = Hashtbl.replace stamps path (stamp path)
  let unchanged () = Hashtbl.fold (fun path known same -> same && known <> "" && stamp path = known) stamps true
end

(* Compiled interfaces, by the name of their unit. *)
module Interfaces = struct
  let table : (string, Persistent_env.Persistent_signature.t) Hashtbl.t = Hashtbl.create 64

  let cached name read =
    match Hashtbl.find_opt table name with
    | Some _ as found -> found
    | None -> (
        match read () with
        | Some signature as found ->
            let filename = signature.Persistent_env.Persistent_signature.filename in
            (* What lies in the current directory is the unit's own. *)
            if not (Filename.is_implicit filename) then begin
              Files.note filename;
              Hashtbl.replace table name signature
            end;
            found
        | None -> None)
end

(* State of the compiler that its modules do not let others reset. *)
module Hidden_state = struct
  (* Lazy values of modules that nobody has asked for yet. One that reads an interface adds it to what the unit imports,
     for the first unit only (Matching.code_force_lazy). *)
  type lazy_field = { block : Obj.t; index : int; suspension : Obj.t }

  let lazy_field (block, index) = { block; index; suspension = Obj.field (Obj.field block index) 0 }

  (* Whether nobody has asked for the value since. *)
  let is_suspended { block; index; suspension } =
    let field = Obj.field block index in
    Obj.is_block field && Obj.tag field = Obj.lazy_tag && Obj.field field 0 == suspension

  let suspend field =
    if not (is_suspended field) then begin
      let fresh = Obj.new_block Obj.lazy_tag 1 in
      Obj.set_field fresh 0 field.suspension;
      Obj.set_field field.block field.index fresh
    end

  (* A field that holds a reference to an integer or a boolean, and that. *)
  type counter = { cell : Obj.t * int; first : int }

  let number (block, index) : int = Obj.obj (Obj.field (Obj.field block index) 0)
  let set (block, index) (number : int) = Obj.set_field (Obj.field block index) 0 (Obj.repr number)

  (* Those that grow by one whenever a symbol for a constant is made: Compilenv.const_label, part of the names that the
     assembly shows. Found by looking, because it is not exported. *)
  let growing cells =
    let counters = List.map (fun cell -> { cell; first = number cell }) cells in
    let grow () =
      ignore (Compilenv.new_const_symbol ());
      List.map number cells
    in
    let second = grow () in
    let third = grow () in
    let grew { first; _ } (second, third) = second = first + 1 && third = first + 2 in
    let kept = List.map2 (fun counter numbers -> (counter, grew counter numbers)) counters (List.combine second third) in
    List.filter_map (fun (counter, grew) -> if grew then Some counter else None) kept

  (* Those that are set while types are compared that equations hold of: Ctype.trace_gadt_instances. Before OCaml 5.3 an error
     leaves it set, and units that are right are then refused. *)
  let set_by_equations cells =
    let equations = Compiler.add_equation Predef.path_int (Obj.magic ()) Env.empty in
    let counters = List.map (fun cell -> { cell; first = number cell }) cells in
    let among = Ctype.wrap_trace_gadt_instances equations (List.map number) cells in
    let kept = List.map2 (fun counter number -> (counter, number <> counter.first)) counters among in
    List.filter_map (fun (counter, is_set) -> if is_set then Some counter else None) kept

  let lazies = ref []
  let counters = ref []

  let put_back () =
    List.iter suspend !lazies;
    List.iter (fun { cell; first } -> set cell first) !counters

  (* To be called before the compiler has done anything. *)
  let find () =
    let fields, numbers = state () in
    lazies := List.map lazy_field fields;
    counters := growing numbers @ set_by_equations numbers;
    put_back ()
end

(* What the code of other units offers for inlining. A compilation reads it itself, so that it is known to import it; a
   check need not. *)
module Approximations = struct
  let table : (string, Cmx_format.unit_infos) Hashtbl.t = Hashtbl.create 16
  let offer () = Hashtbl.iter (fun _ infos -> Compilenv.cache_unit_info infos) table

  let find name =
    let file = name ^ ".cmx" in
    try Load_path.find (String.uncapitalize_ascii file) with Not_found -> Load_path.find file

  let take () =
    let keep (name, crc) =
      if crc <> None && not (Hashtbl.mem table name) then begin
        let path = find name in
        let infos, _ = Compilenv.read_unit_info path in
        Files.note path;
        Hashtbl.replace table name infos
      end
    in
    List.iter keep (Compilenv.current_unit_infos ()).Cmx_format.ui_imports_cmx

  (* Has [compile] find what is known, and keeps what it has read. *)
  let known_to compile =
    offer ();
    let result = compile () in
    take ();
    result
end

(* Messages, which a compiler that has just started would print. *)
let messages = Buffer.create 1024

let capture_messages () =
  Format.pp_set_formatter_output_functions Format.err_formatter
    (fun text start length -> Buffer.add_substring messages text start length)
    ignore

let said () =
  Format.pp_print_flush Format.err_formatter ();
  Buffer.contents messages

(* Whether a message holds what depends on the units before: numbers of weak type variables ('_weak1) and of names that
   are used twice (t/2) count on. *)
let is_unsure text =
  let length = String.length text in
  let is_digit index = index < length && text.[index] >= '0' && text.[index] <= '9' in
  let rec look index =
    if index >= length then false
    else if text.[index] = '/' && is_digit (index + 1) then true
    else if text.[index] = '_' && index + 5 <= length && String.sub text index 5 = "_weak" then true
    else look (index + 1)
  in
  look 0

(* What lies in the current directory: the interface of a unit, and what the compiler said about it, unless it was refused. *)
type own_interface = { unit : string; text : string; said : string option }

let own_interface : own_interface option ref = ref None

(* The unit that was compiled last, while the environment that it left can be built upon, and how many were built. *)
let last : (string * string option) option ref = ref None
let kept = ref 0

(* The environment that all units begin in, while it can be built upon. Making it takes as long as typing a small unit. *)
let initial_environment : Env.t option ref = ref None

(* Numbers of identifiers go on where the kept environment's end. *)
let environment () =
  match !initial_environment with
  | Some environment -> environment
  | None ->
      let environment = Compmisc.initial_env () in
      initial_environment := Some environment;
      environment

(* The environments that declarations make of it, by their text, since most plugins begin as the plugin before; and the level
   that what they declare is of, at which typing goes on. *)
let declared : (string, Env.t * int) Hashtbl.t = Hashtbl.create 8

(* Each unit that is compiled in a kept environment adds the unit's own interface once more (Persistent_env.read). *)
let max_kept = 200

(* Has the directories of the load path listed as a compiler that has just started does. *)
let listed = ref (Obj.repr ())

let list_directories () =
  Compmisc.init_path ();
  listed := Obj.repr (Load_path.get_paths ())

(* Forgets what was read of files, and notes the directories that say where files are. *)
let forget_files () =
  Hashtbl.reset Files.stamps;
  Hashtbl.reset Interfaces.table;
  Hashtbl.reset Approximations.table;
  last := None;
  list_directories ();
  List.iter
    (fun directory -> Files.note (Misc.expand_directory Config.standard_library directory))
    (List.rev_append !Clflags.include_dirs (Clflags.std_include_dir ()))

(* A library that was found without its directory being named (Compmisc.auto_include) is in the load path from then on; the
   compiler says so of each unit that it finds it for. *)
let forget_found () = if Obj.repr (Load_path.get_paths ()) <> !listed then forget_files ()

(* Those of the options. *)
let initial_warnings = ref (Warnings.backup ())

let reset ~keep =
  if keep then Env.reset_cache_toplevel ()
  else begin
    initial_environment := None;
    Hashtbl.reset declared;
    Env.reset_cache ()
  end;
  Location.reset ();
  Compiler.start ();
  Typecore.reset_delayed_checks ();
  Lambda.reset ();
  Translmod.reset ();
  Translobj.reset ();
  Cmm.reset ();
  Selectgen.reset ();
  Emitaux.reset ();
  (* Its records of phases without a name grow for ever. *)
  Profile.reset ();
  Hidden_state.put_back ();
  Warnings.restore !initial_warnings;
  Warnings.reset_fatal ()

let write path text =
  let channel = open_out_bin path in
  output_string channel text;
  close_out channel

let remove path = if Sys.file_exists path then Sys.remove path

(* Sees to it that the current directory and the load path hold the interface that the unit has. *)
let prepare_interface { name; interface; _ } =
  let fits =
    match (!own_interface, interface) with
    | None, None -> true
    | Some own, Some text -> own.unit = name && own.text = text && own.said <> None
    | _ -> false
  in
  if not fits then begin
    last := None;
    (match !own_interface with
    | Some { unit; _ } ->
        own_interface := None;
        List.iter (fun extension -> remove (unit ^ extension)) [ ".mli"; ".cmi" ];
        list_directories ()
    | None -> ());
    match interface with
    | None -> ()
    | Some text ->
        write (name ^ ".mli") text;
        own_interface := Some { unit = name; text; said = None };
        Clflags.dont_write_files := false;
        Compile_common.interface (Compiler.info ~interface:true ~environment name);
        own_interface := Some { unit = name; text; said = Some (said ()) };
        list_directories ();
        reset ~keep:false
  end
  else
    match !own_interface with
    | Some { said = Some said; _ } -> Buffer.add_string messages said
    | Some { said = None; _ } | None -> ()

(* As [Pparse.parse_implementation], from memory. A syntax tree that a preprocessor made is read from a file. *)
let parse info path text =
  let magic = Config.ast_impl_magic_number in
  let family = String.length "Caml1999M" in
  if String.length text >= family && String.sub text 0 family = String.sub magic 0 family then begin
    write path text;
    Compile_common.parse_impl info
  end
  else begin
    Location.input_name := path;
    let lexbuf = Lexing.from_string text in
    Location.init lexbuf path;
    Location.input_lexbuf := Some lexbuf;
    Parse.implementation lexbuf
  end

(* Whether no code comes of it, and what follows can be compiled without it. Attributes on their own act on all that follows. *)
let rec only_declares ?(inside = false) (structure : Typedtree.structure) =
  let declares (item : Typedtree.structure_item) =
    match item.str_desc with
    | Tstr_type _ | Tstr_modtype _ | Tstr_primitive _ -> true
    | Tstr_attribute _ -> inside
    | Tstr_include { incl_mod = { mod_desc = Tmod_structure structure; _ }; _ } -> only_declares ~inside:true structure
    | _ -> false
  in
  List.for_all declares structure.str_items

let level_of (structure : Typedtree.structure) =
  let higher level item =
    let scope = Ident.scope (Types.signature_item_id item) in
    (* Values can be used at any level. *)
    if scope < Ident.highest_scope then max level scope else level
  in
  List.fold_left higher (Ctype.get_current_level ()) structure.str_type

let rec rise_to level =
  if Ctype.get_current_level () < level then begin
    ignore (Ctype.create_scope ());
    rise_to level
  end

(* The environment after declarations that the unit begins with. [None] when they have to be compiled with the rest: the
   compiler has something to say of them, or code comes of them. *)
let declare text =
  match Hashtbl.find_opt declared text with
  | Some (environment, level) ->
      rise_to level;
      Some environment
  | None -> (
      let before = String.length (said ()) in
      let typed () =
        let info = Compiler.info ~interface:false ~environment "saddlebag_declarations" in
        (* That they have no interface is no news. *)
        ignore (Warnings.parse_options false "-70");
        let typed = Compile_common.typecheck_impl info (parse info "" text) in
        Compiler.finish ();
        Warnings.restore !initial_warnings;
        typed.Typedtree.structure
      in
      match typed () with
      | structure when only_declares structure && String.length (said ()) = before ->
          let environment = structure.Typedtree.str_final_env in
          Hashtbl.replace declared text (environment, level_of structure);
          Some environment
      | _ | (exception _) ->
          reset ~keep:true;
          Compiler.recover ();
          ignore (said ());
          Buffer.truncate messages before;
          None)

(* The first half of [Optcompile.clambda]. *)
let translate info (typed : Typedtree.implementation) =
  Clflags.use_inlining_arguments_set Clflags.classic_arguments;
  let program =
    Translmod.transl_store_implementation (Compiler.module_name info) (typed.structure, typed.coercion)
  in
  { program with Lambda.code = Simplif.simplify_lambda program.Lambda.code }

let to_clambda = Closure_middle_end.lambda_to_clambda

(* What [Optcompile.clambda] does up to where the compiler has no more objections: unsafe recursive modules and wrong
   annotations of inlining and tail calls are found after typing. *)
let object_to info typed =
  let program = translate info typed in
  Ident.Set.iter Compilenv.require_global program.required_globals;
  ignore (to_clambda ~backend ~prefixname:"" ~ppf_dump:Format.err_formatter program)

(* The assembly that the compiler would have had assembled last. *)
let assembly : X86_ast.asm_program ref = ref []

(* The code that makes a plugin of a unit ([Asmlink.link_shared], [Asmlink.make_shared_startup_file]). *)
let startup name =
  let unit, crc = Compilenv.read_unit_info (name ^ ".cmx") in
  let compile = Asmgen.compile_phrase ~ppf_dump:Format.err_formatter in
  Asmgen.compile_unit ~output_prefix:name ~asm_filename:"" ~keep_asm:false ~obj_filename:"" (fun () ->
      Location.input_name := "caml_startup";
      Compilenv.reset "_shared_startup";
      Emit.begin_assembly ();
      List.iter compile (Compiler.generic_functions [ unit ]);
      compile (Cmm_helpers.plugin_header [ (unit, crc) ]);
      compile (Cmm_helpers.global_table [ unit.Cmx_format.ui_symbol ]);
      Emit.end_assembly ());
  !assembly

(* Compiles a unit together with what [startup] would add to it: the functions that the runtime expects a plugin to have for
   numbers of arguments that the unit uses, as a toplevel's phrases have them ([Asmgen.compile_implementation]), and what
   the plugin says of itself, as a constant of the unit. *)
let compile_plugin info typed =
  let middle_end ~backend ~prefixname ~ppf_dump program =
    let code, blocks, constants = to_clambda ~backend ~prefixname ~ppf_dump program in
    let unit = Compilenv.current_unit_infos () in
    unit.Cmx_format.ui_imports_cmi <- Env.imports ();
    let text = function Cmm.Cstring text -> Some text | _ -> None in
    let header =
      match Cmm_helpers.plugin_header [ (unit, Digest.string unit.ui_name) ] with
      | Cmm.Cdata items -> Option.get (List.find_map text items)
      | Cmm.Cfunction _ -> assert false
    in
    let definition = Clambda.Uconst_string header in
    let header = { Clambda.symbol = "caml_plugin_header"; exported = true; definition; provenance = None } in
    (code, blocks, header :: constants)
  in
  let program = translate info typed in
  Asmgen.compile_implementation
    ~toplevel:(fun _ -> true)
    ~backend ~prefixname:"" ~middle_end ~ppf_dump:Format.err_formatter program;
  !assembly

(* Since OCaml 5.1 the runtime wants these of the startup code, whatever it holds (runtime/dynlink_nat.c). *)
let no_startup () =
  let symbol name = Compilenv.make_symbol ~unitname:"_shared_startup" (Some name) in
  let word name = Printf.sprintf "\t.globl\t%s\n%s:\n\t.quad\t0\n" name name in
  "\t.data\n\t.align\t8\n" ^ word (symbol "frametable") ^ word (symbol "gc_roots")

type text = Program of X86_ast.asm_program | Text of string

type outcome = Compiled of text list | Refused | Failed | Unsure

let typed_at = ref 0
let past_front_end = ref false

let finish () =
  Compiler.finish ();
  Warnings.check_fatal ()

(* As [Compile_common.implementation]. *)
let compile ({ goal; name; implementation; declarations; _ } as request) =
  prepare_interface request;
  Clflags.dont_write_files := goal <> Compile;
  let known =
    if goal = Compile || declarations = 0 then None else declare (String.sub implementation 0 declarations)
  in
  let environment, text =
    match known with
    | Some known ->
        let rest = String.length implementation - declarations in
        ((fun () -> known), String.sub implementation declarations rest)
    | None -> (environment, implementation)
  in
  let info = Compiler.info ~interface:false ~environment name in
  let tree = parse info (name ^ ".ml") text in
  let typed = Compile_common.typecheck_impl info tree in
  typed_at := processor_microseconds ();
  past_front_end := true;
  Compilenv.reset (Compiler.module_name info);
  match goal with
  | Check ->
      Approximations.known_to (fun () -> object_to info typed);
      finish ();
      Compiled []
  | Compile ->
      Optcompile.clambda info backend typed;
      let unit = !assembly in
      finish ();
      Compiled [ Program unit; Program (startup name) ]
  | Compile_here ->
      let unit = Approximations.known_to (fun () -> compile_plugin info typed) in
      finish ();
      Compiled [ Program unit; Text (no_startup ()) ]

(* Compiles a unit, in the environment that the unit before has left if [keep]. *)
let attempt ~keep request =
  Buffer.clear messages;
  past_front_end := false;
  kept := if keep then !kept + 1 else 0;
  reset ~keep;
  let outcome =
    match compile request with
    | outcome -> outcome
    | exception failure -> (
        (* Code generators keep tables of the unit that they were at, and these may have come from anywhere. *)
        let fatal =
          match failure with
          | Stack_overflow | Out_of_memory | Misc.Fatal_error | Sys_error _ -> true
          (* Warnings that are errors count when all else is done. *)
          | Warnings.Errors -> false
          | _ -> !past_front_end
        in
        match Location.report_exception Format.err_formatter failure with
        | () when not fatal -> Refused
        | () | (exception _) -> Failed)
  in
  if outcome = Refused then Compiler.recover ();
  outcome

let serve ({ goal; name; interface; _ } as request) =
  if not (Files.unchanged ()) then forget_files ();
  forget_found ();
  let keep = goal <> Compile && !last = Some (name, interface) && !kept < max_kept in
  let outcome =
    match attempt ~keep request with
    (* Modules that earlier units have read are among those that are proposed for a name that is not known, and their digests
       among those that the unit's have to agree with. *)
    | Refused when keep ->
        forget_found ();
        attempt ~keep:false request
    | outcome -> outcome
  in
  let said = said () in
  if is_unsure said then (Unsure, said) else (outcome, said)

(* Words that were allocated up to the last collection that [tidy] asked for. *)
let collected = ref 0.

(* A quarter of the room for new values (HEAP in compile_worker.rs): OCaml 4 searches the heap when half is used, and a small
   unit shall not come to that. To collect after every unit would be as much work as the unit: what is still in use moves,
   and the heap is searched in proportion. *)
let max_uncollected = 256. *. 1024.

(* After an answer, while nobody waits: leaves nothing to be done when the next request comes. *)
let tidy { goal; name; interface; _ } outcome =
  remove (name ^ ".ml");
  if goal = Compile then begin
    remove (name ^ ".cmx");
    if interface = None then remove (name ^ ".cmi")
  end;
  assembly := [];
  (match (goal, outcome) with
  | (Check | Compile_here), (Compiled _ | Refused) -> last := Some (name, interface)
  | _ ->
      last := None;
      Env.reset_cache ());
  let allocated = Gc.minor_words () in
  if allocated -. !collected > max_uncollected then begin
    Gc.minor ();
    collected := allocated
  end

let read_string () =
  let length = input_binary_int stdin in
  really_input_string stdin length

let read_request () =
  let _length = input_binary_int stdin in
  let goal = match input_char stdin with 'C' -> Check | 'H' -> Compile_here | _ -> Compile in
  let has_interface = input_char stdin = '1' in
  let declarations = input_binary_int stdin in
  let name = read_string () in
  let implementation = read_string () in
  let text = read_string () in
  let interface = if has_interface then Some text else None in
  { goal; name; implementation; declarations; interface }

let answer ~started (outcome, said) =
  let ended = processor_microseconds () in
  let typed_at = if !past_front_end then !typed_at else ended in
  output_char stdout
    (match outcome with Compiled _ -> 'k' | Refused -> 'r' | Failed -> 'f' | Unsure -> 'u');
  output_binary_int stdout ((quick_stat ()).Gc.heap_words / 1024 * (Sys.word_size / 8));
  output_binary_int stdout (typed_at - started);
  output_binary_int stdout (ended - typed_at);
  output_binary_int stdout (String.length said);
  output_string stdout said;
  (match outcome with
  | Compiled texts ->
      List.iter
        (fun text ->
          (match text with
          | Program program -> Gas_text.generate_asm stdout program
          | Text text -> output_string stdout text);
          output_char stdout '\000')
        texts
  | Refused | Failed | Unsure -> ());
  flush stdout

(* [options] are those of ocamlopt that hold for all units. *)
let run options =
  (* An object is for the linker: with nothing else to do and none to call, the compiler only reads its options. *)
  stop_measuring ();
  Hidden_state.find ();
  let arguments = Array.concat [ [| "ocamlopt"; "-c" |]; options; [| "none" ^ Config.ext_obj |] ] in
  if Optmaindriver.main arguments Format.err_formatter <> 0 then exit 2;
  if Config.flambda then exit 2;
  set_binary_mode_in stdin true;
  set_binary_mode_out stdout true;
  initial_warnings := Warnings.backup ();
  capture_messages ();
  Compiler.install_cache Interfaces.cached;
  X86_proc.register_internal_assembler (fun program _ -> assembly := program);
  Emitaux.binary_backend_available := true;
  forget_files ();
  output_string stdout greeting;
  flush stdout;
  try
    while true do
      let request = read_request () in
      let started = processor_microseconds () in
      let ((outcome, _) as result) = serve request in
      answer ~started result;
      if outcome = Failed then exit 1;
      tidy request outcome;
      stay_awake ()
    done
  with End_of_file -> exit 0
