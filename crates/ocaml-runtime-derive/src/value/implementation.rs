//! The generated implementations.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, Parts};
use crate::declaration;

impl Context<'_> {
    pub(super) fn implementations(&self, parts: &Parts) -> TokenStream {
        let (runtime, own, name) = (&self.runtime, self.own, &self.name);
        let count = self.generics.type_params().count();
        let parameters = self
            .generics
            .type_params()
            .map(|parameter| &parameter.ident);
        let identity = declaration::own_type(own, self.generics, runtime);
        let implementation = |of: TokenStream| {
            let mut generics = self.generics.clone();
            for parameter in generics.type_params_mut() {
                parameter.bounds.push(syn::parse_quote!(#of));
            }
            let (first, _, clause) = generics.split_for_impl();
            let (_, arguments, _) = self.generics.split_for_impl();
            (quote!(#first), quote!(#own #arguments #clause))
        };
        let (type_generics, type_head) = implementation(quote!(#runtime::OcamlType));
        let (to_generics, to_head) = implementation(quote!(#runtime::ToOcaml));
        let (from_generics, from_head) = implementation(quote!(#runtime::FromOcaml));
        let Parts {
            body,
            is_float,
            push,
            read,
            ..
        } = parts;
        let leaf = parts.immediate.as_ref().map(|number| {
            quote! {
                const LEAF: bool = true;
                const IMMEDIATE: bool = true;

                #[inline]
                fn leaf(
                    &self,
                    heap: #runtime::convert::Heap<'_>,
                ) -> ::core::result::Result<#runtime::convert::Leaf, #runtime::convert::Error> {
                    heap.int(#number)
                }
            }
        });
        // A value without arguments is carved as it is a leaf; others as their parts say.
        let carve = match (&parts.immediate, &parts.carve) {
            (Some(number), _) => Some((quote!(), quote!(#runtime::convert::Leaf::int(#number)))),
            (None, carve) => carve.clone(),
        };
        let carve = carve.map(|(measure, carve)| {
            quote! {
                #[inline]
                fn measure(&self, meter: &mut #runtime::convert::Meter) {
                    let _ = &meter;
                    #measure
                }

                #[inline]
                fn carve(
                    &self,
                    carver: &mut #runtime::convert::Carver,
                ) -> ::core::result::Result<#runtime::convert::Leaf, #runtime::convert::Error> {
                    let _ = &carver;
                    #carve
                }
            }
        });
        let (as_float, from_float) = match &parts.float {
            None => (quote!(), quote!()),
            Some((to, from)) => (
                quote!(fn as_float(&self) -> f64 { #to }),
                quote!(fn from_float(number: f64) -> ::core::option::Option<Self> { #from }),
            ),
        };
        quote! {
            // SAFETY: the declaration and the two conversions below are made from the same definition, in the
            // layout that OCaml gives to such a declaration; `read` runs no OCaml code.
            #[automatically_derived]
            unsafe impl #type_generics #runtime::OcamlType for #type_head {
                const IS_FLOAT: bool = #is_float;

                fn describe(types: &mut #runtime::Types) -> #runtime::TypeExpression {
                    types.declare(#name, ::core::any::type_name::<#identity>(), #count, |types| {
                        let _ = &types;
                        #body
                    });
                    let arguments = [#(<#parameters as #runtime::OcamlType>::describe(types)),*];
                    #runtime::TypeExpression::apply(#name, arguments)
                }
            }

            #[automatically_derived]
            impl #to_generics #runtime::ToOcaml for #to_head {
                #leaf
                #carve

                fn push_to(
                    &self,
                    stack: &mut #runtime::Stack<'_>,
                ) -> ::core::result::Result<(), #runtime::convert::Error> {
                    #push
                }

                #as_float
            }

            #[automatically_derived]
            impl #from_generics #runtime::FromOcaml for #from_head {
                fn read(
                    value: #runtime::Ref<'_>,
                ) -> ::core::result::Result<Self, #runtime::convert::Error> {
                    #read
                }

                #from_float
            }
        }
    }
}
