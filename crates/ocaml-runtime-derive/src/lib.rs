//! The macros of `ocaml-runtime`: [`OcamlValue`](macro@OcamlValue) for value types,
//! [`interface`](macro@interface) for plugin interfaces and [`host`](macro@host) for functions of the
//! application.
//!
//! Use them through `ocaml-runtime`, which re-exports them with the traits that they implement.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemTrait, parse_macro_input};

mod adapters;
mod attributes;
mod declaration;
mod host;
mod interface;
mod method;
mod names;
mod paths;
mod value;

/// Makes a struct or an enum an OCaml type, with conversions both ways.
///
/// | Rust | OCaml |
/// | --- | --- |
/// | struct with named fields | record; one of floats only is laid out flat, as OCaml does |
/// | tuple struct of one field | the field's type, under a name of its own |
/// | tuple struct of several fields | tuple |
/// | unit struct | `unit` |
/// | enum | variant; named fields become an inline record |
///
/// Names of types become `snake_case`; names of fields, variants and parameters stay, except that a keyword of
/// OCaml gets an underscore behind it.
///
/// # Attributes
/// On the type: `#[ocaml(name = "t")]`, `#[ocaml(unboxed)]` (one field or one variant with one field:
/// `[@@unboxed]`), `#[ocaml(polymorphic)]` (an enum as polymorphic variants).
///
/// On a variant: `#[ocaml(name = "N")]`.
///
/// On a field: `#[ocaml(name = "f")]`, `#[ocaml(mutable)]`, and `#[ocaml(as = "t")]` where `t` is `int64`, `int32`,
/// `nativeint`, `uchar`, `array`, `list`, `bytes`, `string`, `map` (a `BTreeMap` as `Map.Make(String).t` or the like) or
/// `set`: another OCaml type than the field's own.
#[proc_macro_derive(OcamlValue, attributes(ocaml))]
pub fn derive_ocaml_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    value::expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a trait the interface of a plugin.
///
/// For `trait Pricing` this gives `PricingPlugin`, a handle that implements the trait, and implements
/// `PluginInterface` for `dyn Pricing`.
///
/// Methods take `&self` and return `call::Result<T>`, or `Result<T, E>` with `E: From<call::Error>`. A method with
/// `#[ocaml(constant)]` is a value that is read once, when the plugin is bound; it returns `&T` or a `T: Clone`.
///
/// # Attributes
/// On the trait: `#[interface(name = "Pricing")]`, `#[interface(host = dyn Bank)]` (may be repeated).
///
/// On a method: `#[ocaml(name = "n")]`, `#[ocaml(constant)]`, `#[ocaml(as = "t")]` for its result. On an argument:
/// `#[ocaml(label)]`, `#[ocaml(label = "l")]`, `#[ocaml(optional)]` (its type is an `Option`),
/// `#[ocaml(optional = "l")]`, `#[ocaml(as = "t")]`. `t` is as in [`OcamlValue`](macro@OcamlValue).
#[proc_macro_attribute]
pub fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemTrait);
    interface::expand(arguments.into(), item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Makes a trait a module of functions of the application, which plugins can call.
///
/// For `trait Bank` this implements `HostInterface` for `dyn Bank`: plugins see a module `Bank`, and
/// `Runtime::offer_host::<dyn Bank>` offers an implementation.
///
/// Methods take `&self`. The error of a `Result` becomes the exception `Saddlebag_host.Host_error`; with
/// `#[ocaml(result)]` the `Result` is an OCaml `result`. A panic becomes `Saddlebag_host.Host_panic`.
///
/// # Attributes
/// On the trait: `#[host(name = "Bank")]`. On a method: `#[ocaml(name = "n")]`, `#[ocaml(result)]`,
/// `#[ocaml(as = "t")]` for its result. On an argument: `#[ocaml(as = "t")]`.
#[proc_macro_attribute]
pub fn host(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as ItemTrait);
    host::expand(arguments.into(), item)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
