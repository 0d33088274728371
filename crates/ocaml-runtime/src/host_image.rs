//! What a host image is made of: its sources, how to build one, and the protocol of plugins.
//!
//! A host image is one shared object for each OCaml toolchain: the OCaml runtime, the whole standard library,
//! `unix`, `threads` and `dynlink`, the module `Saddlebag_host` and one C file. It knows no type of the
//! application. `dynlink` may be in a shared object beside it ([`Recipe::dynlink_apart`]). This crate gives the sources and the steps as data; running the compiler is up to the caller.
//!
//! # Protocol
//!
//! * A plugin is one compiled unit (`.cmxs` or `.cmo`) compiled with `Saddlebag_host`'s `.cmi` in its include
//!   path, and **without** its `.cmx`: else a later image with another body of that module refuses it.
//! * A native plugin is linked so that it needs the image by its soname
//!   (`-ccopt "-Wl,--no-as-needed -L<dir> -l:<soname>"`): images are opened with `RTLD_LOCAL`.
//!   Sonames of images that share a process have to differ.
//! * While it is loaded it calls `Saddlebag_host.register name value`, as often as it likes;
//!   [`Runtime::load`](crate::Runtime::load) gives the pairs in order.
//! * A plugin of a typed [`Interface`](crate::Interface) registers one closure under
//!   [`Interface::registered_name`](crate::Interface::registered_name). Applied to `()`, it runs the plugin's
//!   top level and returns a first-class module of the interface's `S`:
//!
//!   ```ocaml
//!   let () =
//!     Saddlebag_host.register "<registered name>"
//!       (Obj.repr (fun () -> let module M = F () in Obj.repr (module M.Plugin : S)))
//!   ```
//!
//!   or, where the unit's own top level is the plugin's, `Saddlebag_host.register_module "<registered name>" (module P : S)`.
//!   The unit begins with [`Interface::prelude`](crate::Interface::prelude), which declares `S`.
//!   A module is a block of tag 0 with one field for each `val`, in the order of the signature.
//!   [`Module::instantiate`](crate::Module::instantiate) applies the closure and checks that shape.

/// The number that an image and this crate have to agree on; it changes with the C stub's functions and with
/// what `Saddlebag_host` exports.
pub const ABI: i64 = 8;

/// Name of the OCaml module that plugins see.
pub const MODULE: &str = "Saddlebag_host";

/// File name and text of each source.
pub const SOURCES: [(&str, &str); 4] = [
    (
        "saddlebag_host.mli",
        include_str!("../ocaml/saddlebag_host.mli"),
    ),
    (
        "saddlebag_host.ml",
        include_str!("../ocaml/saddlebag_host.ml"),
    ),
    (
        "saddlebag_dynlink.ml",
        include_str!("../ocaml/saddlebag_dynlink.ml"),
    ),
    (
        "saddlebag_stubs.c",
        include_str!("../ocaml/saddlebag_stubs.c"),
    ),
];

/// The compiled interface that plugins are compiled against, left in the build directory by a [`Recipe`].
pub const COMPILED_INTERFACE: &str = "saddlebag_host.cmi";

/// The source that names `Dynlink`.
const DYNLINK_SOURCE: &str = "saddlebag_dynlink.ml";

/// What follows an image's file name in that of the shared object with its `dynlink`.
pub(crate) const DYNLINK_SUFFIX: &str = ".dynlink";

/// OCaml libraries in an image, in link order.
pub const LIBRARIES: [&str; 3] = ["unix", "threads", "dynlink"];

/// The text of this module. It changes whenever a recipe does: for those who would rather not make one to see whether
/// it is still the same.
pub const RECIPES: &str = include_str!("host_image.rs");

/// Which compiler runs a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// `ocamlopt`.
    Native,
    /// `ocamlc`.
    Byte,
}

/// One compiler run, in the directory that holds the [`SOURCES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which compiler.
    pub compiler: Compiler,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// How to build an image: write the [`SOURCES`] to an empty directory, run the steps there in order, keep the
/// output and, for plugins, [`COMPILED_INTERFACE`].
///
/// ```
/// use ocaml_runtime::host_image::Recipe;
///
/// let recipe = Recipe::native("libexample.so");
/// assert_eq!(recipe.output, "libexample.so");
/// let link = recipe.steps.last().unwrap();
/// assert!(link.arguments.iter().any(|argument| argument == "-linkall"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The compiler runs.
    pub steps: Vec<Step>,
    /// The image's file name, which is also its soname.
    pub output: String,
    /// The file name of the shared object with `dynlink`, where that is not in the image. It belongs beside the image.
    pub dynlink: Option<String>,
}

/// From OCaml 5 on `unix` and `dynlink` have directories of their own; a directory that does not exist is
/// skipped.
const INCLUDES: [&str; 6] = ["-I", "+unix", "-I", "+threads", "-I", "+dynlink"];

impl Recipe {
    /// A native image. Needs a C compiler, and the toolchain's position-independent runtime.
    #[must_use]
    pub fn native(soname: &str) -> Recipe {
        Recipe::new(Compiler::Native, soname)
    }

    /// A byte-code image, for machines whose OCaml has no native compiler.
    #[must_use]
    pub fn byte(soname: &str) -> Recipe {
        Recipe::new(Compiler::Byte, soname)
    }

    fn new(compiler: Compiler, soname: &str) -> Recipe {
        let step = |arguments: Vec<&str>| Step {
            compiler,
            arguments: arguments.into_iter().map(str::to_owned).collect(),
        };
        let (extension, output_kind) = match compiler {
            Compiler::Native => ("cmxa", "-output-obj"),
            Compiler::Byte => ("cma", "-output-complete-obj"),
        };
        let libraries = LIBRARIES.map(|library| format!("{library}.{extension}"));
        let soname_flag = format!("-Wl,-soname,{soname}");
        let mut link = vec!["-g"];
        link.extend(INCLUDES);
        // Plugins may use any module of the standard library, and may not bring a second copy.
        link.extend(["-linkall", "-runtime-variant", "_pic", output_kind]);
        // The entry for startup is in an archive and nothing else asks for it.
        link.extend(["-ccopt", "-Wl,-u,caml_startup_exn"]);
        // Nor does the image ask for these, one function of each part of the runtime that libraries alone need
        // (`runtime/meta.c`, `dynlink.c`, `afl.c`): compiler-libs does.
        link.extend(["-ccopt", "-Wl,-u,caml_get_global_data"]);
        link.extend(["-ccopt", "-Wl,-u,caml_dynlink_open_lib"]);
        link.extend(["-ccopt", "-Wl,-u,caml_setup_afl"]);
        if compiler == Compiler::Native {
            // For plugins that are opened without Dynlink.
            link.extend(["-ccopt", "-Wl,-u,caml_natdynlink_open"]);
        }
        // `exit` in a plugin is an error of the call, not the end of the application.
        link.extend(["-ccopt", "-Wl,--wrap=caml_sys_exit", "-ccopt", &soname_flag]);
        // `Thread.exit` likewise is the end of no thread of the application.
        link.extend(["-ccopt", "-Wl,--wrap=caml_thread_exit"]);
        link.extend(["-ccopt", "-Wl,--wrap=caml_thread_new"]);
        // Stack overflows are caught after the startup too.
        link.extend(["-ccopt", "-Wl,--wrap=caml_terminate_signals"]);
        // The symbols of libraries stay out of the application and of other images.
        link.extend(["-ccopt", "-Wl,--wrap=dlopen"]);
        // An exception at the top level of a plugin keeps its backtrace.
        link.extend(["-ccopt", "-Wl,--wrap=caml_raise"]);
        // Without the line tables, which nobody reads; the symbols stay, for debuggers and for plugins.
        link.extend(["-ccopt", "-Wl,-S"]);
        // The image's calls of its own functions go through no table.
        link.extend(["-ccopt", "-Wl,-Bsymbolic"]);
        if compiler == Compiler::Byte {
            link.extend(["-ccopt", "-shared"]);
        }
        link.extend(["-o", soname]);
        link.extend(libraries.iter().map(String::as_str));
        link.extend(["saddlebag_stubs.o", "saddlebag_host.ml", DYNLINK_SOURCE]);
        let mut interface = vec!["-g", "-opaque"];
        interface.extend(INCLUDES);
        interface.extend(["-c", "saddlebag_host.mli"]);
        Recipe {
            steps: vec![
                step(vec!["-ccopt", "-O2 -fPIC", "-c", "saddlebag_stubs.c"]),
                step(interface),
                step(link),
            ],
            output: soname.to_owned(),
            dynlink: None,
        }
    }

    /// The native image with `dynlink` in a shared object of its own, which is opened when it is first needed. For OCaml 4,
    /// whose `dynlink` holds half a compiler: without it an image is started in half the time.
    ///
    /// Units that name `Dynlink` find it after [`Runtime::load`](crate::Runtime::load) has been refused for lack of it;
    /// in a process with several images, for the first of them that is asked.
    #[must_use]
    pub fn dynlink_apart(mut self) -> Recipe {
        let name = format!("{}{DYNLINK_SUFFIX}", self.output);
        let library = "dynlink.cmxa";
        for step in &mut self.steps {
            step.arguments
                .retain(|argument| argument != library && argument != DYNLINK_SOURCE);
        }
        let mut arguments = vec!["-g", "-shared", "-linkall"];
        arguments.extend(INCLUDES);
        // Its units are the image's.
        arguments.extend(["-ccopt", "-Wl,--wrap=caml_natdynlink_getmap"]);
        arguments.extend(["-ccopt", "-Wl,-s", "-ccopt", "-Wl,-Bsymbolic"]);
        arguments.extend(["-o", &name, library, DYNLINK_SOURCE]);
        let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        arguments.extend(self.plugin_link_arguments("."));
        self.steps.push(Step {
            compiler: Compiler::Native,
            arguments,
        });
        self.dynlink = Some(name);
        self
    }

    /// What the linker needs to make a native plugin that finds its image: arguments of `ocamlopt -shared`,
    /// where `directory` holds a file of the image's soname with its symbols.
    #[must_use]
    pub fn plugin_link_arguments(&self, directory: &str) -> [String; 2] {
        let flags = format!("-Wl,--no-as-needed -L{directory} -l:{}", self.output);
        ["-ccopt".to_owned(), flags]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stub_has_this_abi_number() {
        let stub = SOURCES[3].1;
        assert!(stub.contains(&format!("#define SADDLEBAG_ABI {ABI}\n")));
    }

    #[test]
    fn a_byte_code_image_is_one_shared_object_with_its_runtime() {
        let link = Recipe::byte("x.so").steps.pop().unwrap();
        assert_eq!(link.compiler, Compiler::Byte);
        assert!(link.arguments.contains(&"-output-complete-obj".to_owned()));
        assert!(link.arguments.contains(&"unix.cma".to_owned()));
    }
}
