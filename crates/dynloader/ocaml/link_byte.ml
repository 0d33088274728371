(* A plugin of byte code and what it uses of libraries, as one unit.

   Dynlink hides the definitions of a private unit from all that is loaded later, and so from the other units of its
   archive. The units are therefore made one, as Bytelink makes a program of units: their code is put one after the
   other and falls through from each to the next. Each plugin has its own copy of a library, as in native code.

   The result is an archive, because only archives name stub libraries. The module Units is units_by_identifier.ml or
   units_by_name.ml, as the version has it. *)

open Cmo_format

type source = { unit : compilation_unit; path : string }

let with_file path read =
  let channel = open_in_bin path in
  Fun.protect ~finally:(fun () -> close_in_noerr channel) (fun () -> read channel)

let sources_in path =
  with_file path (fun channel ->
      let magic = really_input_string channel (String.length Config.cma_magic_number) in
      seek_in channel (input_binary_int channel);
      let units =
        if magic = Config.cma_magic_number then (input_value channel : library).lib_units
        else if magic = Config.cmo_magic_number then [ (input_value channel : compilation_unit) ]
        else failwith (path ^ " is no byte code of this compiler")
      in
      List.map (fun unit -> { unit; path }) units)

(* What a linker takes of archives in link order: the units that later ones need, and those that ask for it. *)
let select archives plugin =
  let needed = Hashtbl.create 64 in
  let take selected source =
    List.iter (fun name -> Hashtbl.replace needed name ()) (Units.required source.unit);
    source :: selected
  in
  let consider source selected =
    if source.unit.cu_force_link || Hashtbl.mem needed (Units.name source.unit) then take selected source
    else selected
  in
  List.fold_right consider (List.concat_map sources_in archives) (take [] plugin)

(* As Bytelink.check_consistency: code that was compiled against other types would be run on the wrong values. *)
let check_consistency sources =
  let units = Hashtbl.create 64 and interfaces = Hashtbl.create 64 in
  let imports source = function
    | _, None -> ()
    | unit, Some digest -> (
        match Hashtbl.find_opt interfaces unit with
        | None -> Hashtbl.add interfaces unit (digest, source)
        | Some (other, _) when other = digest -> ()
        | Some (_, other) ->
            failwith
              (Printf.sprintf "%s(%s) and %s(%s) were compiled against different interfaces of the unit %s" other.path
                 (Units.name other.unit) source.path (Units.name source.unit) unit))
  in
  let check source =
    let name = Units.name source.unit in
    (match Hashtbl.find_opt units name with
     | None -> Hashtbl.add units name source.path
     | Some path -> failwith (Printf.sprintf "both %s and %s define the unit %s" path source.path name));
    source
  in
  List.iter (fun source -> List.iter (imports source) source.unit.cu_imports) (List.map check sources)

let code_and_events { unit; path } =
  with_file path (fun channel ->
      seek_in channel unit.cu_pos;
      let code = really_input_string channel unit.cu_codesize in
      let events, directories =
        if unit.cu_debug = 0 then [], []
        else begin
          seek_in channel unit.cu_debug;
          (* Compressed in a way that this cannot read: then without lines in backtraces. *)
          try
            let events : Instruct.debug_event list = input_value channel in
            events, (input_value channel : string list)
          with Failure _ | End_of_file -> [], []
        end
      in
      code, events, directories)

let link ~plugin ~archives ~stub_libraries ~output =
  let plugin =
    match sources_in plugin with
    | [ source ] -> source
    | _ -> failwith (plugin ^ " is not one unit")
  in
  let sources = select archives plugin in
  check_consistency sources;
  (* Dynlink looks for the units that code names, except for those inside of another one, which have a dot in their
     names: here the units of libraries become inner ones. *)
  let plugin_name = Units.name plugin.unit in
  let inner = Hashtbl.create 64 in
  List.iter (fun source -> Hashtbl.replace inner (Units.name source.unit) ()) sources;
  Hashtbl.remove inner plugin_name;
  let rename unit = if Hashtbl.mem inner unit then plugin_name ^ "." ^ unit else unit in
  let code = Buffer.create 65536 in
  let relocations = ref [] and events = ref [] and directories = ref [] in
  let imports = Hashtbl.create 64 and primitives = Hashtbl.create 64 in
  let add source =
    let offset = Buffer.length code in
    let its_code, its_events, its_directories = code_and_events source in
    Buffer.add_string code its_code;
    let move (what, position) = Units.rename_units rename what, position + offset in
    let moved = List.map move source.unit.cu_reloc in
    relocations := List.rev_append moved !relocations;
    let move (event : Instruct.debug_event) = event.ev_pos <- event.ev_pos + offset in
    List.iter move its_events;
    events := List.rev_append its_events !events;
    directories := List.rev_append its_directories !directories;
    List.iter (fun (unit, digest) -> Hashtbl.replace imports unit digest) source.unit.cu_imports;
    List.iter (fun primitive -> Hashtbl.replace primitives primitive ()) source.unit.cu_primitives
  in
  List.iter add sources;
  Hashtbl.iter (fun unit () -> Hashtbl.remove imports unit) inner;
  let channel = open_out_bin output in
  Fun.protect ~finally:(fun () -> close_out_noerr channel) (fun () ->
      output_string channel Config.cma_magic_number;
      let table_position = pos_out channel in
      output_binary_int channel 0;
      let code_position = pos_out channel in
      Buffer.output_buffer channel code;
      let debug_position = pos_out channel in
      output_value channel (List.rev !events);
      output_value channel (List.sort_uniq compare !directories);
      let table = pos_out channel in
      let pairs table = List.sort compare (Hashtbl.fold (fun key data all -> (key, data) :: all) table []) in
      let unit =
        { plugin.unit with
          cu_pos = code_position;
          cu_codesize = Buffer.length code;
          cu_reloc = List.rev !relocations;
          cu_imports = pairs imports;
          cu_primitives = List.map fst (pairs primitives);
          cu_force_link = true;
          cu_debug = debug_position;
          cu_debugsize = table - debug_position }
      in
      output_value channel
        { lib_units = [ Units.without_required unit ];
          lib_custom = false;
          lib_ccobjs = [];
          lib_ccopts = [];
          lib_dllibs = Units.stub_libraries stub_libraries };
      seek_out channel table_position;
      output_binary_int channel table;
      close_out channel)

(* Takes what is between the two marks out of the arguments: the name of the output, then archives, then after "-dllib"
   stub libraries. Gives the source, for messages, and what links. *)
let split arguments =
  let rec before seen = function
    | "--saddlebag-link" :: output :: rest -> within seen output [] [] rest
    | argument :: rest -> before (argument :: seen) rest
    | [] -> arguments, None
  and within seen output archives stubs = function
    | "--saddlebag-end" :: rest ->
        let archives = List.rev archives and stub_libraries = List.rev stubs in
        let run () =
          let plugin = Filename.remove_extension output ^ ".cmo" in
          link ~plugin ~archives ~stub_libraries ~output
        in
        Array.of_list (List.rev_append seen rest), Some (Filename.remove_extension output ^ ".ml", run)
    | "-dllib" :: stub :: rest -> within seen output archives (stub :: stubs) rest
    | archive :: rest -> within seen output (archive :: archives) stubs rest
    | [] -> arguments, None
  in
  before [] (Array.to_list arguments)
