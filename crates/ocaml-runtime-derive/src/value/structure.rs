//! Structs: records, tuples, newtypes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Fields, Result, Type};

use super::{Context, OcamlField, Parts};
use crate::names;

impl Context<'_> {
    pub(super) fn structure(&self, fields: &Fields) -> Result<Parts> {
        if self.attributes.polymorphic {
            return Err(Error::new(self.own.span(), "`polymorphic` is for enums"));
        }
        match fields {
            Fields::Unit => Ok(self.unit()),
            Fields::Named(named) if named.named.is_empty() => Ok(self.unit()),
            Fields::Unnamed(unnamed) if unnamed.unnamed.is_empty() => Ok(self.unit()),
            Fields::Named(named) => {
                let fields = self.fields(&named.named)?;
                if self.attributes.unboxed {
                    return self.unboxed(&fields, &quote!(Self), |context, field| {
                        let record = context.record(std::slice::from_ref(field));
                        quote!(format!("{} [@@unboxed]", #record))
                    });
                }
                Ok(self.record_parts(&fields))
            }
            Fields::Unnamed(unnamed) => {
                let fields = self.fields(&unnamed.unnamed)?;
                if self.attributes.unboxed {
                    let constructor = names::capitalised(self.own);
                    return self.unboxed(&fields, &quote!(Self), |context, field| {
                        let part = context.describe(field);
                        quote!(format!("{} of {} [@@unboxed]", #constructor, #part.as_part()))
                    });
                }
                if let [field] = fields.as_slice() {
                    let part = self.describe(field);
                    return Ok(self.transparent(field, &quote!(Self), quote!(#part.to_string())));
                }
                Ok(self.tuple(&fields))
            }
        }
    }

    fn unit(&self) -> Parts {
        let constructor = quote!(Self {});
        Parts {
            body: quote!("unit".to_owned()),
            is_float: quote!(false),
            push: quote!(stack.push_unit(); Ok(())),
            read: quote!(value.int()?; Ok(#constructor)),
            float: None,
            immediate: Some(quote!(0)),
            carve: None,
        }
    }

    /// `{ a : int; b : string }`, a `String`.
    pub(super) fn record(&self, fields: &[OcamlField<'_>]) -> TokenStream {
        let texts = fields.iter().map(|field| {
            let part = self.describe(field);
            let name = if field.mutable {
                format!("mutable {}", field.name)
            } else {
                field.name.clone()
            };
            quote!(format!("{} : {}", #name, #part))
        });
        quote!(format!("{{ {} }}", [#(#texts),*].join("; ")))
    }

    fn record_parts(&self, fields: &[OcamlField<'_>]) -> Parts {
        let runtime = &self.runtime;
        let body = self.record(fields);
        let floats = fields.iter().map(|field| self.is_float(field));
        let flat = quote!(const { true #(&& #floats)* });
        let (members, variables): (Vec<_>, Vec<_>) = fields
            .iter()
            .map(|field| (&field.member, &field.variable))
            .unzip();
        let make = self.make(0, fields);
        let reads = fields.iter().map(|field| self.read(field));
        let count = fields.len();
        // Adapted fields are never floats, so that the flat branch of a record with one is dead: it is left
        // out, as the field need not have an OCaml type of its own. So it is in a generic type, whose
        // parameters are not floats to the declaration.
        let adapted = fields.iter().any(|field| field.adapter.is_some());
        let push_flat_is_dead = adapted || self.generics.type_params().next().is_some();
        let (push_flat, read_flat) = if push_flat_is_dead {
            let message = "a generic record of floats only is not supported";
            (quote!(const { assert!(!#flat, #message) };), quote!())
        } else {
            let types: Vec<&Type> = fields.iter().map(|field| field.of).collect();
            let indices = 0..count;
            (
                quote! {
                    if #flat {
                        return stack.push_floats(&[#(<#types as #runtime::ToOcaml>::as_float(&self.#members)),*]);
                    }
                },
                quote! {
                    if #flat {
                        let numbers = value.record_of_floats(#count)?;
                        return Ok(Self {
                            #(#members: <#types as #runtime::FromOcaml>::from_float(numbers[#indices])
                                .ok_or_else(|| #runtime::convert::Error::custom("not a float"))?),*
                        });
                    }
                },
            )
        };
        let carve = self.carve(0, fields).map(|(measure, carve)| {
            let open = quote!(let Self { #(#members: #variables),* } = self;);
            let (measure_flat, carve_flat) = if push_flat_is_dead {
                (quote!(), quote!())
            } else {
                let types: Vec<&Type> = fields.iter().map(|field| field.of).collect();
                (
                    quote!(if #flat { meter.block(#count); return; }),
                    quote! {
                        if #flat {
                            return carver.floats([#(<#types as #runtime::ToOcaml>::as_float(#variables)),*]);
                        }
                    },
                )
            };
            (quote!(#open #measure_flat #measure), quote!(#open #carve_flat #carve))
        });
        Parts {
            body,
            is_float: quote!(false),
            carve,
            push: quote! {
                #push_flat
                let Self { #(#members: #variables),* } = self;
                #make
                Ok(())
            },
            read: quote! {
                #read_flat
                let [#(#variables),*] = value.fields::<#count>(0)?;
                Ok(Self { #(#members: #reads),* })
            },
            float: None,
            immediate: None,
        }
    }

    fn tuple(&self, fields: &[OcamlField<'_>]) -> Parts {
        let runtime = &self.runtime;
        let parts = fields.iter().map(|field| self.describe(field));
        let (members, variables): (Vec<_>, Vec<_>) = fields
            .iter()
            .map(|field| (&field.member, &field.variable))
            .unzip();
        let make = self.make(0, fields);
        let reads = fields.iter().map(|field| self.read(field));
        let count = fields.len();
        let carve = self.carve(0, fields).map(|(measure, carve)| {
            let open = quote!(let Self { #(#members: #variables),* } = self;);
            (quote!(#open #measure), quote!(#open #carve))
        });
        Parts {
            carve,
            body: quote!(#runtime::TypeExpression::tuple([#(#parts),*]).to_string()),
            is_float: quote!(false),
            push: quote! {
                let Self { #(#members: #variables),* } = self;
                #make
                Ok(())
            },
            read: quote! {
                let [#(#variables),*] = value.fields::<#count>(0)?;
                Ok(Self { #(#members: #reads),* })
            },
            float: None,
            immediate: None,
        }
    }

    pub(super) fn unboxed(
        &self,
        fields: &[OcamlField<'_>],
        constructor: &TokenStream,
        body: impl FnOnce(&Self, &OcamlField<'_>) -> TokenStream,
    ) -> Result<Parts> {
        let [field] = fields else {
            return Err(Error::new(
                self.own.span(),
                "`unboxed` needs exactly one field",
            ));
        };
        let body = body(self, field);
        Ok(self.transparent(field, constructor, body))
    }

    /// A type whose values are those of its one field.
    fn transparent(
        &self,
        field: &OcamlField<'_>,
        constructor: &TokenStream,
        body: TokenStream,
    ) -> Parts {
        let runtime = &self.runtime;
        let (member, variable, of) = (&field.member, &field.variable, field.of);
        let (push, read) = (self.push(field), self.read(field));
        let carve = field.adapter.is_none().then(|| {
            let open = quote!(let #constructor { #member: #variable } = self;);
            (
                quote!(#open <#of as #runtime::ToOcaml>::measure(#variable, meter);),
                quote!(#open <#of as #runtime::ToOcaml>::carve(#variable, carver)),
            )
        });
        let float = field.adapter.is_none().then(|| {
            (
                quote! {
                    let #constructor { #member: #variable } = self;
                    <#of as #runtime::ToOcaml>::as_float(#variable)
                },
                quote! {
                    let #variable = <#of as #runtime::FromOcaml>::from_float(number)?;
                    Some(#constructor { #member: #variable })
                },
            )
        });
        Parts {
            body,
            is_float: self.is_float(field),
            push: quote! {
                let #constructor { #member: #variable } = self;
                #push
                Ok(())
            },
            read: quote! {
                let #variable = value;
                Ok(#constructor { #member: #read })
            },
            float,
            immediate: None,
            carve,
        }
    }
}
