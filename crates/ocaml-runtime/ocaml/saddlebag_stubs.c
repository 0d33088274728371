/* The only C of a host image: what depends on macros, on thread-local state or
   on raising. Everything else is reached through the runtime's public symbols. */
#define CAML_NAME_SPACE
#define CAML_INTERNALS
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <caml/version.h>
#include <caml/mlvalues.h>
#include <caml/memory.h>
#include <caml/alloc.h>
#include <caml/bigarray.h>
#include <caml/callback.h>
#include <caml/custom.h>
#include <caml/domain_state.h>
#include <caml/fail.h>
#include <caml/io.h>
#include <caml/signals.h>

#define SADDLEBAG_ABI 8

/* ---- What the application checks before it starts the image -------------- */

struct saddlebag_image {
  int64_t abi;
  int64_t ocaml_version;
  int64_t word_size;
  int64_t flat_float_array;
  int64_t max_young_wosize;
  int64_t max_wosize;
};

const struct saddlebag_image saddlebag_image = {
  SADDLEBAG_ABI,
  OCAML_VERSION,
  sizeof(value) * 8,
#ifdef FLAT_FLOAT_ARRAY
  1,
#else
  0,
#endif
  Max_young_wosize,
  Max_wosize,
};

/* ---- What the application installs before the image starts --------------- */

struct saddlebag_application {
  void *context;
  /* 0: *out is the result. 1: *out is the message of a Host_error.
     2: *out is the message of a Host_panic. 3: *out is an exception to raise. */
  intnat (*call)(void *context, intnat number, value argument, value *out);
  int (*cancelled)(void *context);
  void (*release)(void *context, uintnat object);
  void (*release_memory)(void *context, void *data);
  /* Whether the calling thread has frames of the application below it. */
  int (*is_below)(void *context);
};

static struct saddlebag_application application;

#if OCAML_VERSION >= 50000 && OCAML_VERSION < 50200
#define RECORDS_SIGNALS_FOR_THE_CALLING_THREAD
/* The domain that the runtime starts with, which all threads of the application belong to. */
static caml_domain_state *application_domain;
#endif

/* Called on the thread that has started the runtime. */
void saddlebag_install(const struct saddlebag_application *given)
{
#ifdef RECORDS_SIGNALS_FOR_THE_CALLING_THREAD
  application_domain = Caml_state;
#endif
  application = *given;
}

/* ---- Calls of the application by a plugin -------------------------------- */

static void raise_named(const char *name, value argument)
{
  const value *exception = caml_named_value(name);
  if (exception == NULL) caml_failwith(name);
  caml_raise_with_arg(*exception, argument);
}

/* The exception is raised after the application's frames have returned:
   nothing ever jumps or unwinds through them. */
static value call_application(intnat number, value argument)
{
  CAMLparam1(argument);
  CAMLlocal1(out);
  intnat status;
  out = Val_unit;
  if (application.call == NULL) caml_failwith("no application is installed");
  status = application.call(application.context, number, argument, &out);
  if (status == 1) raise_named("saddlebag.Host_error", out);
  if (status == 2) raise_named("saddlebag.Host_panic", out);
  if (status == 3) caml_raise(out);
  CAMLreturn(out);
}

value saddlebag_call_host(value number, value argument)
{
  return call_application(Long_val(number), argument);
}

/* ---- exit, linked with --wrap=caml_sys_exit ------------------------------ */

extern value __real_caml_sys_exit(value code);

static int exit_ends_process = 0;

/* Whether exit ends the process, as in a program of its own. */
void saddlebag_exit_policy(int ends_process) { exit_ends_process = ends_process; }

value __wrap_caml_sys_exit(value code)
{
  const value *exception = caml_named_value("saddlebag.Exited");
  if (exit_ends_process || application.call == NULL || exception == NULL) return __real_caml_sys_exit(code);
  caml_raise_with_arg(*exception, code);
}

/* ---- Thread.exit, linked with --wrap=caml_thread_exit -------------------- */

/* OCaml 4 ends the thread there and then: by a jump to where the thread
   began, else by unwinding its stack. Neither may pass frames of the
   application, so on top of these it ends the call, as [exit 0] does; where
   that ends the process, it waits for the other threads first, as a program of
   its own does. From 5.0 on Thread.exit raises an exception of its own. */

extern value __real_caml_thread_exit(value unit) __attribute__((weak));

value __wrap_caml_thread_exit(value unit)
{
  const value *exception = caml_named_value("saddlebag.Exited");
  const value *join = caml_named_value("saddlebag.join_threads");
  int is_below = application.call != NULL && application.is_below(application.context);
  if (!is_below || exception == NULL) return __real_caml_thread_exit(unit);
  if (exit_ends_process && join != NULL) caml_callback(*join, Val_unit);
  caml_raise_with_arg(*exception, Val_int(0));
}

/* Linked with --wrap=caml_thread_new: the threads to wait for. */

extern value __real_caml_thread_new(value function) __attribute__((weak));

value __wrap_caml_thread_new(value function)
{
#if OCAML_VERSION < 50000
  CAMLparam1(function);
  CAMLlocal1(thread);
  const value *created = caml_named_value("saddlebag.thread_created");
  thread = __real_caml_thread_new(function);
  if (exit_ends_process && created != NULL) caml_callback(*created, thread);
  CAMLreturn(thread);
#else
  return __real_caml_thread_new(function);
#endif
}

/* ---- Memory profiling ---------------------------------------------------- */

/* In OCaml 4, and from OCaml 5.3 on; there is no profiling between them. */
extern void caml_memprof_set_suspended(int suspended) __attribute__((weak));
extern void caml_memprof_update_suspended(_Bool suspended) __attribute__((weak));

value saddlebag_suspend_memprof(value suspended)
{
  if (caml_memprof_set_suspended != NULL) caml_memprof_set_suspended(Bool_val(suspended));
  if (caml_memprof_update_suspended != NULL) caml_memprof_update_suspended(Bool_val(suspended));
  return Val_unit;
}

/* ---- What plugins offer -------------------------------------------------- */

/* C functions, because a call of one is all the code that a plugin needs for it. */
static value offer(const char *how, value name, value given)
{
  const value *function = caml_named_value(how);
  if (function == NULL) caml_failwith(how);
  return caml_callback2(*function, name, given);
}

value saddlebag_register(value name, value given) { return offer("saddlebag.register", name, given); }
value saddlebag_register_module(value name, value module)
{
  return offer("saddlebag.register_module", name, module);
}

/* ---- Uncaught exceptions ------------------------------------------------- */

/* The function that the runtime calls for an exception that ends a program
   (runtime/printexc.c), which no module exports. */
value saddlebag_uncaught_exception_function(value unit)
{
  const value *function = caml_named_value("Printexc.handle_uncaught_exception");
  (void)unit;
  if (function == NULL) caml_failwith("Printexc.handle_uncaught_exception");
  return *function;
}

/* ---- Units, as Dynlink opens them ---------------------------------------- */

/* The functions of otherlibs/dynlink/dynlink.ml. Byte code lacks them, and those of
   OCaml 5 ask for more. */
extern value caml_natdynlink_open(value path, value global) __attribute__((weak));
extern value caml_natdynlink_run(value handle, value symbol) __attribute__((weak));

value saddlebag_opens_units(value unit)
{
  (void)unit;
  return Val_bool(OCAML_VERSION < 50000 && caml_natdynlink_open != NULL
                  && caml_natdynlink_run != NULL);
}

value saddlebag_open_unit(value path, value global)
{
  return caml_natdynlink_open(path, global);
}

value saddlebag_run_unit(value handle, value symbol)
{
  return caml_natdynlink_run(handle, symbol);
}

/* ---- Libraries, linked with --wrap=dlopen -------------------------------- */

/* Dynlink opens libraries with RTLD_GLOBAL, so that plugins find their symbols.
   Another image in the process, or the application, would find them too: plugins
   name their libraries as needed instead. */
extern void *__real_dlopen(const char *path, int flags);
void *__wrap_dlopen(const char *path, int flags) { return __real_dlopen(path, flags & ~RTLD_GLOBAL); }

/* ---- Dynlink -------------------------------------------------------------- */

/* What saddlebag_dynlink.ml registers, as an option. */
value saddlebag_dynlink(value unit)
{
  CAMLparam1(unit);
  CAMLlocal1(some);
  const value *functions = caml_named_value("saddlebag.dynlink");
  if (functions == NULL) CAMLreturn(Val_int(0));
  some = caml_alloc_small(1, 0);
  Field(some, 0) = *functions;
  CAMLreturn(some);
}

/* Where Dynlink is in a shared object of its own, that is linked with
   --wrap=caml_natdynlink_getmap: its units belong to the image as well. */
extern value caml_natdynlink_getmap(value unit) __attribute__((weak));
value __wrap_caml_natdynlink_getmap(value unit)
{
  const value *with_units_apart = caml_named_value("saddlebag.with_units_apart");
  return caml_callback(*with_units_apart, caml_natdynlink_getmap(unit));
}

/* Lets what is opened from now on find the symbols of Dynlink, unless those of
   another image are found already. */
value saddlebag_share_dynlink(value path)
{
  /* Not RTLD_DEFAULT, which also looks at what the image has opened. */
  void *program = __real_dlopen(NULL, RTLD_NOW);
  if (program == NULL || dlsym(program, "camlDynlink") != NULL) return Val_false;
  return Val_bool(__real_dlopen(String_val(path), RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD) != NULL);
}

/* ---- Stack overflow, linked with --wrap=caml_terminate_signals ----------- */

/* Native code of OCaml 4.14 takes its handler of SIGSEGV down as soon as the
   startup function returns (runtime/startup_nat.c), which is when plugins begin
   to need it. OCaml 4.13 leaves it, and OCaml 5 has no need of it. */
#if OCAML_VERSION < 50000
void __wrap_caml_terminate_signals(void) {}
#else
extern void __real_caml_terminate_signals(void) __attribute__((weak));
void __wrap_caml_terminate_signals(void)
{
  if (__real_caml_terminate_signals != NULL) __real_caml_terminate_signals();
}
#endif

/* ---- Backtraces, linked with --wrap=caml_raise --------------------------- */

/* Native code of OCaml 5 begins a new backtrace whenever C raises, also when it
   passes an exception on (caml_raise_exception in runtime/amd64.S): that of an
   exception at the top level of a plugin is lost on its way through
   caml_natdynlink_run. It is kept here, in the domain that loads plugins. */

extern void __real_caml_raise(value exception) __attribute__((noreturn));

#if OCAML_VERSION >= 50000
extern value caml_get_exception_raw_backtrace(value unit);

static value kept_exception = Val_unit, kept_backtrace = Val_unit;

static void keep_backtrace(value exception)
{
  CAMLparam1(exception);
  CAMLlocal1(backtrace);
  static int registered = 0;
  if (!registered) {
    registered = 1;
    caml_register_generational_global_root(&kept_exception);
    caml_register_generational_global_root(&kept_backtrace);
  }
  backtrace = caml_get_exception_raw_backtrace(Val_unit);
  caml_modify_generational_global_root(&kept_exception, exception);
  caml_modify_generational_global_root(&kept_backtrace, backtrace);
  CAMLreturn0;
}

static int loses_backtrace(value exception)
{
  return Caml_state->id == 0 && Caml_state->backtrace_active
    && Caml_state->backtrace_pos > 0 && Caml_state->backtrace_last_exn == exception;
}

void __wrap_caml_raise(value exception)
{
  CAMLparam1(exception);
  if (loses_backtrace(exception)) keep_backtrace(exception);
  CAMLdrop;
  __real_caml_raise(exception);
}

/* The backtrace kept for [exception], which is then forgotten, else [otherwise]. */
value saddlebag_kept_backtrace(value exception, value otherwise)
{
  CAMLparam2(exception, otherwise);
  if (kept_exception == exception) otherwise = kept_backtrace;
  if (kept_exception != Val_unit) {
    caml_modify_generational_global_root(&kept_exception, Val_unit);
    caml_modify_generational_global_root(&kept_backtrace, Val_unit);
  }
  CAMLreturn(otherwise);
}
#else
void __wrap_caml_raise(value exception) { __real_caml_raise(exception); }

value saddlebag_kept_backtrace(value exception, value otherwise)
{
  (void)exception;
  return otherwise;
}
#endif

/* ---- Cancellation: asked by the OCaml signal handler --------------------- */

value saddlebag_cancelled(value unit)
{
  (void)unit;
  return Val_bool(application.cancelled != NULL
                  && application.cancelled(application.context));
}

int saddlebag_cancellation_signal(void)
{
#ifdef SIGRTMAX
  return SIGRTMAX - 1;
#else
  return SIGUSR2;
#endif
}

/* Notes that a signal has arrived, on any thread. caml_record_signal of OCaml 5.0 and 5.1 looks for the domain of the thread that
   calls it, and ends the process where there is none (runtime/signals.c). */
void saddlebag_record_signal(int signal_number)
{
#ifdef RECORDS_SIGNALS_FOR_THE_CALLING_THREAD
  unsigned int index = signal_number - 1;
  atomic_fetch_or(&caml_pending_signals[index / BITS_PER_WORD], (uintnat)1 << (index % BITS_PER_WORD));
  caml_set_action_pending(application_domain);
#else
  caml_record_signal(signal_number);
#endif
}

static struct sigaction kept_action;

value saddlebag_keep_signal_action(value signal_number)
{
  sigaction(Int_val(signal_number), NULL, &kept_action);
  return Val_unit;
}

value saddlebag_restore_signal_action(value signal_number)
{
  sigaction(Int_val(signal_number), &kept_action, NULL);
  return Val_unit;
}

/* ---- Output buffers ------------------------------------------------------ */

static struct channel *standard_output, *standard_error;

value saddlebag_watch_channels(value out, value err)
{
  standard_output = Channel(out);
  standard_error = Channel(err);
  return Val_unit;
}

/* Whether a standard channel holds bytes that nobody has seen yet. */
int saddlebag_output_pending(void)
{
  return standard_output != NULL
    && (standard_output->curr != standard_output->buff
        || standard_error->curr != standard_error->buff);
}

/* ---- Local roots --------------------------------------------------------- */

void **saddlebag_local_roots(void) { return (void **)&Caml_state->local_roots; }

/* ---- Objects of the application held by OCaml ---------------------------- */

#define Object_val(v) (*(uintnat *)Data_custom_val(v))

static void object_finalise(value v)
{
  if (application.release != NULL) application.release(application.context, Object_val(v));
}

static int object_compare(value a, value b)
{
  return (Object_val(a) > Object_val(b)) - (Object_val(a) < Object_val(b));
}

static intnat object_hash(value v) { return (intnat)Object_val(v); }

static struct custom_operations object_operations = {
  "saddlebag.object",
  object_finalise,
  object_compare,
  object_hash,
  custom_serialize_default,
  custom_deserialize_default,
  custom_compare_ext_default,
  custom_fixed_length_default,
};

value saddlebag_alloc_object(uintnat object)
{
  value v = caml_alloc_custom(&object_operations, sizeof(uintnat), 0, 1);
  Object_val(v) = object;
  return v;
}

/* Runs the closure of the application that [object] names; closures have negative numbers. */
value saddlebag_call_object(value object, value argument)
{
  return call_application(-(intnat)Object_val(object), argument);
}

/* 0 where [v] is not such an object. */
uintnat saddlebag_object(value v)
{
  if (Is_long(v) || Tag_val(v) != Custom_tag || Custom_ops_val(v) != &object_operations)
    return 0;
  return Object_val(v);
}

/* ---- Integers in custom blocks and bigarrays ----------------------------- */

/* 'l' int64, 'i' int32, 'n' nativeint, 'b' a bigarray, '?' anything else. */
int saddlebag_custom_kind(value v)
{
  const char *name;
  if (Is_long(v) || Tag_val(v) != Custom_tag) return '?';
  name = Custom_ops_val(v)->identifier;
  if (name[0] != '_') return '?';
  if (name[1] == 'j') return 'l';
  if (name[1] == 'i') return 'i';
  if (name[1] == 'n') return 'n';
  if (name[1] == 'b') return 'b';
  return '?';
}

struct saddlebag_bigarray {
  void *data;
  int64_t kind;
  int64_t c_layout;
  int64_t dimensions;
  int64_t first_dimension;
};

/* [v] is a bigarray, as saddlebag_custom_kind tells. */
void saddlebag_bigarray(value v, struct saddlebag_bigarray *out)
{
  struct caml_ba_array *array = Caml_ba_array_val(v);
  out->data = array->data;
  out->kind = array->flags & CAML_BA_KIND_MASK;
  out->c_layout = (array->flags & CAML_BA_LAYOUT_MASK) == CAML_BA_C_LAYOUT;
  out->dimensions = array->num_dims;
  out->first_dimension = array->num_dims > 0 ? array->dim[0] : 1;
}

/* A bigarray of one dimension in C layout that owns its memory. Called from OCaml,
   so that a lack of memory is an exception with a handler. */
value saddlebag_alloc_bigarray(value kind, value length)
{
  intnat dimension = Long_val(length);
  return caml_ba_alloc(Int_val(kind) | CAML_BA_C_LAYOUT, 1, NULL, &dimension);
}

/* Memory of the application as a bigarray. It is marked as a mapped file is
   (otherlibs/unix), so that sub-arrays count as uses; the application is told
   when the last one is gone. */

static void release_memory(void *data)
{
  if (application.release_memory != NULL) application.release_memory(application.context, data);
}

static void shared_finalise(value v)
{
  struct caml_ba_proxy *proxy = Caml_ba_array_val(v)->proxy;
  if (proxy == NULL) {
    release_memory(Caml_ba_array_val(v)->data);
  } else if (__atomic_sub_fetch((uintnat *)&proxy->refcount, 1, __ATOMIC_ACQ_REL) == 0) {
    release_memory(proxy->data);
    free(proxy);
  }
}

/* Everything but the finaliser is as in other bigarrays. The lock is held. */
value saddlebag_share(int kind, intnat length, void *data)
{
  static struct custom_operations operations;
  value v = caml_ba_alloc(kind | CAML_BA_C_LAYOUT | CAML_BA_MAPPED_FILE, 1, data, &length);
  if (operations.finalize == NULL) {
    operations = *Custom_ops_val(v);
    operations.finalize = shared_finalise;
  }
  Custom_ops_val(v) = &operations;
  return v;
}
