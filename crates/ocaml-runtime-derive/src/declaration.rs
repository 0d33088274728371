//! Types inside a declaration: parameters stand for themselves, lifetimes do not count.

use proc_macro2::{Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Generics, Type};

/// The type as it is described in OCaml: each type parameter is the variable of its number, each lifetime is
/// `'static`, `Self` is the type itself with its parameters so replaced.
pub(crate) fn described(
    of: &Type,
    generics: &Generics,
    own: &Ident,
    runtime: &TokenStream,
) -> TokenStream {
    let parameters: Vec<&Ident> = generics.type_params().map(|p| &p.ident).collect();
    let own = own_type(own, generics, runtime);
    replace(of.to_token_stream(), &parameters, &own, runtime)
}

/// The type itself, its parameters replaced.
pub(crate) fn own_type(own: &Ident, generics: &Generics, runtime: &TokenStream) -> TokenStream {
    let mut arguments = Vec::new();
    let mut index = 0usize;
    for parameter in &generics.params {
        match parameter {
            syn::GenericParam::Lifetime(_) => arguments.push(quote!('static)),
            syn::GenericParam::Type(_) => {
                arguments.push(quote!(#runtime::Parameter<#index>));
                index += 1;
            }
            syn::GenericParam::Const(constant) => {
                arguments.push(constant.ident.to_token_stream());
            }
        }
    }
    quote!(#own<#(#arguments),*>)
}

fn replace(
    tokens: TokenStream,
    parameters: &[&Ident],
    own: &TokenStream,
    runtime: &TokenStream,
) -> TokenStream {
    let mut output = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    let mut after_colons = false;
    while let Some(token) = tokens.next() {
        let was_after_colons = std::mem::replace(&mut after_colons, false);
        match token {
            TokenTree::Ident(name) if name == "Self" => output.extend(own.clone()),
            TokenTree::Ident(name) if !was_after_colons => {
                match parameters.iter().position(|parameter| **parameter == name) {
                    Some(index) => output.extend(quote!(#runtime::Parameter<#index>)),
                    None => output.extend([TokenTree::Ident(name)]),
                }
            }
            TokenTree::Punct(quotation) if quotation.as_char() == '\'' => {
                tokens.next();
                output.extend(lifetime());
            }
            TokenTree::Punct(reference) if reference.as_char() == '&' => {
                output.extend([TokenTree::Punct(reference)]);
                let named =
                    matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == '\'');
                if !named {
                    output.extend(lifetime());
                }
            }
            TokenTree::Punct(punct) => {
                after_colons = punct.as_char() == ':';
                output.extend([TokenTree::Punct(punct)]);
            }
            TokenTree::Group(group) => {
                let inner = replace(group.stream(), parameters, own, runtime);
                output.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            other => output.extend([other]),
        }
    }
    output
}

fn lifetime() -> [TokenTree; 2] {
    let span = Span::call_site();
    [
        TokenTree::Punct(Punct::new('\'', Spacing::Joint)),
        TokenTree::Ident(Ident::new("static", span)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(of: &str, expected: &str) {
        let item: syn::DeriveInput = syn::parse_str("struct Tree<'a, T, U>(&'a T, U);").unwrap();
        let of: Type = syn::parse_str(of).unwrap();
        let runtime = quote!(r);
        let got = described(&of, &item.generics, &item.ident, &runtime).to_string();
        let without_spaces = |text: &str| text.replace(char::is_whitespace, "");
        assert_eq!(without_spaces(&got), without_spaces(expected));
    }

    #[test]
    fn parameters_become_variables() {
        check(
            "Option<(U, T, Vec<T>)>",
            "Option<(r::Parameter<1usize>, r::Parameter<0usize>, Vec<r::Parameter<0usize>>)>",
        );
        check("other::T", "other::T");
    }

    #[test]
    fn lifetimes_become_static_and_self_the_type() {
        check("&'a str", "&'static str");
        check("&str", "&'static str");
        check(
            "Box<Self>",
            "Box<Tree<'static, r::Parameter<0usize>, r::Parameter<1usize>>>",
        );
    }
}
