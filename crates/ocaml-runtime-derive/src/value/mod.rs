//! `#[derive(OcamlValue)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Field, Generics, Ident, Member, Result, Token, Type};

use crate::adapters;
use crate::attributes::{self, Attributes};
use crate::declaration;
use crate::names;
use crate::paths;

mod implementation;
mod structure;
mod variant;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = Attributes::read(&input.attrs, attributes::TYPE)?;
    let context = Context {
        runtime: paths::runtime(attributes.runtime.as_ref()),
        name: attributes
            .name
            .clone()
            .unwrap_or_else(|| names::snake_case(&input.ident)),
        generics: &input.generics,
        own: &input.ident,
        attributes,
    };
    let parts = match &input.data {
        Data::Struct(data) => context.structure(&data.fields)?,
        Data::Enum(data) if context.attributes.polymorphic => {
            context.polymorphic(&data.variants)?
        }
        Data::Enum(data) => context.variant(&data.variants)?,
        Data::Union(data) => {
            let message = "a union has no OCaml type: use a struct or an enum";
            return Err(Error::new(data.union_token.span, message));
        }
    };
    Ok(context.implementations(&parts))
}

/// The type that is derived for.
struct Context<'i> {
    runtime: TokenStream,
    name: String,
    generics: &'i Generics,
    own: &'i Ident,
    attributes: Attributes,
}

/// The generated expressions.
struct Parts {
    /// A `String`: the right-hand side of the declaration; `types` is in scope.
    body: TokenStream,
    /// A `bool` constant.
    is_float: TokenStream,
    /// Pushes `self` on `stack` and ends in `Ok(())`.
    push: TokenStream,
    /// Reads `value` and ends in `Ok(...)`.
    read: TokenStream,
    /// The expression `as_float` and, with `number` in scope, `from_float`; for one-field types.
    float: Option<(TokenStream, TokenStream)>,
    /// An `i64`: the number of a value of an enum without arguments.
    immediate: Option<TokenStream>,
    /// The bodies of `measure` and `carve`, with `meter` and `carver` in scope.
    carve: Option<(TokenStream, TokenStream)>,
}

/// One field, as it is written in OCaml.
struct OcamlField<'f> {
    member: Member,
    /// The variable that holds (a reference to) the field.
    variable: Ident,
    name: String,
    of: &'f Type,
    mutable: bool,
    adapter: Option<TokenStream>,
}

impl OcamlField<'_> {
    fn label(&self) -> String {
        format!("field `{}`", self.name)
    }
}

impl Context<'_> {
    fn fields<'f>(&self, fields: &'f Punctuated<Field, Token![,]>) -> Result<Vec<OcamlField<'f>>> {
        let read = |(index, field): (usize, &'f Field)| {
            let attributes = Attributes::read(&field.attrs, attributes::FIELD)?;
            let own_name = match &field.ident {
                Some(name) => names::lowercase(name),
                None => format!("{}", index + 1),
            };
            let adapter = match &attributes.represented_as {
                None => None,
                Some(text) => Some(adapters::adapter(text, &self.runtime)?),
            };
            Ok(OcamlField {
                member: match &field.ident {
                    Some(name) => Member::Named(name.clone()),
                    None => Member::Unnamed(index.into()),
                },
                variable: format_ident!("field_{index}"),
                name: attributes.name.unwrap_or(own_name),
                of: &field.ty,
                mutable: attributes.mutable,
                adapter,
            })
        };
        fields.iter().enumerate().map(read).collect()
    }

    /// The field's type expression, `types` being in scope.
    fn describe(&self, field: &OcamlField<'_>) -> TokenStream {
        let runtime = &self.runtime;
        let of = declaration::described(field.of, self.generics, self.own, runtime);
        match &field.adapter {
            None => quote!(<#of as #runtime::OcamlType>::describe(types)),
            Some(adapter) => quote!(<#adapter as #runtime::adapt::AdaptType<#of>>::describe(types)),
        }
    }

    fn is_float(&self, field: &OcamlField<'_>) -> TokenStream {
        let runtime = &self.runtime;
        let of = declaration::described(field.of, self.generics, self.own, runtime);
        match &field.adapter {
            None => quote!(<#of as #runtime::OcamlType>::IS_FLOAT),
            Some(_) => quote!(false),
        }
    }

    /// Pushes a field that the variable refers to.
    fn push(&self, field: &OcamlField<'_>) -> TokenStream {
        let runtime = &self.runtime;
        let (variable, of, label) = (&field.variable, field.of, field.label());
        let push = match &field.adapter {
            None => quote!(<#of as #runtime::ToOcaml>::push_to(#variable, stack)),
            Some(adapter) => {
                quote!(<#adapter as #runtime::adapt::AdaptTo<#of>>::push_to(#variable, stack))
            }
        };
        quote!(#push.map_err(|error| error.within(#label))?;)
    }

    /// Counts the words of a block of these fields, and carves it; not for fields in another type.
    fn carve(&self, tag: u8, fields: &[OcamlField<'_>]) -> Option<(TokenStream, TokenStream)> {
        let (measure, parts) = self.carve_parts(fields)?;
        let count = fields.len();
        Some((
            quote!(meter.block(#count); #measure),
            quote!(let parts = #parts; carver.block(#tag, parts)),
        ))
    }

    /// Counts the words of these fields, and carves an array of them.
    fn carve_parts(&self, fields: &[OcamlField<'_>]) -> Option<(TokenStream, TokenStream)> {
        let runtime = &self.runtime;
        let (mut measures, mut parts) = (Vec::new(), Vec::new());
        for field in fields {
            if field.adapter.is_some() {
                return None;
            }
            let (variable, of, label) = (&field.variable, field.of, field.label());
            measures.push(quote!(<#of as #runtime::ToOcaml>::measure(#variable, meter);));
            parts.push(quote! {
                <#of as #runtime::ToOcaml>::carve(#variable, carver)
                    .map_err(|error| error.within(#label))?
            });
        }
        Some((quote!(#(#measures)*), quote!([#(#parts),*])))
    }

    /// Makes a block of the fields that the variables refer to.
    fn make(&self, tag: u8, fields: &[OcamlField<'_>]) -> TokenStream {
        let count = fields.len();
        let pushes = fields.iter().map(|field| self.push(field));
        quote! {
            #(#pushes)*
            stack.make_block(#tag, #count)?;
        }
    }

    /// Reads a field from the variable, which is a `Ref`.
    fn read(&self, field: &OcamlField<'_>) -> TokenStream {
        let runtime = &self.runtime;
        let (variable, of, label) = (&field.variable, field.of, field.label());
        let read = match &field.adapter {
            None => quote!(<#of as #runtime::FromOcaml>::read(#variable)),
            Some(adapter) => quote!(<#adapter as #runtime::adapt::AdaptFrom<#of>>::read(#variable)),
        };
        quote!(#read.map_err(|error| error.within(#label))?)
    }
}
