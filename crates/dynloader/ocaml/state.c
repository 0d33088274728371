/* What the compile worker (worker.ml) needs of the system and of the runtime. */

#define CAML_NAME_SPACE
#include <stdio.h>
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

/* The module blocks, which are static data: the collector leaves them where they are. */
value saddlebag_modules(value unit)
{
  CAMLparam1(unit);
  CAMLlocal1(modules);
  mlsize_t count = 0;
  for (value **units = caml_globals; *units != NULL; units++)
    for (value *block = *units; *block != 0; block++) count++;
  modules = caml_alloc(count, 0);
  count = 0;
  for (value **units = caml_globals; *units != NULL; units++)
    for (value *block = *units; *block != 0; block++) Store_field(modules, count++, *block);
  CAMLreturn(modules);
}
