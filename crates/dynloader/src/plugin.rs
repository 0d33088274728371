//! What loading a plugin gives.

use ocaml_runtime::{Interface, Module, PluginInterface, module};

/// What plugins are loaded as: an interface of `ocaml-runtime`, which gives a typed handle, or [`SideEffect`].
///
/// Every [`PluginInterface`] is one, so the trait objects of `#[interface]` are: `load_sources::<dyn Pricing>`.
pub trait Plugin {
    /// What a loaded plugin is used through.
    type Handle: Send + 'static;

    /// What the last module of the plugin has to offer; `None` when its effects are all that is wanted.
    fn interface() -> Option<&'static Interface>;

    /// Makes the handle. There is a module if there is an interface, and its values have the interface's types.
    ///
    /// # Errors
    /// Whatever keeps the handle from being made.
    fn bind(module: Option<Module>) -> Result<Self::Handle, BindError>;
}

/// Why a handle could not be made.
pub type BindError = Box<dyn std::error::Error + Send + Sync>;

impl<I: PluginInterface + ?Sized> Plugin for I {
    type Handle = I::Plugin;

    fn interface() -> Option<&'static Interface> {
        Some(I::interface())
    }

    fn bind(module: Option<Module>) -> Result<I::Plugin, BindError> {
        Ok(I::bind(module.ok_or("the plugin gave no module")?)
            .map_err(Box::<module::Error>::new)?)
    }
}

/// A plugin that is run for its effects; any module will do. OCaml: `Dynloader.Side_effect`.
///
/// A single file is then compiled as the compiler alone would compile the program, and gives no module, which is what
/// sets it apart from an interface without values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideEffect;

impl Plugin for SideEffect {
    type Handle = ();

    fn interface() -> Option<&'static Interface> {
        None
    }

    fn bind(_: Option<Module>) -> Result<(), BindError> {
        Ok(())
    }
}
