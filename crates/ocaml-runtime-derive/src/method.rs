//! What the methods of interface and host traits have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, ItemTrait, Pat, PathArguments, Result, ReturnType, TraitItem,
    TraitItemFn, Type,
};

use crate::adapters;
use crate::attributes::{self, Attributes};
use crate::names;

/// One method.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) ocaml_name: String,
    pub(crate) attributes: Attributes,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) output: Type,
    pub(crate) span: Span,
}

/// One argument behind `&self`.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) of: Type,
    pub(crate) attributes: Attributes,
}

/// Reads the methods, and takes our attributes away from the trait.
pub(crate) fn read_all(
    item: &mut ItemTrait,
    on_method: &[&str],
    on_argument: &[&str],
) -> Result<Vec<Method>> {
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            "the trait cannot be generic: a plugin is compiled once",
        ));
    }
    let read = |member: &mut TraitItem| match member {
        TraitItem::Fn(method) => self::read(method, on_method, on_argument),
        other => Err(Error::new_spanned(other, "only methods can stand here")),
    };
    item.items.iter_mut().map(read).collect()
}

fn read(method: &mut TraitItemFn, on_method: &[&str], on_argument: &[&str]) -> Result<Method> {
    let attributes = Attributes::read(&method.attrs, on_method)?;
    attributes::strip(&mut method.attrs);
    let signature = &mut method.sig;
    if let Some(keyword) = signature.asyncness {
        let message = "calls into OCaml are not async: call the method from a blocking task";
        return Err(Error::new(keyword.span, message));
    }
    if let Some(parameter) = signature
        .generics
        .params
        .iter()
        .find(|parameter| !matches!(parameter, syn::GenericParam::Lifetime(_)))
    {
        return Err(Error::new_spanned(
            parameter,
            "a method of a plugin cannot be generic",
        ));
    }
    if let Some(body) = &method.default {
        return Err(Error::new_spanned(
            body,
            "the other side defines the method: leave the body out",
        ));
    }
    let mut inputs = signature.inputs.iter_mut();
    match inputs.next() {
        Some(FnArg::Receiver(receiver))
            if receiver.reference.is_some() && receiver.mutability.is_none() => {}
        _ => {
            let message = "the method needs `&self`: plugins are called from any thread";
            return Err(Error::new_spanned(&signature.ident, message));
        }
    }
    let mut arguments = Vec::new();
    for input in inputs {
        let FnArg::Typed(typed) = input else { continue };
        let attributes = Attributes::read(&typed.attrs, on_argument)?;
        attributes::strip(&mut typed.attrs);
        let Pat::Ident(pattern) = &*typed.pat else {
            return Err(Error::new_spanned(&typed.pat, "the argument needs a name"));
        };
        refuse_argument(&typed.ty)?;
        arguments.push(Argument {
            ident: pattern.ident.clone(),
            of: (*typed.ty).clone(),
            attributes,
        });
    }
    let output = match &signature.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, output) => (**output).clone(),
    };
    let span = signature.ident.span();
    let own_name = names::lowercase(&signature.ident);
    Ok(Method {
        ident: signature.ident.clone(),
        ocaml_name: attributes.name.clone().unwrap_or(own_name),
        attributes,
        arguments,
        output,
        span,
    })
}

/// Refuses what would be an error in the middle of the code that is generated.
fn refuse_argument(of: &Type) -> Result<()> {
    let message = match of {
        Type::ImplTrait(_) => "a closure is lent as `&dyn Fn(A) -> R`",
        Type::Reference(reference) if reference.mutability.is_some() => {
            "OCaml works on a copy: lend with `&`; a closure as `&dyn Fn(A) -> R`, which may hold a `Cell`"
        }
        _ => return Ok(()),
    };
    Err(Error::new_spanned(of, message))
}

/// `T` of `Result<T>` or `Result<T, E>`, by whatever path.
pub(crate) fn result_of(output: &Type) -> Option<&Type> {
    parameter_of_result(output, 0)
}

/// `E` of `Result<T, E>`.
pub(crate) fn error_of(output: &Type) -> Option<&Type> {
    parameter_of_result(output, 1)
}

fn parameter_of_result(output: &Type, index: usize) -> Option<&Type> {
    let Type::Path(path) = output else {
        return None;
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.iter().nth(index) {
        Some(GenericArgument::Type(of)) if last.ident == "Result" => Some(of),
        _ => None,
    }
}

/// The type that a reference refers to, or the type itself.
pub(crate) fn referent(of: &Type) -> &Type {
    match of {
        Type::Reference(reference) => &reference.elem,
        of => of,
    }
}

/// The result type `of` in the OCaml type that `#[ocaml(as = "...")]` on the method chooses.
pub(crate) fn taken(
    method: &Method,
    of: TokenStream,
    runtime: &TokenStream,
) -> Result<TokenStream> {
    let Some(text) = &method.attributes.represented_as else {
        return Ok(of);
    };
    let adapter = adapters::adapter(text, runtime)?;
    Ok(quote!(#runtime::adapt::Taken<#adapter, #of>))
}

/// Behind a `Result` with such a type: makes it one with the method's own.
pub(crate) fn inner(method: &Method, runtime: &TokenStream) -> TokenStream {
    match method.attributes.represented_as {
        None => quote!(),
        Some(_) => quote!(.map(#runtime::adapt::Taken::into_inner)),
    }
}

/// A check that `of` implements a trait, at its place in the source: the errors of the code that needs it point at
/// the macro.
pub(crate) fn check(of: &Type, described: &TokenStream, wanted: &TokenStream) -> TokenStream {
    quote_spanned! {of.span()=>
        const _: () = {
            const fn check<T: #wanted + ?::core::marker::Sized>() {}
            check::<#described>();
        };
    }
}

/// As [`check`], of the error type `of` of a `Result`, which `wanted` calls `E`.
pub(crate) fn check_error(of: &Type, wanted: &TokenStream) -> TokenStream {
    quote_spanned! {of.span()=>
        const _: () = {
            const fn check<E>() where #wanted {}
            check::<#of>();
        };
    }
}

/// An expression of type `&[Label]`.
pub(crate) fn labels(arguments: &[Argument], runtime: &TokenStream) -> Result<TokenStream> {
    let mut labels = Vec::new();
    for argument in arguments {
        let own = names::lowercase(&argument.ident);
        labels.push(
            match (&argument.attributes.label, &argument.attributes.optional) {
                (None, None) => quote!(#runtime::Label::None),
                (Some(name), None) => {
                    let name = name.as_ref().unwrap_or(&own);
                    quote!(#runtime::Label::Labelled(#name.to_owned()))
                }
                (None, Some(name)) => {
                    let name = name.as_ref().unwrap_or(&own);
                    if !is_option(&argument.of) {
                        let message = "an optional argument is an `Option`";
                        return Err(Error::new_spanned(&argument.of, message));
                    }
                    quote!(#runtime::Label::Optional(#name.to_owned()))
                }
                (Some(_), Some(_)) => {
                    return Err(Error::new_spanned(
                        &argument.ident,
                        "either `label` or `optional`",
                    ));
                }
            },
        );
    }
    Ok(quote!(&[#(#labels),*]))
}

fn is_option(of: &Type) -> bool {
    let Type::Path(path) = of else { return false };
    path.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "Option")
}
