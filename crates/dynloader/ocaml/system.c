/* system(3) without a shell.
   The compilers start the assembler and the linker through Sys.command, which calls system(), which needs
   /bin/sh. The driver is linked with -Wl,--wrap=system, so that this function runs instead: it splits the
   command as a POSIX shell would (blanks, '...', "...", backslash), refuses every other piece of shell
   grammar, and starts the program directly.

   The linker is started without a C compiler in front of it, and gets its options without `-Wl,`.

   A program named without a slash is looked for in the directory SADDLEBAG_TOOLS first, then in PATH.
   One that is found in that directory, which the assembler is, gets the words of SADDLEBAG_TOOLS_ARGUMENTS before its
   own arguments: llvm-mc must be told what GNU as does by itself.
   Programs are started with LD_LIBRARY_PATH set to SADDLEBAG_TOOLS_LIBRARY_PATH where that is set: the tools
   carried in an archive bring their own libraries, which nothing else may see.

   The result is a wait status as system(3) gives it; 127 as exit status means that the program could not be
   started, and the reason is on standard error. */

#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Exit status 127 in the form of wait(2): POSIX, system(). */
#define NOT_STARTED (127 << 8)

/* Splits command into words, in place in `words` and `text`. Returns the number of words, or -1 for a piece
   of shell grammar that is not handled. `text` has room for strlen(command) + 1 bytes, `words` for as many
   pointers as there can be words, and the final NULL. */
static int split(const char *command, char *text, char **words)
{
  int count = 0;
  const char *p = command;
  char *out = text;
  for (;;) {
    while (*p == ' ' || *p == '\t' || *p == '\n') p++;
    if (*p == 0) break;
    words[count++] = out;
    while (*p != 0 && *p != ' ' && *p != '\t' && *p != '\n') {
      if (*p == '\'') {
        for (p++; *p != '\''; p++) {
          if (*p == 0) return -1;
          *out++ = *p;
        }
        p++;
      } else if (*p == '"') {
        for (p++; *p != '"'; p++) {
          if (*p == 0 || *p == '$' || *p == '`') return -1;
          if (*p == '\\' && (p[1] == '"' || p[1] == '\\' || p[1] == '$' || p[1] == '`')) p++;
          *out++ = *p;
        }
        p++;
      } else if (*p == '\\') {
        if (p[1] == 0) return -1;
        *out++ = p[1];
        p += 2;
      } else if (strchr("$`|&;<>()*?[]#~{}!", *p) != NULL) {
        return -1;
      } else {
        *out++ = *p++;
      }
    }
    *out++ = 0;
  }
  words[count] = NULL;
  return count;
}

/* The environment of the tools: ours, with LD_LIBRARY_PATH replaced. NULL when there is no memory. */
static char **tool_environment(const char *library_path)
{
  static const char name[] = "LD_LIBRARY_PATH=";
  size_t count = 0, kept = 0;
  char **result, *entry;
  while (environ[count] != NULL) count++;
  result = malloc((count + 2) * sizeof(char *));
  entry = malloc(sizeof name + strlen(library_path));
  if (result == NULL || entry == NULL) { free(result); free(entry); return NULL; }
  strcpy(entry, name);
  strcat(entry, library_path);
  for (size_t i = 0; i < count; i++)
    if (strncmp(environ[i], name, sizeof name - 1) != 0) result[kept++] = environ[i];
  result[kept++] = entry;
  result[kept] = NULL;
  return result;
}

/* Whether `word` of a linker's command says how, and not what, to link: -ffunction-sections goes with the compiler's flag of
   that name. */
static int is_ignored(const char *word)
{
  return strcmp(word, "-shared") == 0 || strncmp(word, "-L", 2) == 0 || strncmp(word, "-f", 2) == 0;
}

static int is_object(const char *word)
{
  const char *dot = strrchr(word, '.');
  return word[0] != '-' && dot != NULL && strcmp(dot, ".o") == 0;
}

/* The "linker" of SADDLEBAG_ASSEMBLER=text: the texts of all objects into the output, for the application to assemble and
   link. Each is preceded by a line with its length and its name. Anything but objects is for a real linker: the output then
   is a line that names it. */
static int collect(char **words)
{
  const char *output = NULL, *file;
  FILE *out, *in;
  char buffer[65536];
  size_t got;
  for (int i = 1; words[i] != NULL; i++)
    if (strcmp(words[i], "-o") == 0) output = words[++i];
  file = output != NULL ? output : "no output";
  if (output == NULL || (out = fopen(output, "wb")) == NULL) goto failed;
  fprintf(out, "saddlebag-assembly 2\n");
  for (int i = 1; words[i] != NULL; i++) {
    if (strcmp(words[i], "-o") == 0) { i++; continue; }
    if (is_ignored(words[i]) || is_object(words[i])) continue;
    fprintf(out, "linker %s\n", words[i]);
    goto written;
  }
  for (int i = 1; words[i] != NULL; i++) {
    if (strcmp(words[i], "-o") == 0) { i++; continue; }
    if (is_ignored(words[i])) continue;
    file = words[i];
    if ((in = fopen(file, "rb")) == NULL) goto failed;
    fseek(in, 0, SEEK_END);
    fprintf(out, "%ld %s\n", ftell(in), words[i]);
    rewind(in);
    while ((got = fread(buffer, 1, sizeof buffer, in)) > 0) fwrite(buffer, 1, got, out);
    if (ferror(in)) goto failed;
    fclose(in);
  }
  file = output;
written:
  if (ferror(out) | fclose(out)) goto failed;
  return 0;
failed:
  fprintf(stderr, "saddlebag driver: cannot collect the assembly: %s: %s\n", file, strerror(errno));
  return 1 << 8;
}

/* `words` with the blank-separated words of `arguments` after the first. NULL when there is no memory. */
static char **with_arguments(char **words, const char *arguments)
{
  size_t count = 0, added = 0;
  char *text = strdup(arguments), **result;
  while (words[count] != NULL) count++;
  result = malloc((count + strlen(arguments) / 2 + 2) * sizeof(char *));
  if (text == NULL || result == NULL) return NULL;
  result[0] = words[0];
  for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) result[++added] = word;
  for (size_t i = 1; i <= count; i++) result[added + i] = words[i];
  return result;
}

/* Options for a C compiler to hand to its linker, which archives may name, in the form for the linker itself: `-Wl,a,b` is `a b`.
   There is room for as many words as the command has characters. */
static void spell_for_linker(char **words)
{
  const char *name = strrchr(words[0], '/');
  size_t length = strlen(name = name == NULL ? words[0] : name + 1);
  if (length < 2 || strcmp(name + length - 2, "ld") != 0) return;
  for (int i = 1; words[i] != NULL; i++) {
    char *comma, *word = words[i];
    int count = 0;
    if (strncmp(word, "-Wl,", 4) != 0) continue;
    words[i] = word += 4;
    while ((comma = strchr(word, ',')) != NULL) {
      *comma = 0;
      word = comma + 1;
      for (count = i; words[count] != NULL; count++) continue;
      for (; count > i; count--) words[count + 1] = words[count];
      words[++i] = word;
    }
  }
}

static int run(char **words)
{
  const char *arguments = getenv("SADDLEBAG_TOOLS_ARGUMENTS");
  const char *tools = getenv("SADDLEBAG_TOOLS");
  const char *library_path = getenv("SADDLEBAG_TOOLS_LIBRARY_PATH");
  char **environment = environ;
  char *program = words[0];
  int error, status;
  pid_t child;

  if (strcmp(program, "saddlebag-collect") == 0) return collect(words);
  spell_for_linker(words);
  if (tools != NULL && *tools != 0 && strchr(program, '/') == NULL) {
    char *candidate = malloc(strlen(tools) + strlen(program) + 2);
    if (candidate == NULL) return NOT_STARTED;
    sprintf(candidate, "%s/%s", tools, program);
    if (access(candidate, X_OK) == 0) {
      program = candidate;
      if (arguments != NULL && *arguments != 0 && (words = with_arguments(words, arguments)) == NULL)
        return NOT_STARTED;
    } else {
      free(candidate);
    }
  }
  if (library_path != NULL && *library_path != 0) {
    environment = tool_environment(library_path);
    if (environment == NULL) return NOT_STARTED;
  }
  error = posix_spawnp(&child, program, NULL, NULL, words, environment);
  if (error != 0) {
    fprintf(stderr, "cannot start %s: %s\n", program, strerror(error));
    if (tools == NULL)
      fprintf(stderr, "this compiler came without an assembler and a linker (`saddlebag embed --with-binutils` carries them)\n");
    return NOT_STARTED;
  }
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}

int __wrap_system(const char *command)
{
  size_t length;
  char *text, **words;
  int count, status;
  if (command == NULL) return 1; /* "a command processor is available" */
  length = strlen(command);
  text = malloc(length + 1);
  words = malloc((length + 2) * sizeof(char *));
  if (text == NULL || words == NULL) { free(text); free(words); return -1; }
  count = split(command, text, words);
  if (count <= 0) {
    fprintf(stderr, "cannot run this command without a shell: %s\n", command);
    status = NOT_STARTED;
  } else {
    status = run(words);
  }
  free(text);
  free(words);
  return status;
}

/* In a process with the rights of another user than its caller's, Sys.getenv sees nothing (secure_getenv(3)). The driver's caller
   is the application, which says where the standard library is (OCAMLLIB), and has taken away what its own caller may have
   to say to compilers. The driver is linked with -Wl,--wrap=secure_getenv. */
char *__wrap_secure_getenv(const char *name)
{
  return getenv(name);
}
