//! Enums: variants and polymorphic variants.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Error, Fields, Result, Token};

use super::{Context, OcamlField, Parts};
use crate::attributes::{self, Attributes};
use crate::names;

/// OCaml numbers non-constant constructors by block tags, of which the runtime keeps the last ones.
const MOST_CONSTRUCTORS: usize = 246;

impl Context<'_> {
    pub(super) fn variant(&self, variants: &Punctuated<syn::Variant, Token![,]>) -> Result<Parts> {
        if variants.is_empty() {
            return Err(Error::new(
                self.own.span(),
                "an enum without variants has no values to convert",
            ));
        }
        if self.attributes.unboxed {
            return self.unboxed_variant(variants);
        }
        let (mut texts, mut pushes) = (Vec::new(), Vec::new());
        let (mut constants, mut blocks, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let runtime = &self.runtime;
        let leaf = quote!(#runtime::convert::Leaf);
        let (mut measures, mut carves, mut carved) = (Vec::new(), Vec::new(), true);
        for variant in variants {
            let (ident, name) = (&variant.ident, variant_name(variant)?);
            let fields = self.variant_fields(variant)?;
            if fields.is_empty() {
                let index = constants.len() as u32;
                let number = i64::from(index);
                texts.push(quote!(#name.to_owned()));
                pushes.push(quote!(Self::#ident { .. } => stack.push_constant(#index)));
                constants.push(quote!(#number => Ok(Self::#ident {})));
                numbers.push(quote!(Self::#ident { .. } => #number));
                measures.push(quote!(Self::#ident { .. } => {}));
                carves.push(quote!(Self::#ident { .. } => #leaf::int(#number)));
                continue;
            }
            if blocks.len() == MOST_CONSTRUCTORS {
                let message =
                    format!("OCaml has at most {MOST_CONSTRUCTORS} constructors with arguments");
                return Err(Error::new(ident.span(), message));
            }
            let tag = blocks.len() as u8;
            let arguments = self.arguments(&variant.fields, &fields);
            texts.push(quote!(format!("{} of {}", #name, #arguments)));
            let (members, variables): (Vec<_>, Vec<_>) = fields
                .iter()
                .map(|field| (&field.member, &field.variable))
                .unzip();
            let make = self.make(tag, &fields);
            match self.carve(tag, &fields) {
                Some((measure, carve)) => {
                    measures
                        .push(quote!(Self::#ident { #(#members: #variables),* } => { #measure }));
                    carves.push(quote!(Self::#ident { #(#members: #variables),* } => { #carve }));
                }
                None => carved = false,
            }
            let reads = fields.iter().map(|field| self.read(field));
            let count = fields.len();
            pushes.push(quote! {
                Self::#ident { #(#members: #variables),* } => { #make }
            });
            blocks.push(quote! {
                #tag => {
                    let [#(#variables),*] = value.fields::<#count>(#tag)?;
                    Ok(Self::#ident { #(#members: #reads),* })
                }
            });
        }
        let wrong = self.no_such_constructor();
        let immediate = blocks
            .is_empty()
            .then(|| quote!(match self { #(#numbers),* }));
        let read_blocks = if blocks.is_empty() {
            quote!(#wrong)
        } else {
            quote!(match value.tag()? { #(#blocks)* _ => #wrong })
        };
        Ok(Parts {
            body: quote!([#(#texts),*].join(" | ")),
            is_float: quote!(false),
            push: quote!(match self { #(#pushes),* } Ok(())),
            read: quote! {
                if value.is_immediate() {
                    match value.int()? { #(#constants,)* _ => #wrong }
                } else {
                    #read_blocks
                }
            },
            float: None,
            carve: carved.then(|| {
                (
                    quote!(match self { #(#measures),* }),
                    quote!(match self { #(#carves),* }),
                )
            }),
            immediate,
        })
    }

    fn no_such_constructor(&self) -> TokenStream {
        let runtime = &self.runtime;
        let message = format!("no constructor of `{}`", self.name);
        quote!(Err(#runtime::convert::Error::custom(#message)))
    }

    fn variant_fields<'f>(&self, variant: &'f syn::Variant) -> Result<Vec<OcamlField<'f>>> {
        match &variant.fields {
            Fields::Unit => Ok(Vec::new()),
            Fields::Named(fields) => self.fields(&fields.named),
            Fields::Unnamed(fields) => self.fields(&fields.unnamed),
        }
    }

    /// What stands behind `of`, a `String`.
    fn arguments(&self, fields: &Fields, ocaml: &[OcamlField<'_>]) -> TokenStream {
        if matches!(fields, Fields::Named(_)) {
            return self.record(ocaml);
        }
        let parts = ocaml.iter().map(|field| self.describe(field));
        quote!([#(#parts.as_part()),*].join(" * "))
    }

    fn unboxed_variant(&self, variants: &Punctuated<syn::Variant, Token![,]>) -> Result<Parts> {
        let single = variants.first().filter(|_| variants.len() == 1);
        let Some(variant) = single else {
            return Err(Error::new(
                self.own.span(),
                "`unboxed` needs exactly one variant",
            ));
        };
        let fields = self.variant_fields(variant)?;
        let (ident, name) = (&variant.ident, variant_name(variant)?);
        self.unboxed(&fields, &quote!(Self::#ident), |context, field| {
            let arguments = context.arguments(&variant.fields, std::slice::from_ref(field));
            quote!(format!("{} of {} [@@unboxed]", #name, #arguments))
        })
    }

    pub(super) fn polymorphic(
        &self,
        variants: &Punctuated<syn::Variant, Token![,]>,
    ) -> Result<Parts> {
        let (mut texts, mut pushes) = (Vec::new(), Vec::new());
        let (mut constants, mut blocks, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        for variant in variants {
            let (ident, name) = (&variant.ident, variant_name(variant)?);
            if matches!(variant.fields, Fields::Named(_)) {
                let message =
                    "a polymorphic variant has no inline record: use a tuple variant or a struct";
                return Err(Error::new(ident.span(), message));
            }
            let fields = self.variant_fields(variant)?;
            let hash = names::variant_hash(&name);
            let tagged = format!("`{name}");
            if fields.is_empty() {
                texts.push(quote!(#tagged.to_owned()));
                pushes.push(quote!(Self::#ident { .. } => stack.push_int(#hash)?));
                constants.push(quote!(#hash => Ok(Self::#ident {})));
                numbers.push(quote!(Self::#ident { .. } => #hash));
                continue;
            }
            let arguments = self.arguments(&variant.fields, &fields);
            texts.push(quote!(format!("{} of {}", #tagged, #arguments)));
            let (members, variables): (Vec<_>, Vec<_>) = fields
                .iter()
                .map(|field| (&field.member, &field.variable))
                .unzip();
            let field_pushes = fields.iter().map(|field| self.push(field));
            let reads = fields.iter().map(|field| self.read(field));
            let count = fields.len();
            // One argument stands for itself, several are a tuple.
            let (make, take) = if count == 1 {
                (quote!(), quote!(#(let #variables = argument;)*))
            } else {
                (
                    quote!(stack.make_block(0, #count)?;),
                    quote!(let [#(#variables),*] = argument.fields::<#count>(0)?;),
                )
            };
            pushes.push(quote! {
                Self::#ident { #(#members: #variables),* } => {
                    stack.push_int(#hash)?;
                    #(#field_pushes)*
                    #make
                    stack.make_block(0, 2)?;
                }
            });
            blocks.push(quote! {
                #hash => {
                    #take
                    Ok(Self::#ident { #(#members: #reads),* })
                }
            });
        }
        let wrong = self.no_such_constructor();
        let immediate = blocks
            .is_empty()
            .then(|| quote!(match self { #(#numbers),* }));
        let read_blocks = if blocks.is_empty() {
            quote!(#wrong)
        } else {
            quote! {{
                let [hash, argument] = value.fields::<2>(0)?;
                match hash.int()? { #(#blocks)* _ => #wrong }
            }}
        };
        Ok(Parts {
            body: quote!(format!("[ {} ]", [#(#texts),*].join(" | "))),
            is_float: quote!(false),
            push: quote!(match self { #(#pushes),* } Ok(())),
            read: quote! {
                if value.is_immediate() {
                    match value.int()? { #(#constants,)* _ => #wrong }
                } else {
                    #read_blocks
                }
            },
            float: None,
            carve: None,
            immediate,
        })
    }
}

fn variant_name(variant: &syn::Variant) -> Result<String> {
    let attributes = Attributes::read(&variant.attrs, attributes::VARIANT)?;
    Ok(attributes
        .name
        .unwrap_or_else(|| names::capitalised(&variant.ident)))
}
