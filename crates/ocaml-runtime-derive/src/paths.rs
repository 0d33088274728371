//! The path of `ocaml-runtime` in the crate that uses a macro.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// The given path, else `ocaml-runtime` as the caller's manifest names it, else the facade's module.
pub(crate) fn runtime(given: Option<&syn::Path>) -> TokenStream {
    if let Some(path) = given {
        return quote!(#path);
    }
    if let Ok(found) = crate_name("ocaml-runtime") {
        return root(found, "ocaml_runtime");
    }
    if let Ok(found) = crate_name("saddlebag") {
        let root = root(found, "saddlebag");
        return quote!(#root::runtime);
    }
    quote!(::ocaml_runtime)
}

fn root(found: FoundCrate, own: &str) -> TokenStream {
    let name = match found {
        // Tests, examples and documentation of the crate itself name it from outside.
        FoundCrate::Itself => own.to_owned(),
        FoundCrate::Name(name) => name,
    };
    let name = Ident::new(&name, Span::call_site());
    quote!(::#name)
}
