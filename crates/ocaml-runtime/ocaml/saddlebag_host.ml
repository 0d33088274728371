(* The OCaml side of a host image: registry, loads, description of exceptions. *)

exception Host_error of string
exception Host_panic of string
exception Cancelled
exception Exited of int

external call_host : int -> 'a -> 'b = "saddlebag_call_host"
external call_object : Obj.t -> 'a -> 'b = "saddlebag_call_object"
external cancelled : unit -> bool = "saddlebag_cancelled" [@@noalloc]
external watch_channels : out_channel -> out_channel -> unit = "saddlebag_watch_channels"
external suspend_memprof : bool -> unit = "saddlebag_suspend_memprof" [@@noalloc]
type uncaught_exception_function = exn -> bool -> unit

external uncaught_exception_function : unit -> uncaught_exception_function
  = "saddlebag_uncaught_exception_function"

(* The beginning of what a compiled plugin says of itself (file_formats/cmxs_format.mli of OCaml 4). *)
type dynunit =
  { dynu_name : string;
    dynu_crc : Digest.t;
    dynu_imports_cmi : Obj.t;
    dynu_imports_cmx : Obj.t;
    dynu_defines : string list }

type dynheader = { dynu_magic : string; dynu_units : dynunit list }

external opens_units : unit -> bool = "saddlebag_opens_units" [@@noalloc]
external open_unit : string -> bool -> Obj.t * dynheader = "saddlebag_open_unit"
external run_unit : Obj.t -> string -> unit = "saddlebag_run_unit"
external share_dynlink : string -> bool = "saddlebag_share_dynlink"
external alloc_bigarray : int -> int -> Obj.t = "saddlebag_alloc_bigarray"
external keep_signal_action : int -> unit = "saddlebag_keep_signal_action"
external restore_signal_action : int -> unit = "saddlebag_restore_signal_action"

let pending : (string * Obj.t) list ref = ref []
let add name value = pending := (name, value) :: !pending
let add_module name value = add name (Obj.repr (fun () -> value))

external register : string -> Obj.t -> unit = "saddlebag_register"
external register_module : string -> 'a -> unit = "saddlebag_register_module"

(* Number 0 is the application's own look-up function. *)
let host_function (key : string) : int = call_host 0 key

(* A function of [arity] arguments that runs the closure [f] of the application,
   which takes several arguments as a tuple. *)
let new_function arity (f : Obj.t) : Obj.t =
  match arity with
  | 0 | 1 -> Obj.repr (fun a -> call_object f a)
  | 2 -> Obj.repr (fun a b -> call_object f (a, b))
  | 3 -> Obj.repr (fun a b c -> call_object f (a, b, c))
  | 4 -> Obj.repr (fun a b c d -> call_object f (a, b, c, d))
  | 5 -> Obj.repr (fun a b c d e -> call_object f (a, b, c, d, e))
  | 6 -> Obj.repr (fun a b c d e g -> call_object f (a, b, c, d, e, g))
  | 7 -> Obj.repr (fun a b c d e g h -> call_object f (a, b, c, d, e, g, h))
  | 8 -> Obj.repr (fun a b c d e g h i -> call_object f (a, b, c, d, e, g, h, i))
  | _ -> invalid_arg "new_function"

(* The application makes and reads maps and sets of the standard library itself,
   where they are as it expects: [Empty] and [Node {l; v; d; r; h}], for sets
   without [d]. A node has the layout of a tuple. *)
let knows_maps () =
  let module Map = Map.Make (Int) in
  let module Set = Set.Make (Int) in
  let same a b = Obj.repr a = Obj.repr b in
  same Map.empty 0 && same Set.empty 0
  && same Map.(add 2 20 (singleton 1 10)) (0, 1, 10, (0, 2, 20, 0, 1), 2)
  && same Set.(add 2 (singleton 1)) (0, 1, (0, 2, 0, 1), 2)

type loaded =
  | Refused of string
  | Loaded of (string * Obj.t) list

(* The two functions of [saddlebag_dynlink.ml], which give the reason of a refusal. *)
type dynlink = (string -> string option) * (string -> string option)

external dynlink : unit -> dynlink option = "saddlebag_dynlink"

let load_with choose path =
  match dynlink () with
  | None -> Refused "the host image's Dynlink is not there"
  | Some functions ->
    pending := [];
    let refusal = choose functions path in
    let offered = List.rev !pending in
    pending := [];
    (match refusal with
     | None -> Loaded offered
     | Some message -> Refused message)

let load = load_with fst

(* Units that are loaded later see a library's. *)
let load_library = load_with snd

let run_units handle header =
  run_unit handle "_shared_startup";
  List.iter (fun u -> List.iter (run_unit handle) u.dynu_defines) header.dynu_units

(* A unit as Dynlink learns of those that the program was linked with: its name, the
   digests of its interface and of its implementation, its symbols. *)
type linked = string * Digest.t option * Digest.t option * string list

(* The units of Dynlink, where they are not in the image. *)
let apart : linked list ref = ref []

let with_units_apart (units : linked list) = List.rev_append !apart units

(* Opens the shared object with Dynlink, once, and gives the reason if it cannot be. *)
let open_dynlink path =
  if dynlink () <> None then None
  else
    match open_unit path false with
    | exception Failure message -> Some message
    | handle, header ->
      let linked u : linked =
        let interfaces : (string * Digest.t option) list = Obj.obj u.dynu_imports_cmi in
        u.dynu_name, Option.join (List.assoc_opt u.dynu_name interfaces), Some u.dynu_crc, []
      in
      apart := List.map linked header.dynu_units;
      run_units handle header;
      None

(* Does for a unit that was compiled for this very image what Dynlink does after it
   has compared interfaces and implementations. The first comparison makes tables of
   all units of the image, which is a tenth of what a process costs that only runs one
   plugin. *)
let load_matching path =
  if not (opens_units ()) then load path
  else
    match open_unit path false with
    | exception Failure message -> Refused message
    | handle, header ->
      pending := [];
      run_units handle header;
      let offered = List.rev !pending in
      pending := [];
      Loaded offered

(* The numbers are those of [sys/failure.rs]. *)
type description =
  { kind : int; code : int; name : string; message : string; backtrace : string }

(* The at_exit function of Thread stops the tick thread, without which a long
   call starves the others. Creating a thread starts it again. *)
let tick_thread_stopped = ref true

(* The backtrace of the exception described last. *)
let described : exn Weak.t = Weak.create 1
let described_backtrace = ref (Printexc.get_callstack 0)

let remember e backtrace =
  Weak.set described 0 (Some e);
  described_backtrace := backtrace

let describe e =
  let raw_backtrace = Printexc.get_raw_backtrace () in
  let backtrace = Printexc.raw_backtrace_to_string raw_backtrace in
  remember e raw_backtrace;
  let kind, code =
    match e with
    | Stack_overflow -> 1, 0
    | Out_of_memory -> 2, 0
    | Exited code ->
      if !tick_thread_stopped then begin
        tick_thread_stopped := false;
        try ignore (Thread.create ignore ()) with _ -> ()
      end;
      3, code
    | Cancelled -> 4, 0
    | Host_panic _ -> 5, 0
    | Host_error _ -> 6, 0
    | _ -> 0, 0
  in
  let name = try Printexc.exn_slot_name e with _ -> "" in
  let message =
    match e with
    | Host_panic message | Host_error message -> message
    | e -> ( try Printexc.to_string e with _ -> name)
  in
  { kind; code; name; message; backtrace }

(* A callback of [Gc.Memprof] that raises would do so again while its exception is
   being described. *)
let describe e =
  suspend_memprof true;
  match describe e with
  | description ->
    suspend_memprof false;
    description
  | exception raised ->
    suspend_memprof false;
    raise raised

(* The threads that a program waits for whose main thread leaves (OCaml 4). *)
let threads : Thread.t Weak.t ref = ref (Weak.create 16)
let threads_used = ref 0
let threads_mutex = Mutex.create ()

(* Those that were collected have ended. *)
let forget_collected_threads () =
  let all = !threads and live = ref 0 in
  for i = 0 to !threads_used - 1 do
    match Weak.get all i with
    | None -> ()
    | thread ->
      Weak.set all !live thread;
      incr live
  done;
  threads_used := !live;
  if 2 * !live > Weak.length all then begin
    threads := Weak.create (2 * Weak.length all);
    Weak.blit all 0 !threads 0 !live
  end

let thread_created thread =
  Mutex.lock threads_mutex;
  if !threads_used = Weak.length !threads then forget_collected_threads ();
  Weak.set !threads !threads_used (Some thread);
  incr threads_used;
  Mutex.unlock threads_mutex

(* Waits for all threads but this one, also for those created meanwhile. *)
let join_threads () =
  let self = Thread.id (Thread.self ()) in
  let joined = Hashtbl.create 16 in
  let rec join () =
    Mutex.lock threads_mutex;
    let live = List.filter_map (Weak.get !threads) (List.init !threads_used Fun.id) in
    Mutex.unlock threads_mutex;
    let is_new t = Thread.id t <> self && not (Hashtbl.mem joined (Thread.id t)) in
    let others = List.filter is_new live in
    let join_one t =
      Thread.join t;
      Hashtbl.replace joined (Thread.id t) ()
    in
    List.iter join_one others;
    if others <> [] then join ()
  in
  join ()

let flush_channels () =
  (try Stdlib.flush Stdlib.stdout with _ -> ());
  try Stdlib.flush Stdlib.stderr with _ -> ()

let flush () =
  (try Format.pp_print_flush Format.std_formatter () with _ -> ());
  (try Format.pp_print_flush Format.err_formatter () with _ -> ());
  flush_channels ()

(* The system's action for the signal stays what the application made it: the
   handler is only ever run by [saddlebag_record_signal]. *)
let install_cancellation signal =
  keep_signal_action signal;
  Sys.set_signal signal
    (Sys.Signal_handle (fun _ -> if cancelled () then raise Cancelled));
  restore_signal_action signal

(* What the runtime does for an exception that ends a program: [at_exit], then
   the handler of [Printexc.set_uncaught_exception_handler]. Whether there was
   one: what the default one prints is up to the application, for the lines of
   its backtrace that are about loading are of no use to anybody. *)
let asked_by_application = ref false
let is_default = ref false

let default_handler e backtrace =
  if !asked_by_application then is_default := true
  else Printexc.default_uncaught_exception_handler e backtrace

let handle_uncaught e =
  (* As the runtime does (runtime/printexc.c): the program is at its end. *)
  suspend_memprof true;
  let handle e = uncaught_exception_function () e false in
  let is_described = match Weak.get described 0 with Some d -> d == e | None -> false in
  asked_by_application := true;
  is_default := false;
  (if not is_described then handle e
   else
     (* The handler is given the backtrace of the exception raised last. *)
     try Printexc.raise_with_backtrace e !described_backtrace with e -> handle e);
  asked_by_application := false;
  not !is_default

(* Gc.compact of OCaml 5.0 and 5.1 collects once, which leaves what has a finaliser (runtime/gc_ctrl.c). *)
let compact =
  match String.sub Sys.ocaml_version 0 4 with
  | "5.0." | "5.1." -> Gc.full_major
  | _ -> Gc.compact

let set_stack_limit words = Gc.set { (Gc.get ()) with Gc.stack_limit = words }
let is_native () = match Sys.backend_type with Sys.Native -> true | _ -> false

let () =
  ignore (Thread.self ());
  watch_channels Stdlib.stdout Stdlib.stderr;
  let export name f = Callback.register ("saddlebag." ^ name) (Obj.repr f) in
  Printexc.set_uncaught_exception_handler default_handler;
  Callback.register_exception "saddlebag.Host_error" (Host_error "");
  Callback.register_exception "saddlebag.Host_panic" (Host_panic "");
  Callback.register_exception "saddlebag.Exited" (Exited 0);
  Callback.register "saddlebag.with_units_apart" with_units_apart;
  export "open_dynlink" open_dynlink;
  export "share_dynlink" share_dynlink;
  export "register" add;
  export "register_module" add_module;
  export "load" load;
  export "load_matching" load_matching;
  export "load_library" load_library;
  export "describe" describe;
  export "thread_created" thread_created;
  export "join_threads" join_threads;
  export "flush" flush;
  export "flush_channels" flush_channels;
  export "run_at_exit" Stdlib.do_at_exit;
  export "install_cancellation" install_cancellation;
  export "set_stack_limit" set_stack_limit;
  export "record_backtrace" Printexc.record_backtrace;
  export "is_native" is_native;
  export "knows_maps" knows_maps;
  export "handle_uncaught" handle_uncaught;
  export "compact" compact;
  (* A C allocation that fails with no OCaml frame below it ends the process,
     so everything large is allocated by these. *)
  export "new_bytes" Bytes.create;
  export "new_block" (fun tag size -> Obj.new_block tag size);
  export "new_float_array" (fun size -> Float.Array.create size);
  export "new_bigarray" (fun kind length -> alloc_bigarray kind length);
  export "new_function" new_function
