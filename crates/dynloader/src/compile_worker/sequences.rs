//! Units in an order that nobody chose: one worker says of each what a worker that has just started says.

use std::collections::HashMap;

use super::programs::program;
use super::tests::{Bench, bench, count, functions};
use super::*;
use crate::compile::Goal;

/// Units that leave something behind in the compiler, or that show what others have left: states of warnings and alerts, names
/// and levels of types, modules that were read, tables of attributes, an interrupted lexer, type checker or class.
const SUSPECTS: &[&str] = &[
    // Warnings and alerts.
    "let f x = match x with 1 -> 2",
    "[@@@ocaml.warning \"-a\"]\nlet f x = match x with 1 -> 2",
    "[@@@ocaml.warning \"@8\"]\nlet f x = match x with 1 -> 2",
    "[@@@ocaml.warnerror \"+a\"]\nlet f x = let y = 1 in x",
    "[@@@ocaml.alert \"-deprecated\"]\nmodule M : sig val f : int [@@deprecated \"old\"] end = struct let f = 1 end\nlet _ = M.f",
    "module M : sig val f : int [@@deprecated \"old\"] [@@alert slow \"very\"] end = struct let f = 1 end\nlet _ = M.f",
    "[@@@ocaml.alert \"++slow\"]\nmodule M : sig val f : int [@@alert slow \"very\"] end = struct let f = 1 end\nlet _ = M.f",
    "let f x = let y = 1 in let open List in let rec z = 2 in x; 3",
    "open! Printf\nopen Buffer\nlet length = 3\nlet _ = String.(length \"\")",
    "let f () = exit 1; 2",
    "(** a *) (** b *) let x = 1 (** c *)\n(** d *)\n(** e *)",
    "let rec f x = 1 + (f [@tailcall]) x",
    "let[@inline never] f x = x\nlet g x = (f [@inlined]) x",
    "let x = 1 [@@inline]",
    "type t = int [@@inline] [@@unrolled 3]",
    "type t = int [@@inline]\nlet x : t = \"\"",
    "let x = (1 [@unrolled 3] [@tailcall])\nlet y = (",
    "[@@@ocaml.ppx.context { load_path = []; open_modules = [\"Nothing\"] }]\nlet x = 1",
    // Types that get names, levels and stamps.
    "type t = T : 'a * ('a -> int) -> t\nlet f (T (x, g)) = x + g x",
    "type _ t = I : int t | S : string t\nlet f (type a) (x : a t) : a = match x with I -> \"\" | S -> 1",
    EQUATIONS[0],
    EQUATIONS[1],
    "type e = E : 'a * 'b * ('a -> 'b -> unit) -> e\nlet f = function E (a, b, g) -> g b a",
    "let x = let module M = struct type t = A end in M.A",
    "let f (type a) (x : a) = x\nlet g = let module M = struct type t = A let f () = A end in M.f ()",
    "let rec f : 'a. 'a -> 'a = fun x -> x + 1",
    "let x = ref []\nlet () = x := [ 1 ]",
    "let x = ref []",
    "let f x = (x : 'a :> 'b)\nlet g : 'a -> 'b = fun x -> x ^ 1",
    "type t = A\ntype t = B\nlet f A = 1",
    "type t = { mutable x : int }\nlet f r = r.y",
    "type a = { x : int }\ntype b = { x : int; y : int }\nlet f r = r.x + (r : a).x\nlet g r = ignore r.y; { r with x = 1 }",
    "type +'a t = T of ('a -> unit)",
    "type t = t",
    "let rec x = x",
    "let f = function `A -> 1 | `B -> 2\nlet _ = f `C",
    "let f x = x#m\nlet () = f (object method n = 1 end)",
    "class c = object (self : 'a) method m : 'a = self method n = self#o end",
    "class virtual c = object method virtual m : int end\nlet x = new c",
    "class ['a] c (x : 'a) = object val y = x method m = y end\nclass d = object inherit [int] c 1 method p = \"\" end\nlet _ = (new d)#q",
    "class c = let x = 1 in object method m = x initializer print_int x; y end",
    "module F (X : sig type t end) = struct let x : X.t = 1 end",
    "module type S = sig type t = int val x : t end\nmodule M : S = struct type t = string let x = \"\" end",
    "module rec A : sig type t val x : t end = struct type t = B.t let x = B.y end and B : sig type t val y : t end = struct type t = int let y = 1 end\nlet _ = A.x + 1",
    "module type S = sig val x : int end\nlet f (module M : S) = M.x\nlet _ = f (module struct let x = \"\" end)",
    "let f ?x y = y\nlet g = f 1 2",
    "let () = Printf.printf \"%d %s\" 1",
    "external f : int -> int = \"%nosuch\"",
    "external g : float -> (float [@unboxed]) = \"a\" \"b\" [@@noalloc]\nlet _ = g 1.",
    "let x = [%foo]",
    // A lexer or parser that was left in the middle.
    "let x = (* \" *",
    "let x = {a|",
    "let x = \"\\q",
    "let x = 1 in module let",
    "let f = function | 1 -> begin match",
    // Modules that are read, and names that are near them.
    "let x : Parsetree.structure = []",
    "let _ = Parsetre.x",
    "let _ = Unix.getpid ()",
    "let _ = Unx.getpid ()",
    "let _ = Asttypes.Nolabel",
    "let _ = Asttype.Nolabel",
    "let _ = Misc.fatal_error",
    "let _ = Mis.fatal_error \"\"\nlet _ = Hashtbl.length",
    "module X = Nowhere\nlet x = 1",
    "module X = Nowhere\nlet x = X.y",
    "open Lst",
    "let _ = Domain.self ()",
    "let _ = Plugin.x",
    "let _ = Alpha.nothing",
    "let nothing = ()\nlet length = List.length",
    // What the back end counts and keeps.
    "let f (lazy x) = x\nlet y = lazy (print_string \"\")",
    "let f g = try g () with e -> print_string \"\"; raise e\nlet h () = assert false",
    "let a = [| 1.5; 2.5 |]\nlet f x = x *. 3.25 +. a.(0)\nlet s = \"a string\"\nlet n = 0x123456789aL",
    "let f = function 0 -> 1 | 1 -> 7 | 2 -> 3 | 3 -> 9 | 4 -> 0 | n -> n\nlet g = function \"a\" -> 1 | \"bb\" -> 2 | _ -> 0",
    "let rec f x y z t = if x = 0 then y else g (x - 1) y z t and g x y z t = f x (y + z) t\nlet h = f 1 2 3",
];

/// A unit that is refused among equations of types, and one that is then refused too unless the type checker forgets them.
const EQUATIONS: [&str; 2] = [
    "type _ p = P : ('a * 'b) p\nlet f : type t. t p -> _ = function P -> let module M = struct type d = d * d end in ()",
    "type 'p pair = 'a * 'b constraint 'p = < left : 'a; right : 'b >\n\
     let swap : 'l 'r. < left : 'l; right : 'r > pair -> < left : 'r; right : 'l > pair = fun (x, y) -> (y, x)",
];

/// What a unit may be called, and the interface that it has.
const UNITS: &[(&str, Option<&str>)] = &[
    ("Plugin", Some("")),
    ("Plugin", None),
    ("Alpha", None),
    ("Alpha", Some("val nothing : unit\n")),
    (
        "Alpha",
        Some("val nothing : unit\nval length : 'a list -> int\n"),
    ),
    ("Alpha", Some("val nothing : missing\n")),
    ("Alpha", Some("open List\nval nothing : unit\n")),
    ("Alpha", Some("val nothing : (\n")),
];

/// What units of plugins begin with.
const DECLARATIONS: &[&str] = &[
    "",
    "module type Saddlebag_interface = sig end\n",
    "include struct [@@@ocaml.warning \"-a\"]\ntype shape = Circle of float | Square\nmodule type S = sig end\nmodule type Saddlebag_interface = S\nend\n",
    "include struct [@@@ocaml.warning \"-a\"]\ntype a = int [@@deprecated]\ntype b = a [@@inline]\ntype c = { x : int; y : a }\nend\n",
    "include struct [@@@ocaml.warning \"-a\"]\ntype a = int [@@alert slow \"very\"]\ntype b = B of a\nend\n",
    "type wrong = missing\n",
    "type wrong = (\n",
    "let x = List.length\n",
];

/// A unit, and what is to be done with it.
#[derive(Debug, Clone)]
struct Step {
    goal: Goal,
    name: &'static str,
    interface: Option<&'static str>,
    declarations: &'static str,
    text: String,
}

impl Step {
    fn ask(&self, bench: &Bench) -> Option<Answer> {
        let text = match self.declarations {
            "" => self.text.clone(),
            declarations => format!("{declarations}# 1 \"plugin.ml\"\n{}", self.text),
        };
        bench.answer_to(Request {
            goal: self.goal,
            name: self.name,
            implementation: text.as_bytes(),
            declarations: self.declarations.len(),
            interface: self.interface.map(str::as_bytes),
        })
    }
}

/// Numbers that nobody chose, the same in each run.
struct Chance(u32);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % limit
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Several steps with one name and interface, which is what an environment is kept for.
fn run_of_steps(chance: &mut Chance) -> Vec<Step> {
    let (name, interface) = match chance.below(2) {
        0 => UNITS[0],
        _ => *chance.of(UNITS),
    };
    let exact = chance.below(4) == 0;
    let length = 1 + chance.below(6);
    let steps = (0..length).map(|_| {
        let goal = match chance.below(8) {
            0 => Goal::Load,
            _ if exact => Goal::Load,
            1..5 => Goal::Check,
            _ => Goal::LoadHere,
        };
        let declarations = match interface {
            Some("") if chance.below(3) > 0 => *chance.of(DECLARATIONS),
            _ => "",
        };
        let text = match chance.below(8) {
            0 => program(u32::try_from(chance.below(20)).expect("small")),
            _ => (*chance.of(SUSPECTS)).to_owned(),
        };
        Step {
            goal,
            name,
            interface,
            declarations,
            text,
        }
    });
    steps.collect()
}

/// What can be seen of an answer. Code that nobody keeps is the same but for numbers in symbols.
fn seen(step: &Step, answer: &Answer) -> (Outcome, String, Vec<String>) {
    let said = String::from_utf8_lossy(&answer.messages).into_owned();
    let code = match step.goal {
        Goal::LoadHere => {
            let functions = answer.assembly.iter().flat_map(|text| functions(text));
            functions.map(|function| format!("{function:?}")).collect()
        }
        _ => answer.assembly.clone(),
    };
    (answer.outcome, said, code)
}

/// One worker beside workers that have seen nothing before.
struct Comparison {
    bench: Bench,
    fresh: Bench,
    known: HashMap<String, Option<Answer>>,
    before: Vec<Step>,
    unsure: usize,
}

impl Comparison {
    fn new(flags: &[&str]) -> Option<Comparison> {
        Some(Comparison {
            bench: bench(flags)?,
            fresh: bench(flags)?,
            known: HashMap::new(),
            before: Vec::new(),
            unsure: 0,
        })
    }

    /// Takes the step, and gives what is said of it if no compiler that starts is to be asked.
    fn take(&mut self, step: Step) -> Option<String> {
        let found = step.ask(&self.bench);
        let expected = self.known.entry(format!("{step:?}")).or_insert_with(|| {
            self.fresh.start_anew();
            step.ask(&self.fresh)
        });
        let said = match (found, expected) {
            (Some(found), Some(expected)) => {
                let last = &self.before[self.before.len().saturating_sub(4)..];
                let found = seen(&step, &found);
                assert_eq!(found, seen(&step, expected), "{step:#?}\nafter {last:#?}");
                Some(found.1)
            }
            (None, _) => {
                self.unsure += 1;
                None
            }
            (Some(found), None) => panic!("{step:#?}: {found:?}"),
        };
        self.before.push(step);
        said
    }
}

fn compare(flags: &[&str], seed: u32) {
    let Some(mut comparison) = Comparison::new(flags) else {
        return;
    };
    let mut chance = Chance(seed);
    while comparison.before.len() < count("COMPILE_WORKER_PROGRAMS", 36) as usize {
        for step in run_of_steps(&mut chance) {
            comparison.take(step);
        }
    }
    let (steps, unsure) = (comparison.before.len(), comparison.unsure);
    println!("{steps} steps, of which {unsure} are for a compiler that starts");
    assert!(steps > 4 * unsure, "{steps} {unsure}");
}

const FLAGS: &[&str] = &[
    "-g",
    "-error-style",
    "short",
    "-color",
    "never",
    "-I",
    "+compiler-libs",
];

#[test]
fn a_worker_says_of_each_unit_what_one_says_that_has_seen_no_other() {
    compare(FLAGS, 1);
}

#[test]
fn so_it_does_whatever_it_warns_of() {
    compare(&[FLAGS, &["-w", "+a-4-70", "-alert", "++slow"]].concat(), 2);
}

#[test]
fn so_it_does_where_warnings_are_errors() {
    let flags = [
        "-principal",
        "-strict-sequence",
        "-w",
        "+a-4-9-70",
        "-warn-error",
        "+a-32",
    ];
    compare(&[FLAGS, &flags].concat(), 3);
}

/// Takes the texts for each goal, for a plugin that begins with the declarations; gives what is said of each, whatever the
/// goal.
fn again(flags: &[&str], declarations: &'static str, texts: &[&str]) -> Vec<String> {
    let Some(mut comparison) = Comparison::new(flags) else {
        return Vec::new();
    };
    let mut last: Option<Vec<String>> = None;
    for goal in [Goal::Load, Goal::Check, Goal::LoadHere, Goal::Check] {
        let steps = texts.iter().map(|text| Step {
            goal,
            name: "Plugin",
            interface: Some(""),
            declarations,
            text: (*text).to_owned(),
        });
        let said = steps.map(|step| comparison.take(step).expect("an answer"));
        let said: Vec<String> = said.collect();
        if let Some(last) = last {
            assert_eq!(said, last, "{goal:?}");
        }
        last = Some(said);
    }
    last.unwrap_or_default()
}

#[test]
fn an_interface_that_is_refused_is_refused_again() {
    let Some(mut comparison) = Comparison::new(FLAGS) else {
        return;
    };
    for goal in [Goal::Load, Goal::Check, Goal::LoadHere, Goal::Load] {
        for interface in [
            "val x : missing",
            "val x : missing",
            "val x : int",
            "val x : (",
            "val x : (",
            "val x : string",
        ] {
            let said = comparison.take(Step {
                goal,
                name: "Plugin",
                interface: Some(interface),
                declarations: "",
                text: "let x = 1".to_owned(),
            });
            let said = said.expect("an answer");
            let is_wrong = ["val x : missing", "val x : ("].contains(&interface);
            assert_eq!(said.starts_with("File \"Plugin.mli\""), is_wrong, "{said}");
            assert_eq!(said.is_empty(), interface == "val x : int", "{said}");
        }
    }
}

#[test]
fn modules_that_other_units_read_are_not_proposed() {
    let said = again(
        FLAGS,
        "",
        &["let _ = Misc.fatal_error", "let _ = Mis.fatal_error"],
    );
    assert!(said.iter().all(|said| !said.contains("Misc?")), "{said:?}");
}

#[test]
fn equations_of_types_are_forgotten_with_the_unit_that_is_refused_among_them() {
    let said = again(FLAGS, "", &EQUATIONS);
    assert!(said.iter().skip(1).all(String::is_empty), "{said:?}");
}

#[test]
fn a_library_that_is_found_without_being_named_is_told_of_each_time() {
    let wrong = "let _ = Str.regexp + 1";
    again(
        FLAGS,
        "",
        &[
            "let _ = Str.regexp",
            "let _ = Str.split",
            wrong,
            "let _ = 1",
            wrong,
        ],
    );
}

#[test]
fn what_is_said_of_declarations_is_said_each_time() {
    let plugin = "let x : b = B 1\n";
    let flags = [FLAGS, &["-w", "+a-4-32-70", "-alert", "++slow"]].concat();
    let alert = "include struct [@@@ocaml.warning \"-a\"]\ntype a = int [@@alert slow \"very\"]\ntype b = B of a\nend\n";
    let unused = "include struct [@@@ocaml.warning \"-a\"]\ntype b = B of int [@@inline]\nend\n";
    let general = "[@@@ocaml.warning \"-a\"]\ntype b = B of int\n";
    for declarations in [alert, unused, general] {
        again(&flags, declarations, &[plugin, "let x y = B 1", plugin]);
    }
}

#[test]
fn a_worker_that_refused_a_unit_for_its_warnings_is_kept() {
    let flags = [FLAGS, &["-w", "+a-70", "-warn-error", "+a"]].concat();
    let Some(bench) = bench(&flags) else { return };
    let mut process = None;
    for goal in [Goal::Load, Goal::LoadHere, Goal::Check, Goal::Load] {
        // Found by the type checker, and by the code generator.
        for text in [
            "let f x = match x with 1 -> 2",
            "let rec f x = 1 + (f [@tailcall]) x",
            "let x = 1",
        ] {
            let answer = bench.ask(goal, "Alpha", text, None).unwrap();
            let (object, said) = bench.stock(&flags, "Alpha", text, None);
            let messages = String::from_utf8_lossy(&answer.messages);
            assert_eq!(messages, String::from_utf8_lossy(&said));
            assert_eq!(answer.outcome == Outcome::Compiled, object.is_some());
            assert_eq!(*process.get_or_insert(bench.process()), bench.process());
        }
    }
}
