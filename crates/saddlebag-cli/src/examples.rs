//! What `--help` shows at its end: commands that work as they stand.

pub(crate) const SADDLEBAG: &str = "\
Examples:
  saddlebag run hello.ml                    compile hello.ml and run it
  saddlebag run util.ml main.ml -- a b      two files, in this order; a and b are main's arguments
  echo 'print_endline \"hi\"' | saddlebag run -
  saddlebag check --find-dependencies main.ml
  saddlebag build main.ml -o main.cmxs && saddlebag load main.cmxs
  saddlebag embed $(command -v saddlebag) -o standalone
  saddlebag lib query -r yojson";

pub(crate) const RUN: &str = "\
Examples:
  saddlebag run hello.ml
  saddlebag run util.ml main.ml -- a b      two files, in this order; a and b are main's arguments
  saddlebag run --find-dependencies main    main.ml, and what it needs from its folder
  echo 'print_endline \"hi\"' | saddlebag run -
  saddlebag run --require str main.ml
  saddlebag run --cache ~/.cache/plugins hello.ml

Exit status: 0 fine; 1 the sources or the plugin failed; 2 wrong usage; the plugin's own `exit N` is passed through.";

pub(crate) const CHECK: &str = "\
Examples:
  saddlebag check hello.ml
  saddlebag check --strict --find-dependencies main.ml
  saddlebag check --warnings +a-4-70 hello.ml
  saddlebag check --error-format json hello.ml 2> messages.json

Exit status: 0 the compiler has no objections; 1 it has, or something else failed; 2 wrong usage.";

pub(crate) const BUILD: &str = "\
Examples:
  saddlebag build main.ml -o main.cmxs
  saddlebag build --find-dependencies main.ml -o main.cmxs && saddlebag load main.cmxs -- a b

Exit status: 0 OUT is there; 1 the sources failed, and OUT is as it was; 2 wrong usage.";

pub(crate) const LOAD: &str = "\
Examples:
  saddlebag build main.ml -o main.cmxs
  saddlebag load main.cmxs -- a b

Exit status: 0 fine; 1 the file is refused or the plugin failed; 2 wrong usage; the plugin's own `exit N` is passed
through.";

pub(crate) const EMBED: &str = "\
Examples:
  saddlebag embed $(command -v saddlebag) -o standalone
  ./standalone run hello.ml                 on a machine without OCaml
  saddlebag embed $(command -v saddlebag) -o standalone --require yojson,zarith
  saddlebag embed --level 1 target/release/application -o application";

pub(crate) const ARCHIVE: &str = "\
Examples:
  saddlebag archive list standalone
  saddlebag archive metadata --json standalone
  saddlebag archive verify standalone
  saddlebag archive extract standalone -o files
  ./standalone archive clean DIR            the compilers of older versions in DIR go";

pub(crate) const INTERFACE: &str = "\
Examples:
  saddlebag interface application           what plugins of application are checked against
  saddlebag interface application -o plugins
                                            a folder in which editors and dune know the interface
  saddlebag interface pricing.mli -o plugins
  saddlebag embed application --interface pricing.mli -o out && saddlebag interface out Pricing

The application makes the .mli: `Interface::mli` or `Interface::editor_files` of the crate ocaml-runtime.";

pub(crate) const CODES: &str = "\
Examples:
  saddlebag codes
  saddlebag codes --wanted byte,native --json";

pub(crate) const CONF: &str = "\
Examples:
  saddlebag conf
  saddlebag conf --toolchain system --json";

pub(crate) const LIB: &str = "\
Examples:
  saddlebag lib query -r -predicates native -a-format unix
  saddlebag lib find --json unix
  saddlebag lib deps yojson
  saddlebag lib why threads.posix unix";
