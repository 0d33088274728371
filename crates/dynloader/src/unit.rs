//! The one compilation unit that the sources of a plugin become.
//!
//! The user's text is kept byte for byte between `#` line directives, so that every position the
//! compiler reports is one of the user's files.

use crate::bundle::{Bundle, SourceFile};
use crate::contract::InterfaceText;
use crate::name_table::{GENERATED, NameTable};
use crate::script_head::ScriptHead;

/// How often the top level of a compiled plugin can run, which decides the shape of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Evaluation {
    /// Once, while the file is being loaded. Top-level values are static data, so the code is as fast
    /// as that of a program of its own.
    AtLoad,
    /// Any number of times after loading, each with fresh state. The top level is the body of a
    /// generative functor; its values live in a closure, which costs calls and loops up to twice the time.
    OnDemand,
}

/// What the unit is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) evaluation: Evaluation,
    /// The interface that the last module is checked against.
    pub(crate) interface: &'a InterfaceText,
    /// Whether what no interface exports is hidden, so that the compiler can see what is unused.
    pub(crate) hide_unexported: bool,
    /// Whether values that an `.mli` exports count as unused when no module of the plugin uses them.
    pub(crate) warn_despite_mli: bool,
}

/// A generated unit: texts to be written as `<name>.ml` and `<name>.mli`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: String,
    pub(crate) implementation: Vec<u8>,
    /// How many bytes of it, from its start, only declare types, module types and primitives.
    pub(crate) declarations: usize,
    pub(crate) interface: Option<Vec<u8>>,
    pub(crate) names: NameTable,
}

/// Units of the host image that keep their short names; a plugin's unit must not be called so, nor as one of a library,
/// because `Dynlink` refuses a second unit of a name that the program holds.
const HOST_UNITS: &[&str] = &[
    "CamlinternalFormat",
    "CamlinternalFormatBasics",
    "CamlinternalLazy",
    "CamlinternalMod",
    "CamlinternalOO",
    "CamlinternalAtomic",
    "Condition",
    "Dynlink",
    "Event",
    "Mutex",
    "Saddlebag_dynlink",
    "Saddlebag_host",
    "Semaphore",
    "Std_exit",
    "Stdlib",
    "Thread",
    "ThreadUnix",
    "Unix",
    "UnixLabels",
];

impl Unit {
    /// Builds the unit; `bundles` holds at least one module and the last is the plugin. `is_taken` tells the names of the
    /// libraries' units.
    pub(crate) fn build(
        bundles: &[Bundle],
        shape: Shape<'_>,
        is_taken: impl Fn(&str) -> bool,
    ) -> Unit {
        let free = |name: &str| {
            let mut name = name.to_owned();
            while HOST_UNITS.contains(&name.as_str()) || is_taken(&name) {
                name.push_str("_plugin");
            }
            name
        };
        let mut names = NameTable::new(bundles, Some(&shape.interface.name));
        match bundles {
            [only]
                if shape.is_program()
                    && !(only.interface().is_some() && shape.warn_despite_mli) =>
            {
                let name = free(only.module_name().as_str());
                Unit::program(only, name, shape, names)
            }
            _ => {
                let (implementation, declarations) = Writer {
                    names: &mut names,
                    out: Vec::new(),
                }
                .plugin(bundles, shape);
                let name = free("Plugin");
                names.set_unit(&name);
                // Everything is hidden: the values of a plugin are reached through what it registers.
                Unit {
                    name,
                    implementation,
                    declarations,
                    interface: Some(Vec::new()),
                    names,
                }
            }
        }
    }

    /// A plugin that is one file, run for its effects, is compiled as it stands: it is typed, named
    /// and optimised just as the compiler alone would do it.
    fn program(bundle: &Bundle, name: String, shape: Shape<'_>, mut names: NameTable) -> Unit {
        names.set_unit(&name);
        let mut text = |file: &SourceFile| readable_text(&mut names, file.path(), file.contents());
        let implementation = text(bundle.implementation());
        let interface = match bundle.interface() {
            Some(file) => Some(text(file)),
            None => shape.hide_unexported.then(Vec::new),
        };
        Unit {
            name,
            implementation,
            declarations: 0,
            interface,
            names,
        }
    }
}

impl Shape<'_> {
    fn is_program(&self) -> bool {
        self.interface.prelude.is_empty() && self.evaluation == Evaluation::AtLoad
    }
}

struct Writer<'a> {
    names: &'a mut NameTable,
    out: Vec<u8>,
}

impl Writer<'_> {
    /// The text, and how much of it only declares.
    fn plugin(mut self, bundles: &[Bundle], shape: Shape<'_>) -> (Vec<u8>, usize) {
        let main = bundles.last().expect("a plugin has a module").module_name();
        self.directive(GENERATED, 1);
        let interface = "Saddlebag_interface";
        match shape.interface.prelude.as_str() {
            "" => self.text(&format!("module type {interface} = sig end\n")),
            prelude => {
                // What an interface offers is not the plugin's to use up.
                self.text("include struct [@@@ocaml.warning \"-a\"]\n");
                self.text(prelude);
                // The user's text may define another `S`.
                self.text(&format!("\nmodule type {interface} = S\nend\n"));
            }
        }
        // Bound before the user's text, which may define modules of the same names. As primitives of `Saddlebag_host`,
        // they need no code of the plugin's own, and no interface that has to be read.
        let delayed = shape.evaluation == Evaluation::OnDemand;
        let primitive = match delayed {
            true => "saddlebag_register",
            false => "saddlebag_register_module",
        };
        self.text(&format!(
            "external saddlebag_register : string -> 'a -> unit = \"{primitive}\"\n"
        ));
        let declarations = self.out.len();
        if delayed {
            self.directive(GENERATED, 1);
            self.text(&format!(
                "module Saddlebag_plugin () : sig module {main} : {interface} end = struct\n"
            ));
        }
        for bundle in bundles {
            self.bundle(bundle, shape.warn_despite_mli);
        }
        self.directive(GENERATED, 1);
        let registered = &shape.interface.registered_name;
        if delayed {
            self.text(&format!(
                "end\nlet () = saddlebag_register {registered:?} (fun () ->\n  \
                 let module P = Saddlebag_plugin () in (module P.{main} : {interface}))\n"
            ));
        } else {
            self.text(&format!(
                "let () = saddlebag_register {registered:?} (module {main} : {interface})\n"
            ));
        }
        (self.out, declarations)
    }

    fn bundle(&mut self, bundle: &Bundle, warn_despite_mli: bool) {
        let module = bundle.module_name();
        let header = bundle.implementation();
        let constraint = match bundle.interface() {
            None => String::new(),
            Some(interface) => {
                self.heading(interface, &format!("module type Saddlebag_{module} = sig"));
                self.source(interface);
                self.text("end\n");
                format!(" : Saddlebag_{module}")
            }
        };
        self.heading(header, &format!("module {module}{constraint} = struct"));
        self.source(header);
        self.text("end\n");
        if !constraint.is_empty() && !warn_despite_mli {
            self.directive(GENERATED, 1);
            self.text(&format!("let _ = (module {module}{constraint})\n"));
        }
    }

    /// A generated line whose messages (an unused module, a signature that does not fit) belong to `file`.
    fn heading(&mut self, file: &SourceFile, line: &str) {
        let name = self.names.module_line_name(file.path());
        self.directive(&name, 1);
        self.text(line);
        self.text("\n");
    }

    fn source(&mut self, file: &SourceFile) {
        let text = readable_text(self.names, file.path(), file.contents());
        self.out.extend_from_slice(&text);
    }

    fn directive(&mut self, name: &str, line: u32) {
        self.text(&format!("# {line} \"{name}\"\n"));
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// The text of a source, preceded by a directive with its name and without the head of a script.
pub(crate) fn readable_text(
    names: &mut NameTable,
    path: &std::path::Path,
    contents: &[u8],
) -> Vec<u8> {
    let mut text = format!("# 1 \"{}\"\n", names.directive_name(path, contents)).into_bytes();
    let start = text.len();
    text.extend_from_slice(contents);
    ScriptHead::read(contents).blank(&mut text[start..]);
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests;
