/* What the compile worker (worker.ml) needs of the system and of the runtime. */

#define CAML_NAME_SPACE
#include <stdio.h>
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

/* What tells one state of the file from another; an empty string when the next state may look the same. */
value saddlebag_stamp(value path)
{
  CAMLparam1(path);
  char text[160];
  struct stat status;
  if (stat(String_val(path), &status) != 0)
    CAMLreturn(caml_copy_string("missing"));
  if (time(NULL) - status.st_mtime <= YOUNG_SECONDS || time(NULL) - status.st_ctime <= YOUNG_SECONDS)
    CAMLreturn(caml_copy_string(""));
  snprintf(text, sizeof text, "%llu %llu %lld %lld.%09ld %lld.%09ld", (unsigned long long)status.st_dev,
           (unsigned long long)status.st_ino, (long long)status.st_size, (long long)status.st_mtim.tv_sec,
           (long)status.st_mtim.tv_nsec, (long long)status.st_ctim.tv_sec, (long)status.st_ctim.tv_nsec);
  CAMLreturn(caml_copy_string(text));
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

value saddlebag_processor_microseconds(value unit)
{
  struct timespec time;
  (void)unit;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return Val_long(time.tv_sec * 1000000L + time.tv_nsec / 1000);
}

static int measuring = 1;

/* The compiler takes the time before and after each pass over each function, for -dtimings (utils/profile.ml). A worker has
   no use for these figures, and a large unit has tens of thousands. */
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
