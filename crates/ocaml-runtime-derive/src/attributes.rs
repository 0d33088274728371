//! The `#[ocaml(...)]` attributes.

use syn::{Attribute, LitStr, Path, Result};

/// What `#[ocaml(...)]` says of one item; which keys are allowed depends on the item.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) name: Option<String>,
    pub(crate) runtime: Option<Path>,
    pub(crate) unboxed: bool,
    pub(crate) polymorphic: bool,
    pub(crate) mutable: bool,
    pub(crate) constant: bool,
    pub(crate) result: bool,
    pub(crate) represented_as: Option<LitStr>,
    /// `Some(None)` takes the argument's own name.
    pub(crate) label: Option<Option<String>>,
    pub(crate) optional: Option<Option<String>>,
}

pub(crate) const TYPE: &[&str] = &["name", "crate", "unboxed", "polymorphic"];
pub(crate) const VARIANT: &[&str] = &["name"];
pub(crate) const FIELD: &[&str] = &["name", "mutable", "as"];
pub(crate) const METHOD: &[&str] = &["name", "constant", "as"];
pub(crate) const HOST_METHOD: &[&str] = &["name", "result", "as"];
pub(crate) const ARGUMENT: &[&str] = &["label", "optional", "as"];
pub(crate) const HOST_ARGUMENT: &[&str] = &["as"];

impl Attributes {
    pub(crate) fn read(attributes: &[Attribute], allowed: &[&str]) -> Result<Attributes> {
        let mut read = Attributes::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("ocaml")) {
            attribute.parse_nested_meta(|meta| {
                // `crate` and `as` are keywords, which `Path` keeps as identifiers.
                let key = meta
                    .path
                    .get_ident()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                if !allowed.contains(&key.as_str()) {
                    let allowed = allowed.join(", ");
                    let message = format!("unknown attribute `{key}`; expected one of: {allowed}");
                    return Err(meta.error(message));
                }
                let text = |meta: &syn::meta::ParseNestedMeta<'_>| -> Result<String> {
                    Ok(meta.value()?.parse::<LitStr>()?.value())
                };
                let optional_text =
                    |meta: &syn::meta::ParseNestedMeta<'_>| -> Result<Option<String>> {
                        if meta.input.peek(syn::Token![=]) {
                            text(meta).map(Some)
                        } else {
                            Ok(None)
                        }
                    };
                match key.as_str() {
                    "name" => read.name = Some(text(&meta)?),
                    "crate" => read.runtime = Some(meta.value()?.parse::<LitStr>()?.parse()?),
                    "unboxed" => read.unboxed = true,
                    "polymorphic" => read.polymorphic = true,
                    "mutable" => read.mutable = true,
                    "constant" => read.constant = true,
                    "result" => read.result = true,
                    "as" => read.represented_as = Some(meta.value()?.parse()?),
                    "label" => read.label = Some(optional_text(&meta)?),
                    "optional" => read.optional = Some(optional_text(&meta)?),
                    _ => return Err(meta.error("unknown attribute")),
                }
                Ok(())
            })?;
        }
        Ok(read)
    }
}

/// Takes the `#[ocaml(...)]` attributes away from an item that goes on into the output.
pub(crate) fn strip(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| !attribute.path().is_ident("ocaml"));
}
