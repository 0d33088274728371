//! `#[ocaml(as = "...")]`: another OCaml type than the Rust type's own.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Error, LitStr, Result};

/// The names that the attribute takes, and the adapters behind them.
const ADAPTERS: [(&str, &str); 10] = [
    ("int64", "Int64"),
    ("int32", "Int32"),
    ("nativeint", "Nativeint"),
    ("uchar", "Uchar"),
    ("array", "Array"),
    ("list", "List"),
    ("bytes", "Bytes"),
    ("string", "RawString"),
    ("map", "Map"),
    ("set", "Set"),
];

/// The path of the adapter that `text` names.
pub(crate) fn adapter(text: &LitStr, runtime: &TokenStream) -> Result<TokenStream> {
    let name = text.value();
    let Some((_, adapter)) = ADAPTERS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = ADAPTERS.iter().map(|(known, _)| *known).collect();
        let message = format!("expected one of: {}", known.join(", "));
        return Err(Error::new(text.span(), message));
    };
    let adapter = format_ident!("{adapter}", span = Span::call_site());
    Ok(quote!(#runtime::adapt::#adapter))
}
