//! The macros work in a crate that forbids unsafe code.
#![forbid(unsafe_code)]

use ocaml_runtime::{OcamlValue, PluginInterface, call, host, interface};

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Line {
    number: u32,
    text: String,
}

#[host]
trait Output {
    fn write(&self, line: Line) -> Result<(), String>;
}

#[interface(name = "Text_filter", host = dyn Output)]
trait Filter {
    fn keep(&self, line: &Line) -> call::Result<bool>;
}

#[test]
fn an_interface_is_declared_without_unsafe_code() {
    let interface = <dyn Filter>::interface();
    assert_eq!(interface.name(), "Text_filter");
    assert_eq!(interface.items()[0].type_text(), "line -> bool");
    assert!(interface.mli().contains("  val write : line -> unit\n"));
}
