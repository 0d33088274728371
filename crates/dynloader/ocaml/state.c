/* What the compile worker (worker.ml) needs of the system and of the runtime. */

#define CAML_NAME_SPACE
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <caml/alloc.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>

/* For each unit of this program its module blocks, ended by a null; ended by a null (runtime/roots_nat.c). */
extern value *caml_globals[];

/* Files younger than this may be written to again without a change that the clock of the file system shows. */
#define YOUNG_SECONDS 1

/* What tells one state of a file from another. Compared as bytes: to print the numbers of all files that a small unit depends
   on would take as long as a twentieth of compiling it. */
struct stamp {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified, changed;
};

/* The stamp of the file; an empty string when its next state may look the same. */
value saddlebag_stamp(value path)
{
  struct stamp stamp;
  struct stat status;
  if (stat(String_val(path), &status) != 0)
    return caml_copy_string("missing");
  time_t now = time(NULL);
  if (now - status.st_mtime <= YOUNG_SECONDS || now - status.st_ctime <= YOUNG_SECONDS)
    return caml_copy_string("");
  memset(&stamp, 0, sizeof stamp);
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.size = status.st_size;
  stamp.modified = status.st_mtim;
  stamp.changed = status.st_ctim;
  return caml_alloc_initialized_string(sizeof stamp, (const char *)&stamp);
}

/* Which state of a module a field of its block holds. */
enum kind { OTHER, LAZY, NUMBER };

static enum kind kind_of(value field)
{
  if (!Is_block(field)) return OTHER;
  if (Tag_val(field) == Lazy_tag) return LAZY;
  if (Tag_val(field) == 0 && Wosize_val(field) == 1 && Is_long(Field(field, 0))) return NUMBER;
  return OTHER;
}

static value pair(value first, value second)
{
  CAMLparam2(first, second);
  CAMLlocal1(made);
  made = caml_alloc_small(2, 0);
  Field(made, 0) = first;
  Field(made, 1) = second;
  CAMLreturn(made);
}

/* Two lists of fields of module blocks, each with its index: those with lazy values, and those with references to integers.
   The module blocks are static data: the collector leaves them where they are. */
value saddlebag_state(value unit)
{
  CAMLparam1(unit);
  CAMLlocal3(lazies, numbers, field);
  lazies = numbers = Val_emptylist;
  for (value **units = caml_globals; *units != NULL; units++)
    for (value *block = *units; *block != 0; block++) {
      if (Tag_val(*block) != 0) continue;
      for (mlsize_t index = 0; index < Wosize_val(*block); index++) {
        enum kind kind = kind_of(Field(*block, index));
        if (kind == OTHER) continue;
        field = pair(*block, Val_long(index));
        if (kind == LAZY) lazies = pair(field, lazies);
        else numbers = pair(field, numbers);
      }
    }
  CAMLreturn(pair(lazies, numbers));
}

static long microseconds(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

value saddlebag_processor_microseconds(value unit)
{
  (void)unit;
  return Val_long(microseconds(CLOCK_PROCESS_CPUTIME_ID));
}

/* For how long a worker that has answered stays awake. A processor that sleeps takes long to wake, and then finds nothing in
   its caches: together that is a third of what a small unit takes. An application that loads several plugins asks again
   in less than this. */
#define AWAKE_MICROSECONDS 1000

/* Returns when there is something to read, when the other end is closed, or when it has waited for long enough. */
value saddlebag_stay_awake(value unit)
{
  long end = microseconds(CLOCK_MONOTONIC) + AWAKE_MICROSECONDS;
  struct pollfd input = { .fd = 0, .events = POLLIN };
  /* Whoever else has something to do goes first. */
  while (poll(&input, 1, 0) == 0 && microseconds(CLOCK_MONOTONIC) < end) sched_yield();
  return unit;
}

static int measuring = 1;

/* The compiler takes the time and the state of the heap before and after each pass over each function, for -dtimings
   (utils/profile.ml). A worker has no use for these figures, and a large unit has tens of thousands; of a small one they are
   a twelfth of the work. */
value saddlebag_stop_measuring(value unit)
{
  measuring = 0;
  return unit;
}

/* The driver is linked with -Wl,--wrap=getrusage: Sys.time comes here (runtime/sys.c). */
int __real_getrusage(int who, struct rusage *usage);

int __wrap_getrusage(int who, struct rusage *usage)
{
  if (measuring) return __real_getrusage(who, usage);
  memset(usage, 0, sizeof *usage);
  return 0;
}

/* And with -Wl,--wrap=caml_gc_quick_stat: Gc.quick_stat comes here (runtime/gc_ctrl.c). */
value __real_caml_gc_quick_stat(value unit);

value __wrap_caml_gc_quick_stat(value unit)
{
  static value first = Val_unit;
  if (measuring) return __real_caml_gc_quick_stat(unit);
  if (first == Val_unit) {
    first = __real_caml_gc_quick_stat(unit);
    caml_register_generational_global_root(&first);
  }
  return first;
}

/* What Gc.quick_stat gave. */
value saddlebag_quick_stat(value unit)
{
  return __real_caml_gc_quick_stat(unit);
}
