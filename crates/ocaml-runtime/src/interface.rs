//! Interfaces: what a plugin has to define, as data and as OCaml text.

use std::fmt::Write;

use crate::convert::{FromOcaml, OcamlType};
use crate::describe::{TypeExpression, Types};
use crate::function::{Arguments, Label};
use crate::host::Signature;
use crate::names;

/// The interface of a plugin: the values that it defines and the types they need.
///
/// ```
/// use ocaml_runtime::Interface;
///
/// let interface = Interface::builder("Greeter")
///     .value::<String>("name")
///     .function::<(String, i64), String>("greet")
///     .build()?;
/// assert_eq!(
///     interface.signature(),
///     "module type S = sig\n  val name : string\n  val greet : string -> int -> string\nend\n"
/// );
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Interface {
    name: String,
    items: Vec<Item>,
    types: Types,
    host: Vec<HostModule>,
    fingerprint: String,
}

/// One value of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    name: String,
    type_text: String,
}

impl Item {
    /// The value's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its OCaml type.
    #[must_use]
    pub fn type_text(&self) -> &str {
        &self.type_text
    }
}

/// A module of functions of the application, as text.
#[derive(Debug, Clone)]
struct HostModule {
    signature: String,
    structure: String,
}

/// The error of [`Builder::build`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that OCaml does not allow there.
    #[error("`{name}` cannot name {what} in OCaml")]
    Name {
        /// The name.
        name: String,
        /// What it should name.
        what: &'static str,
    },
    /// Two values or two modules of one name.
    #[error("`{name}` is declared twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A type of the plugin's own that is used where the plugin's module is not known: in the declaration of
    /// another type, or in a function of the application.
    #[error(
        "the type `{name}` of the plugin can only be used in the plugin's own functions and constants"
    )]
    Misplaced {
        /// The type's name.
        name: String,
    },
    /// Two Rust types that declare an OCaml type of the same name.
    #[error("two Rust types declare the OCaml type `{name}`; rename one")]
    Conflict {
        /// The OCaml type's name.
        name: String,
    },
}

/// Collects the values of an [`Interface`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    name: String,
    items: Vec<Item>,
    types: Types,
    hosts: Vec<Signature>,
}

impl Interface {
    /// An interface named `name`, an OCaml module name.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            items: Vec::new(),
            types: Types::default(),
            hosts: Vec::new(),
        }
    }

    /// The interface's name, an OCaml module name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values, in the order of the signature.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The types, as OCaml declarations.
    #[must_use]
    pub fn types(&self) -> String {
        self.types.to_string()
    }

    /// `module type S = sig ... end`.
    #[must_use]
    pub fn signature(&self) -> String {
        let mut text = String::from("module type S = sig\n");
        for name in self.types.of_plugin() {
            let _ = writeln!(text, "  type {name}");
        }
        for item in &self.items {
            let _ = writeln!(text, "  val {} : {}", item.name, item.type_text);
        }
        text.push_str("end\n");
        text
    }

    /// What the generated unit begins with: types, modules of functions of the application, module type `S`.
    #[must_use]
    pub fn prelude(&self) -> String {
        let mut text = self.types();
        for host in &self.host {
            text.push_str(&host.structure);
        }
        text.push_str(&self.signature());
        text
    }

    /// The same as an `.mli`, for people and their editors.
    #[must_use]
    pub fn mli(&self) -> String {
        let mut text = self.types();
        for host in &self.host {
            text.push_str(&host.signature);
        }
        text.push_str(&self.signature());
        text
    }

    /// A digest of everything that has to agree between the application and a compiled plugin, in hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The name under which a plugin of this interface registers itself.
    #[must_use]
    pub fn registered_name(&self) -> String {
        format!("{}:{}", self.name, self.fingerprint)
    }

    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.items.iter().position(|item| item.name == name)
    }

    /// Whether every declaration in `types` is one of this interface.
    pub(crate) fn declares(&self, types: &Types) -> bool {
        types
            .declarations()
            .all(|wanted| self.types.declarations().any(|own| own == wanted))
            && types
                .of_plugin()
                .iter()
                .all(|name| self.types.of_plugin().contains(name))
    }
}

impl Builder {
    /// Adds `val name : A -> R`.
    pub fn function<A: Arguments, R: OcamlType>(self, name: impl Into<String>) -> Builder {
        self.labelled_function::<A, R>(name, &[])
    }

    /// Adds a function whose arguments have labels; those beyond `labels` have none.
    pub fn labelled_function<A: Arguments, R: OcamlType>(
        mut self,
        name: impl Into<String>,
        labels: &[Label],
    ) -> Builder {
        let result = R::describe(&mut self.types);
        let function = A::describe_function(&mut self.types, labels, result);
        self.item(name.into(), &function)
    }

    /// Adds `val name : T`, a constant.
    pub fn value<T: FromOcaml>(mut self, name: impl Into<String>) -> Builder {
        let constant = T::describe(&mut self.types);
        self.item(name.into(), &constant)
    }

    /// Adds a module of functions of the application.
    pub fn host(mut self, signature: &Signature) -> Builder {
        self.hosts.push(signature.clone());
        self
    }

    /// As [`Builder::build`], for generated code.
    ///
    /// # Panics
    /// A name is not one in OCaml, or means two things: an error in the trait.
    #[doc(hidden)]
    #[track_caller]
    #[must_use]
    pub fn build_declared(self) -> Interface {
        match self.build() {
            Ok(interface) => interface,
            Err(error) => panic!("{error}"),
        }
    }

    fn item(mut self, name: String, expression: &TypeExpression) -> Builder {
        self.items.push(Item {
            name,
            type_text: expression.to_string(),
        });
        self
    }

    /// The interface.
    ///
    /// # Errors
    /// A name is not one in OCaml, or means two things.
    pub fn build(self) -> Result<Interface, Error> {
        let Builder {
            name,
            items,
            mut types,
            hosts,
        } = self;
        check(names::is_capitalised, &name, "a module")?;
        for (index, item) in items.iter().enumerate() {
            check(names::is_lowercase, &item.name, "a value")?;
            if items[..index].iter().any(|other| other.name == item.name) {
                return Err(twice(&item.name));
            }
        }
        let mut host = Vec::new();
        for (index, signature) in hosts.iter().enumerate() {
            check(names::is_capitalised, signature.name(), "a module")?;
            if hosts[..index]
                .iter()
                .any(|other| other.name() == signature.name())
            {
                return Err(twice(signature.name()));
            }
            let (signature, structure) = signature.text(&mut types)?;
            host.push(HostModule {
                signature,
                structure,
            });
        }
        if let [name, ..] = types.conflicts() {
            return Err(Error::Conflict { name: name.clone() });
        }
        if let [name, ..] = types.misplaced() {
            return Err(Error::Misplaced { name: name.clone() });
        }
        let of_plugin = types.of_plugin().iter().map(String::as_str);
        for name in types.declarations().map(|(name, _)| name).chain(of_plugin) {
            check(names::is_lowercase, name, "a type")?;
        }
        let mut interface = Interface {
            name,
            items,
            types,
            host,
            fingerprint: String::new(),
        };
        let text = format!("interface 1\n{}\n{}", interface.name, interface.prelude());
        interface.fingerprint = digest(&text);
        Ok(interface)
    }
}

/// 128 bits are plenty against accidents, which is all that a fingerprint guards against.
pub(crate) fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

pub(crate) fn check(
    is_name: fn(&str) -> bool,
    name: &str,
    what: &'static str,
) -> Result<(), Error> {
    if is_name(name) {
        Ok(())
    } else {
        Err(Error::Name {
            name: name.to_owned(),
            what,
        })
    }
}

pub(crate) fn twice(name: &str) -> Error {
    Error::Twice {
        name: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_covers_names_types_and_order() {
        let build = |builder: Builder| builder.build().unwrap().fingerprint().to_owned();
        let base = || Interface::builder("I");
        let all = [
            build(base()),
            build(Interface::builder("J")),
            build(base().function::<(i64,), i64>("f")),
            build(base().function::<(i64,), String>("f")),
            build(base().function::<(i64,), i64>("g")),
            build(base().function::<(i64,), i64>("f").value::<i64>("g")),
            build(base().value::<i64>("g").function::<(i64,), i64>("f")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "number {index}");
        }
    }

    #[test]
    fn names_that_ocaml_refuses_are_refused() {
        let error = Interface::builder("I")
            .value::<i64>("val")
            .build()
            .unwrap_err();
        assert_eq!(error.to_string(), "`val` cannot name a value in OCaml");
        let error = Interface::builder("i").build().unwrap_err();
        assert_eq!(error.to_string(), "`i` cannot name a module in OCaml");
    }

    #[test]
    fn labels_are_part_of_the_type() {
        let labels = [
            Label::Labelled("of_".into()),
            Label::Optional("scale".into()),
        ];
        let interface = Interface::builder("I")
            .labelled_function::<(i64, Option<(i64, i64)>, ()), i64>("f", &labels)
            .build()
            .unwrap();
        let expected = "of_:int -> ?scale:(int * int) -> unit -> int";
        assert_eq!(interface.items()[0].type_text(), expected);
    }
}
