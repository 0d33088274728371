//! OCaml types as text, and the declarations that they need.

use std::collections::HashMap;
use std::fmt;

/// How tightly an OCaml type expression holds together; decides where parentheses go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Arrow,
    Tuple,
    Application,
}

/// An OCaml type expression.
///
/// ```
/// use ocaml_runtime::TypeExpression;
///
/// let pair = TypeExpression::tuple([TypeExpression::name("int"), TypeExpression::name("string")]);
/// assert_eq!(TypeExpression::apply("list", [pair]).to_string(), "(int * string) list");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeExpression {
    text: String,
    level: Level,
}

impl TypeExpression {
    /// A type without arguments, or a type variable.
    #[must_use]
    pub fn name(name: impl Into<String>) -> TypeExpression {
        TypeExpression {
            text: name.into(),
            level: Level::Application,
        }
    }

    /// A constructor applied to arguments.
    #[must_use]
    pub fn apply(
        constructor: &str,
        arguments: impl IntoIterator<Item = TypeExpression>,
    ) -> TypeExpression {
        let arguments: Vec<TypeExpression> = arguments.into_iter().collect();
        TypeExpression::name(match arguments.as_slice() {
            [] => constructor.to_owned(),
            [one] => format!("{} {constructor}", one.at(Level::Application)),
            many => {
                let many: Vec<&str> = many.iter().map(|one| one.text.as_str()).collect();
                format!("({}) {constructor}", many.join(", "))
            }
        })
    }

    /// A tuple of two or more types.
    #[must_use]
    pub fn tuple(parts: impl IntoIterator<Item = TypeExpression>) -> TypeExpression {
        let parts: Vec<TypeExpression> = parts.into_iter().collect();
        if let [one] = parts.as_slice() {
            return one.clone();
        }
        let parts: Vec<String> = parts
            .iter()
            .map(|part| part.at(Level::Application))
            .collect();
        TypeExpression {
            text: parts.join(" * "),
            level: Level::Tuple,
        }
    }

    /// A function type.
    #[must_use]
    pub fn arrow(self, result: TypeExpression) -> TypeExpression {
        TypeExpression {
            text: format!("{} -> {result}", self.at(Level::Tuple)),
            level: Level::Arrow,
        }
    }

    /// A function type whose argument has a label: `name:t -> result`.
    #[must_use]
    pub fn labelled_arrow(self, label: &str, result: TypeExpression) -> TypeExpression {
        TypeExpression {
            text: format!("{label}:{} -> {result}", self.at(Level::Tuple)),
            level: Level::Arrow,
        }
    }

    /// A function type whose argument may be left out: `self` is `t option`, the result is
    /// `?name:t -> result`.
    #[must_use]
    pub fn optional_arrow(self, label: &str, result: TypeExpression) -> TypeExpression {
        let inner = self.text.strip_suffix(" option").unwrap_or(&self.text);
        TypeExpression {
            text: format!("?{label}:{inner} -> {result}"),
            level: Level::Arrow,
        }
    }

    fn at(&self, level: Level) -> String {
        if self.level < level {
            format!("({})", self.text)
        } else {
            self.text.clone()
        }
    }

    /// The text where a constructor's argument is expected: a tuple gets parentheses.
    #[must_use]
    pub fn as_part(&self) -> String {
        self.at(Level::Application)
    }
}

impl fmt::Display for TypeExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A stand-in for a type parameter while a generic declaration is written.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Parameter<const INDEX: usize>;

impl<const INDEX: usize> Parameter<INDEX> {
    const LETTERS: &'static [u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
}

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: no value of this type is ever pushed or read.
unsafe impl<const INDEX: usize> crate::OcamlType for Parameter<INDEX> {
    fn describe(_types: &mut Types) -> TypeExpression {
        let letter = char::from(Self::LETTERS[INDEX % 26]);
        TypeExpression::name(format!("'{letter}"))
    }
}

/// The type declarations of an interface.
#[derive(Debug, Clone, Default)]
pub struct Types {
    /// Declarations that use each other, in groups, each after those that it uses.
    groups: Vec<Vec<Declaration>>,
    /// Completed declarations whose group is not: one that is still being written may belong to it.
    waiting: Vec<Declaration>,
    /// For each declaration that is being written, the number of the first one that belongs to its group.
    being_written: Vec<usize>,
    by_name: HashMap<String, Known>,
    conflicts: Vec<String>,
    /// The abstract types of the plugin, in the order of their first use.
    of_plugin: Vec<String>,
    misplaced: Vec<String>,
    /// How many declarations are being written that stand outside the plugin's signature.
    outside: usize,
}

#[derive(Debug, Clone)]
struct Declaration {
    head: String,
    name: String,
    body: String,
}

impl Declaration {
    fn text(&self) -> String {
        if self.body.is_empty() {
            self.head.clone()
        } else {
            format!("{} = {}", self.head, self.body)
        }
    }
}

#[derive(Debug, Clone)]
struct Known {
    identity: &'static str,
    /// In the order in which declarations are begun; `None` when the group is complete.
    number: Option<usize>,
}

impl Types {
    /// Declares `type name = body`, or an abstract type where the body is empty, unless it is declared already.
    /// `identity` tells one Rust type from another; `parameters` is how many type variables (`'a`, `'b`, ...) the
    /// body uses.
    pub fn declare(
        &mut self,
        name: &str,
        identity: &'static str,
        parameters: usize,
        body: impl FnOnce(&mut Types) -> String,
    ) {
        if let Some(known) = self.by_name.get(name) {
            if known.identity != identity && !self.conflicts.iter().any(|other| other == name) {
                self.conflicts.push(name.to_owned());
            }
            if let (Some(number), Some(first)) = (known.number, self.being_written.last_mut()) {
                *first = number.min(*first);
            }
            return;
        }
        // Groups are found as strongly connected components are by Tarjan's algorithm.
        let number = self.by_name.len();
        let known = Known {
            identity,
            number: Some(number),
        };
        self.by_name.insert(name.to_owned(), known);
        self.being_written.push(number);
        let waiting = self.waiting.len();
        let body = self.outside(body);
        let variables: Vec<String> = (0..parameters)
            .map(|i| format!("'{}", char::from(b'a' + (i % 26) as u8)))
            .collect();
        let head = match variables.as_slice() {
            [] => name.to_owned(),
            [one] => format!("{one} {name}"),
            many => format!("({}) {name}", many.join(", ")),
        };
        self.waiting.push(Declaration {
            head,
            name: name.to_owned(),
            body,
        });
        match (self.being_written.pop(), self.being_written.last_mut()) {
            (Some(first), Some(outer)) if first < number => *outer = first.min(*outer),
            _ => self.complete_group(waiting),
        }
    }

    /// The declarations that wait, from the number `from` on, use none that is still being written.
    fn complete_group(&mut self, from: usize) {
        let group = self.waiting.split_off(from);
        for declaration in &group {
            if let Some(known) = self.by_name.get_mut(&declaration.name) {
                known.number = None;
            }
        }
        self.groups.push(group);
    }

    /// Declares the abstract type `name` of the plugin itself: the plugin chooses what it stands for. It belongs
    /// to the plugin's signature, so that no other declaration may use it.
    pub(crate) fn declare_of_plugin(&mut self, name: &str, identity: &'static str) {
        if self.outside > 0 {
            self.misplaced.push(name.to_owned());
        }
        match self.by_name.get(name) {
            None => {
                let number = None;
                let known = Known { identity, number };
                self.by_name.insert(name.to_owned(), known);
                self.of_plugin.push(name.to_owned());
            }
            Some(known) if known.identity == identity => {}
            Some(_) => self.conflicts.push(name.to_owned()),
        }
    }

    /// Runs `body`, which describes what stands outside the plugin's signature.
    pub(crate) fn outside<T>(&mut self, body: impl FnOnce(&mut Types) -> T) -> T {
        self.outside += 1;
        let result = body(self);
        self.outside -= 1;
        result
    }

    /// The abstract types of the plugin.
    pub(crate) fn of_plugin(&self) -> &[String] {
        &self.of_plugin
    }

    /// Those that something outside the plugin's signature uses.
    pub(crate) fn misplaced(&self) -> &[String] {
        &self.misplaced
    }

    /// Names that two different Rust types claim.
    pub(crate) fn conflicts(&self) -> &[String] {
        &self.conflicts
    }

    /// `(name, text)` of each declaration, in order.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = (&str, String)> {
        let declarations = self.groups.iter().flatten();
        declarations.map(|one| (one.name.as_str(), one.text()))
    }
}

impl fmt::Display for Types {
    /// The declarations as OCaml text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in &self.groups {
            for (index, declaration) in group.iter().enumerate() {
                let keyword = if index == 0 { "type" } else { "and" };
                writeln!(f, "{keyword} {}", declaration.text())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int() -> TypeExpression {
        TypeExpression::name("int")
    }

    #[test]
    fn parentheses_go_where_ocaml_needs_them() {
        let arrow = int().arrow(int());
        assert_eq!(
            arrow.clone().arrow(int()).to_string(),
            "(int -> int) -> int"
        );
        assert_eq!(int().arrow(arrow.clone()).to_string(), "int -> int -> int");
        let pair = TypeExpression::tuple([arrow, int()]);
        assert_eq!(pair.to_string(), "(int -> int) * int");
        let nested = TypeExpression::tuple([pair, int()]);
        assert_eq!(nested.to_string(), "((int -> int) * int) * int");
        let result = TypeExpression::apply("result", [nested, int()]);
        assert_eq!(
            result.to_string(),
            "(((int -> int) * int) * int, int) result"
        );
    }

    #[test]
    fn only_types_that_use_each_other_are_one_group() {
        fn leaf(types: &mut Types) -> String {
            types.declare("leaf", "leaf", 0, |_| "int".into());
            "leaf".into()
        }
        fn tree(types: &mut Types) -> String {
            types.declare("tree", "tree", 0, |types| {
                let (leaf, forest) = (leaf(types), forest(types));
                format!("Leaf of {leaf} | Node of {forest}")
            });
            "tree".into()
        }
        fn forest(types: &mut Types) -> String {
            types.declare("forest", "forest", 0, |types| {
                let (tree, chain) = (tree(types), chain(types));
                format!("{{ trees : {tree} list; names : {chain} }}")
            });
            "forest".into()
        }
        fn chain(types: &mut Types) -> String {
            types.declare("chain", "chain", 0, |types| {
                let (leaf, chain) = (leaf(types), chain(types));
                format!("End | Link of {leaf} * {chain}")
            });
            "chain".into()
        }
        let mut types = Types::default();
        forest(&mut types);
        types.declare("wood", "wood", 0, |types| {
            format!("Wood of {}", forest(types))
        });
        assert_eq!(
            types.to_string(),
            "type leaf = int\n\
             type chain = End | Link of leaf * chain\n\
             type tree = Leaf of leaf | Node of forest\n\
             and forest = { trees : tree list; names : chain }\n\
             type wood = Wood of forest\n"
        );
    }

    #[test]
    fn two_types_of_one_name_are_a_conflict() {
        let mut types = Types::default();
        types.declare("colour", "a::Colour", 0, |_| "Red".into());
        types.declare("colour", "b::Colour", 0, |_| "Blue".into());
        assert_eq!(types.conflicts(), ["colour"]);
    }
}
