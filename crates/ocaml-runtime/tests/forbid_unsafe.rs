//! The macros work in a crate that forbids unsafe code.
#![forbid(unsafe_code)]

use ocaml_runtime::{OcamlValue, PluginInterface, call, host, interface};

/// One line.
#[derive(Debug, Clone, PartialEq, OcamlValue)]
pub struct Line {
    number: u32,
    text: String,
}

/// Where lines go.
#[host]
pub trait Output {
    /// Takes a line.
    fn write(&self, line: Line) -> Result<(), String>;
}

/// Chooses lines.
#[interface(name = "Text_filter", host = dyn Output)]
pub trait Filter {
    /// Whether the line goes on.
    fn keep(&self, line: &Line) -> call::Result<bool>;
}

#[test]
fn an_interface_is_declared_without_unsafe_code() {
    let interface = <dyn Filter>::interface();
    assert_eq!(interface.name(), "Text_filter");
    assert_eq!(interface.items()[0].type_text(), "line -> bool");
    assert!(interface.mli().contains("  val write : line -> unit\n"));
}
