//! `#[host]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::{Error, ItemTrait, LitStr, Path, Result, Type};

use crate::attributes;
use crate::declaration;
use crate::method::{self, Method};
use crate::names;
use crate::paths;

/// The largest arity of a function of the application.
const MOST_ARGUMENTS: usize = 8;

pub(crate) fn expand(arguments: TokenStream, mut item: ItemTrait) -> Result<TokenStream> {
    let (mut name, mut runtime) = (None::<String>, None::<Path>);
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            name = Some(meta.value()?.parse::<LitStr>()?.value());
        } else if meta.path.is_ident("crate") {
            runtime = Some(meta.value()?.parse::<LitStr>()?.parse()?);
        } else {
            return Err(meta.error("expected one of: name, crate"));
        }
        Ok(())
    });
    parser.parse2(arguments)?;
    let methods = method::read_all(
        &mut item,
        attributes::HOST_METHOD,
        attributes::HOST_ARGUMENT,
    )?;
    item.supertraits
        .push(syn::parse_quote!(::core::marker::Send));
    item.supertraits
        .push(syn::parse_quote!(::core::marker::Sync));
    let runtime = paths::runtime(runtime.as_ref());
    let name = name.unwrap_or_else(|| names::capitalised(&item.ident));
    let trait_name = &item.ident;
    let declarations = methods.iter().map(declare);
    let declarations = declarations.collect::<Result<Vec<_>>>()?;
    let checks = methods.iter().map(|method| checks(method, &item, &runtime));
    let additions = methods.iter().map(|method| add(method, trait_name));
    Ok(quote! {
        #item

        #(#checks)*

        impl #runtime::HostInterface for dyn #trait_name {
            fn signature() -> &'static #runtime::host::Signature {
                static SIGNATURE: ::std::sync::OnceLock<#runtime::host::Signature> =
                    ::std::sync::OnceLock::new();
                SIGNATURE.get_or_init(|| {
                    #runtime::host::Signature::new(#name) #(#declarations)*
                })
            }

            fn host(implementation: ::std::sync::Arc<Self>) -> #runtime::Host {
                let host = #runtime::Host::new(#name);
                #(#additions)*
                host
            }
        }
    })
}

fn declare(method: &Method) -> Result<TokenStream> {
    if method.arguments.len() > MOST_ARGUMENTS {
        let message =
            format!("a function of the application has at most {MOST_ARGUMENTS} arguments");
        return Err(Error::new(method.span, message));
    }
    let name = &method.ocaml_name;
    let arguments = method.arguments.iter().map(|argument| owned(&argument.of));
    let result = result(method);
    Ok(quote!(.function::<(#(#arguments,)*), #result>(#name)))
}

/// What the types of a method have to be.
fn checks(method: &Method, item: &ItemTrait, runtime: &TokenStream) -> TokenStream {
    let described = |of: &Type| declaration::described(of, &item.generics, &item.ident, runtime);
    let arguments = method.arguments.iter().map(|argument| {
        let of = owned(&argument.of);
        method::check(&argument.of, &described(&of), &quote!(#runtime::FromOcaml))
    });
    let result = result(method);
    let result = method::check(result, &described(result), &quote!(#runtime::ToOcaml));
    quote!(#(#arguments)* #result)
}

/// The type that OCaml gets when the function succeeds.
fn result(method: &Method) -> &Type {
    match method::result_of(&method.output) {
        Some(result) if !method.attributes.result => result,
        _ => &method.output,
    }
}

fn add(method: &Method, trait_name: &syn::Ident) -> TokenStream {
    let (name, ident) = (&method.ocaml_name, &method.ident);
    let types: Vec<Type> = method
        .arguments
        .iter()
        .map(|argument| owned(&argument.of))
        .collect();
    let names: Vec<_> = (0..types.len())
        .map(|index| format_ident!("argument_{index}"))
        .collect();
    let given = method.arguments.iter().zip(&names).map(|(argument, name)| {
        if matches!(argument.of, Type::Reference(_)) {
            quote!(&#name)
        } else {
            quote!(#name)
        }
    });
    let fallible = method::result_of(&method.output).is_some() && !method.attributes.result;
    let kind = format_ident!("{}", if fallible { "fallible" } else { "function" });
    quote! {
        let this = ::std::sync::Arc::clone(&implementation);
        let host = host.#kind(#name, move |(#(#names,)*): (#(#types,)*)| {
            <Self as #trait_name>::#ident(&*this, #(#given),*)
        });
    }
}

/// The type that an argument is read as, before it is lent to the method.
fn owned(of: &Type) -> Type {
    let Type::Reference(reference) = of else {
        return of.clone();
    };
    match &*reference.elem {
        Type::Slice(slice) => {
            let element = &slice.elem;
            syn::parse_quote!(::std::vec::Vec<#element>)
        }
        Type::Path(path) if path.path.is_ident("str") => syn::parse_quote!(::std::string::String),
        other => other.clone(),
    }
}
