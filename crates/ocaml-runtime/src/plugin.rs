//! Typed plugins: an interface and the handle that is made from a module of it.

use std::sync::OnceLock;

use crate::interface::Interface;
use crate::module::{self, Module};

/// A plugin interface with a typed handle.
///
/// `#[interface]` on a trait implements it for the trait's `dyn` type: `dyn Pricing` has the interface
/// `Pricing` and a handle that implements the trait.
pub trait PluginInterface {
    /// What a loaded plugin is used through.
    type Plugin: Send + Sync + 'static;

    /// The interface that plugins are compiled against.
    fn interface() -> &'static Interface;

    /// The handle for an instance.
    ///
    /// # Errors
    /// The module is of another interface, or one of its constants does not fit.
    fn bind(module: Module) -> Result<Self::Plugin, module::Error>;
}

/// The interface of plugins that define nothing and are loaded for what their top level does, such as
/// registering themselves with a [`Host`](crate::Host) function.
///
/// ```
/// use ocaml_runtime::{PluginInterface, SideEffect};
///
/// assert_eq!(SideEffect::interface().signature(), "module type S = sig\nend\n");
/// ```
#[derive(Debug, Clone)]
pub struct SideEffect {
    module: Module,
}

impl SideEffect {
    /// The module, without values.
    #[must_use]
    pub fn module(&self) -> &Module {
        &self.module
    }
}

impl PluginInterface for SideEffect {
    type Plugin = SideEffect;

    fn interface() -> &'static Interface {
        static INTERFACE: OnceLock<Interface> = OnceLock::new();
        INTERFACE.get_or_init(|| match Interface::builder("Side_effect").build() {
            Ok(interface) => interface,
            Err(error) => unreachable!("a constant interface: {error}"),
        })
    }

    fn bind(module: Module) -> Result<SideEffect, module::Error> {
        Ok(SideEffect { module })
    }
}
