//! `#[host]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::{Error, ItemTrait, LitStr, Path, Result, Type};

use crate::adapters;
use crate::attributes;
use crate::declaration;
use crate::method::{self, Argument, Method};
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
    let declarations = methods.iter().map(|method| declare(method, &runtime));
    let declarations = declarations.collect::<Result<Vec<_>>>()?;
    let checks = methods.iter().map(|method| checks(method, &item, &runtime));
    let checks = checks.collect::<Result<Vec<_>>>()?;
    let additions = methods
        .iter()
        .map(|method| add(method, trait_name, &runtime));
    let additions = additions.collect::<Result<Vec<_>>>()?;
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

fn declare(method: &Method, runtime: &TokenStream) -> Result<TokenStream> {
    if method.arguments.len() > MOST_ARGUMENTS {
        let message =
            format!("a function of the application has at most {MOST_ARGUMENTS} arguments");
        return Err(Error::new(method.span, message));
    }
    let name = &method.ocaml_name;
    let arguments = arguments(method, runtime)?;
    let result = result(method);
    let result = method::taken(method, quote!(#result), runtime)?;
    Ok(quote!(.function::<(#(#arguments,)*), #result>(#name)))
}

/// What the types of a method have to be.
fn checks(method: &Method, item: &ItemTrait, runtime: &TokenStream) -> Result<TokenStream> {
    let described = |of: &Type| declaration::described(of, &item.generics, &item.ident, runtime);
    let result = result(method);
    let taken = method::taken(method, described(result), runtime)?;
    let mut checks = method::check(result, &taken, &quote!(#runtime::ToOcaml));
    if let Some(error) = method::error_of(&method.output)
        && !method.attributes.result
    {
        let wanted = quote!(#runtime::HostError: ::core::convert::From<E>);
        checks.extend(method::check_error(error, &wanted));
    }
    for argument in &method.arguments {
        let taken = argument_type(argument, described(&owned(&argument.of)), runtime)?;
        let from = quote!(#runtime::FromOcaml);
        checks.extend(method::check(&argument.of, &taken, &from));
    }
    Ok(checks)
}

/// The type in which an argument is read; `of` is its own.
fn argument_type(
    argument: &Argument,
    of: TokenStream,
    runtime: &TokenStream,
) -> Result<TokenStream> {
    let Some(text) = &argument.attributes.represented_as else {
        return Ok(of);
    };
    let adapter = adapters::adapter(text, runtime)?;
    Ok(quote!(#runtime::adapt::Taken<#adapter, #of>))
}

/// The types in which the arguments are read.
fn arguments(method: &Method, runtime: &TokenStream) -> Result<Vec<TokenStream>> {
    let types = method.arguments.iter().map(|argument| {
        let of = owned(&argument.of);
        argument_type(argument, quote!(#of), runtime)
    });
    types.collect()
}

/// The type that OCaml gets when the function succeeds.
fn result(method: &Method) -> &Type {
    match method::result_of(&method.output) {
        Some(result) if !method.attributes.result => result,
        _ => &method.output,
    }
}

fn add(method: &Method, trait_name: &syn::Ident, runtime: &TokenStream) -> Result<TokenStream> {
    let (name, ident) = (&method.ocaml_name, &method.ident);
    let types = arguments(method, runtime)?;
    let names: Vec<_> = (0..types.len())
        .map(|index| format_ident!("argument_{index}"))
        .collect();
    let given = method.arguments.iter().zip(&names).map(|(argument, name)| {
        let own = match argument.attributes.represented_as {
            None => quote!(#name),
            Some(_) => quote!(#name.into_inner()),
        };
        match argument.of {
            Type::Reference(_) => quote!(&#own),
            _ => own,
        }
    });
    let fallible = method::result_of(&method.output).is_some() && !method.attributes.result;
    let kind = format_ident!("{}", if fallible { "fallible" } else { "function" });
    let call = quote!(<Self as #trait_name>::#ident(&*this, #(#given),*));
    let call = match &method.attributes.represented_as {
        None => call,
        Some(text) => {
            let adapter = adapters::adapter(text, runtime)?;
            let taken = quote!(#runtime::adapt::Taken::<#adapter, _>::new);
            if fallible {
                quote!(#call.map(#taken))
            } else {
                quote!(#taken(#call))
            }
        }
    };
    Ok(quote! {
        let this = ::std::sync::Arc::clone(&implementation);
        let host = host.#kind(#name, move |(#(#names,)*): (#(#types,)*)| {
            #call
        });
    })
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
