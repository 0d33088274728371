/* The driver as a server: compilers without the price of starting them.
   The process waits for requests on standard input. For each it forks; the child is a compiler that has just started, with
   its code mapped and its runtime initialised, and does what a process of its own would do: nothing of one compilation
   can reach another, memory does not grow, and a crash is the child's alone.

   Request:  u32 length of the rest, then NUL-terminated strings: the number of arguments, the arguments (the program's
             name first), the working directory, the file for standard output, the file for standard error, and changes to
             the environment, NAME=VALUE or NAME to remove it.
   Answer:   u32, the child's status as waitpid(2) gives it.
   Numbers are in the machine's byte order: both ends run on it. The end of standard input ends the server. */

#define CAML_NAME_SPACE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <caml/alloc.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>

/* The first bytes that the server writes, so that both ends know that they speak of the same thing. */
#define GREETING 0x31425344u /* "DSB1" */

/* More than any command line that the system would take. */
#define MAX_REQUEST (64u << 20)

/* What OCaml 5 wants to be called in a child (otherlibs/unix/fork.c); not there in OCaml 4. */
extern void (*caml_atfork_hook)(void) __attribute__((weak));

/* Reads exactly `length` bytes; 0 at the end of the input, -1 on failure. */
static int read_all(void *buffer, size_t length)
{
  char *p = buffer;
  while (length > 0) {
    ssize_t got = read(0, p, length);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    p += got;
    length -= (size_t)got;
  }
  return 1;
}

static int write_all(const void *buffer, size_t length)
{
  const char *p = buffer;
  while (length > 0) {
    ssize_t put = write(1, p, length);
    if (put < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    p += put;
    length -= (size_t)put;
  }
  return 0;
}

/* The next string of the request, or NULL when it is at its end. */
static char *next(char **at, char *end)
{
  char *text = *at;
  size_t length;
  if (text >= end) return NULL;
  length = strnlen(text, (size_t)(end - text));
  if (text + length >= end) return NULL; /* not terminated */
  *at = text + length + 1;
  return text;
}

static void die(const char *what)
{
  fprintf(stderr, "saddlebag driver: %s: %s\n", what, strerror(errno));
  _exit(127);
}

static void redirect(int descriptor, const char *path)
{
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) die(path);
}

/* An input that is at its end: there may be no /dev/null. */
static void close_input(void)
{
  int ends[2];
  if (pipe(ends) < 0 || dup2(ends[0], 0) < 0) die("pipe");
  close(ends[0]);
  close(ends[1]);
}

/* Makes this process what the request asks for. Returns the arguments. */
static value become(char *at, char *end, int count)
{
  CAMLparam0();
  CAMLlocal2(arguments, text);
  char *directory, *output, *error, *change;
  arguments = caml_alloc((mlsize_t)count, 0);
  for (int i = 0; i < count; i++) {
    text = caml_copy_string(next(&at, end));
    Store_field(arguments, i, text);
  }
  directory = next(&at, end);
  output = next(&at, end);
  error = next(&at, end);
  if (error == NULL) { errno = EPROTO; die("request"); }
  redirect(2, error);
  redirect(1, output);
  close_input();
  if (chdir(directory) < 0) die(directory);
  while ((change = next(&at, end)) != NULL) {
    /* putenv keeps the string: the request is never freed in a child. */
    if (strchr(change, '=') != NULL) putenv(change);
    else unsetenv(change);
  }
  CAMLreturn(arguments);
}

/* Whether the request has a number and as many arguments, three paths behind them. */
static int arguments_of(char **at, char *end)
{
  char *number = next(at, end), *scan;
  int count;
  if (number == NULL) return -1;
  count = atoi(number);
  if (count < 1) return -1;
  scan = *at;
  for (int i = 0; i < count + 3; i++)
    if (next(&scan, end) == NULL) return -1;
  return count;
}

value saddlebag_serve(value unit)
{
  uint32_t word = GREETING;
  (void)unit;
  if (write_all(&word, sizeof word) < 0) _exit(1);
  for (;;) {
    uint32_t length;
    char *request, *at, *end;
    int count, status;
    pid_t child;
    if (read_all(&length, sizeof length) <= 0) _exit(0);
    if (length == 0 || length > MAX_REQUEST || (request = malloc(length)) == NULL) _exit(1);
    if (read_all(request, length) <= 0) _exit(1);
    at = request;
    end = request + length;
    count = arguments_of(&at, end);
    if (count < 0) _exit(1);
    child = fork();
    if (child == 0) {
      if (&caml_atfork_hook != NULL && caml_atfork_hook != NULL) caml_atfork_hook();
      return become(at, end, count);
    }
    free(request);
    if (child < 0) _exit(1);
    while (waitpid(child, &status, 0) < 0)
      if (errno != EINTR) _exit(1);
    word = (uint32_t)status;
    if (write_all(&word, sizeof word) < 0) _exit(1);
  }
}
