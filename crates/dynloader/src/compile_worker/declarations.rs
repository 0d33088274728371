//! Units whose declarations the worker has typed before, against compilers that have just started.

use std::collections::BTreeMap;

use super::programs::program;
use super::tests::{Bench, bench, functions};
use super::*;
use crate::compile::Goal;

const DECLARATIONS: &str = "# 1 \"<saddlebag>\"\n\
include struct [@@@ocaml.warning \"-a\"]\n\
type shape = Circle of float | Square of { side : float }\n\
type 'a tree = Leaf | Node of 'a tree * 'a * 'a tree\n\
module type S = sig type t val price : int -> int val of_shape : shape -> t tree end\n\
module type Saddlebag_interface = S\n\
end\n\
external saddlebag_register : string -> 'a -> unit = \"saddlebag_register_module\"\n";

const PLUGIN: &str = "# 1 \"plugin.ml\"\nmodule Plugin = struct\ntype t = float\nlet price n = n + 1\n\
let of_shape = function Circle r -> Node (Leaf, r, Leaf) | Square { side } -> Node (Leaf, side, Leaf)\nend\n\
let () = saddlebag_register \"plugin\" (module Plugin : Saddlebag_interface)\n";

impl Bench {
    fn declared(&self, goal: Goal, declarations: &str, rest: &str) -> Option<Answer> {
        let text = format!("{declarations}{rest}");
        let request = Request {
            goal,
            name: "Plugin",
            implementation: text.as_bytes(),
            declarations: declarations.len(),
            interface: Some(b""),
        };
        self.answer_to(request)
    }

    /// The same text for this process and for all, by one worker and by another. `None` where a compiler that has just started
    /// has to say what it says.
    fn assert_same(&self, stock: &Bench, declarations: &str, rest: &str) -> Option<Outcome> {
        let here = self.declared(Goal::LoadHere, declarations, rest);
        let checked = self.declared(Goal::Check, declarations, rest);
        let lasting = stock.declared(Goal::Load, declarations, rest);
        let (Some(here), Some(checked), Some(lasting)) = (here, checked, lasting) else {
            return None;
        };
        for of in [&here, &checked] {
            assert_eq!(of.outcome, lasting.outcome, "{rest}");
            let said = [of, &lasting].map(|answer| String::from_utf8_lossy(&answer.messages));
            assert_eq!(said[0], said[1], "{rest}");
        }
        if here.outcome == Outcome::Compiled {
            let [found, expected] = [&here, &lasting].map(functions_without_numbers);
            assert_eq!(found, expected, "{rest}");
        }
        Some(here.outcome)
    }
}

/// The functions of an answer. Constants are counted, and what includes only declarations is one.
fn functions_without_numbers(answer: &Answer) -> BTreeMap<String, Vec<String>> {
    let texts = answer.assembly.iter();
    let named = texts.flat_map(|text| functions(text)).map(|(name, lines)| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem.to_owned(), lines)
    });
    let mut all: BTreeMap<_, _> = named.collect();
    for line in all.values_mut().flatten() {
        let words = line.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let plain = words.map(|word| match word.starts_with("caml") {
            true => word.replace(|c: char| c.is_ascii_digit(), ""),
            false => word.to_owned(),
        });
        *line = plain.collect();
    }
    all
}

const WARNING: &[&str] = &[
    "-g",
    "-error-style",
    "short",
    "-color",
    "never",
    "-w",
    "+a-4-70",
];

#[test]
fn declarations_that_are_known_compile_to_the_same_code() {
    let (Some(bench), Some(stock)) = (bench(WARNING), bench(WARNING)) else {
        return;
    };
    for number in 0..12 {
        let rest = format!("# 1 \"more.ml\"\n{}{PLUGIN}", program(number));
        bench.assert_same(&stock, DECLARATIONS, &rest);
        assert_eq!(
            bench.assert_same(&stock, DECLARATIONS, PLUGIN),
            Some(Outcome::Compiled)
        );
    }
}

#[test]
fn what_does_not_fit_known_declarations_is_told_in_the_same_words() {
    let (Some(bench), Some(stock)) = (bench(WARNING), bench(WARNING)) else {
        return;
    };
    for (old, new) in [
        ("n + 1", "n + 1."),
        ("n + 1", "Square { side = n }"),
        ("n + 1", "let unused = 1 in n"),
        ("let price n = n + 1", ""),
        ("type t = float", "type t = int"),
        (
            "type t = float",
            "type t = float type shape = Circle of float",
        ),
        (
            "type t = float",
            "type t = float module type S = sig end let x = (module struct end : S)",
        ),
        ("Circle r", "Circel r"),
        ("Circle r -> Node (Leaf, r, Leaf) |", ""),
        ("Saddlebag_interface", "Saddlebag_interfac"),
        ("end\n", "en\n"),
        ("end\n", "end let y = (\n"),
    ] {
        let rest = PLUGIN.replacen(old, new, 1);
        assert_ne!(rest, PLUGIN);
        for _ in 0..2 {
            bench.assert_same(&stock, DECLARATIONS, &rest);
        }
        assert_eq!(
            bench.assert_same(&stock, DECLARATIONS, PLUGIN),
            Some(Outcome::Compiled)
        );
    }
}

#[test]
fn declarations_of_another_interface_are_not_mistaken_for_those_before() {
    let (Some(bench), Some(stock)) = (bench(WARNING), bench(WARNING)) else {
        return;
    };
    let other = DECLARATIONS.replacen("val price : int", "val price : float", 1);
    for _ in 0..3 {
        assert_eq!(
            bench.assert_same(&stock, DECLARATIONS, PLUGIN),
            Some(Outcome::Compiled)
        );
        assert_eq!(
            bench.assert_same(&stock, &other, PLUGIN),
            Some(Outcome::Refused)
        );
        let rest = PLUGIN.replacen("n + 1", "int_of_float n", 1);
        assert_eq!(
            bench.assert_same(&stock, &other, &rest),
            Some(Outcome::Compiled)
        );
    }
}

#[test]
fn declarations_with_code_or_with_errors_are_compiled_with_the_rest() {
    let (Some(bench), Some(stock)) = (bench(WARNING), bench(WARNING)) else {
        return;
    };
    for (more, outcome) in [
        ("exception E of int\n", Outcome::Compiled),
        ("let () = print_string \"declared\"\n", Outcome::Compiled),
        ("module M = struct let one = 1 end\n", Outcome::Compiled),
        ("let twice n = 2 * n\n", Outcome::Compiled),
        ("type wrong = missing\n", Outcome::Refused),
        ("type wrong = (\n", Outcome::Refused),
    ] {
        let declarations = format!("{DECLARATIONS}{more}");
        for _ in 0..2 {
            assert_eq!(
                bench.assert_same(&stock, &declarations, PLUGIN),
                Some(outcome),
                "{more}"
            );
            assert_eq!(
                bench.assert_same(&stock, DECLARATIONS, PLUGIN),
                Some(Outcome::Compiled)
            );
        }
    }
}
