/* The hand-made minimum that a cached start is compared with: open the host image, start OCaml, load one plugin with Dynlink. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef intptr_t value;

int main(int argc, char **argv)
{
  if (argc != 3) return 2;
  void *image = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (image == NULL) { fprintf(stderr, "%s\n", dlerror()); return 1; }
  value (*startup)(char **) = (value (*)(char **))dlsym(image, "caml_startup_exn");
  const value *(*named)(const char *) = (const value *(*)(const char *))dlsym(image, "caml_named_value");
  value (*copy)(const char *) = (value (*)(const char *))dlsym(image, "caml_copy_string");
  value (*call)(value, value) = (value (*)(value, value))dlsym(image, "caml_callback_exn");
  char *arguments[] = {argv[0], NULL};
  if ((startup(arguments) & 3) == 2) return 1;
  char dynlink[4096];
  snprintf(dynlink, sizeof dynlink, "%s.dynlink", argv[1]);
  if ((call(*named("saddlebag.open_dynlink"), copy(dynlink)) & 3) == 2) return 1;
  if ((call(*named("saddlebag.load"), copy(argv[2])) & 3) == 2) return 1;
  call(*named("saddlebag.flush"), 1);
  return 0;
}
