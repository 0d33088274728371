//! What a plugin has to offer: an interface, or nothing beyond its effects.

use std::sync::OnceLock;

use ocaml_runtime::Interface;

use crate::plugin::Plugin;

/// What the last module of a plugin is checked against.
#[derive(Debug, Clone)]
pub(crate) enum Contract {
    /// Nothing; the plugin is run for its effects.
    Effects,
    /// The module type of an interface.
    Interface(Box<Interface>),
}

/// An interface as a generated unit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InterfaceText {
    pub(crate) name: String,
    /// Declares the interface's types and its module type `S`; empty for effects.
    pub(crate) prelude: String,
    pub(crate) registered_name: String,
}

impl Contract {
    /// What a plugin for `P` has to offer.
    pub(crate) fn of<P: Plugin + ?Sized>() -> Contract {
        P::interface().map_or(Contract::Effects, |interface| {
            Contract::Interface(Box::new(interface.clone()))
        })
    }

    /// The interface, which asks for nothing when effects are all that is wanted.
    pub(crate) fn interface(&self) -> &Interface {
        static EFFECTS: OnceLock<Interface> = OnceLock::new();
        match self {
            Contract::Interface(interface) => interface,
            Contract::Effects => {
                EFFECTS.get_or_init(|| match Interface::builder("Effects").build() {
                    Ok(interface) => interface,
                    Err(error) => unreachable!("a constant interface: {error}"),
                })
            }
        }
    }

    pub(crate) fn text(&self) -> InterfaceText {
        let interface = self.interface();
        InterfaceText {
            name: interface.name().to_owned(),
            prelude: match self {
                Contract::Effects => String::new(),
                Contract::Interface(interface) => interface.prelude(),
            },
            registered_name: interface.registered_name(),
        }
    }

    /// Both empty for effects.
    pub(crate) fn name_and_fingerprint(&self) -> (String, String) {
        match self {
            Contract::Effects => (String::new(), String::new()),
            Contract::Interface(interface) => (
                interface.name().to_owned(),
                interface.fingerprint().to_owned(),
            ),
        }
    }
}
