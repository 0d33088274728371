//! `#[derive(OcamlValue)]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Field, Fields, Generics, Ident, Member, Result, Token, Type};

use crate::attributes::{self, Attributes};
use crate::declaration;
use crate::names;
use crate::paths;

/// OCaml numbers non-constant constructors by block tags, of which the runtime keeps the last ones.
const MOST_CONSTRUCTORS: usize = 246;

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
                Some(text) => Some(self.adapter(text)?),
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

    fn adapter(&self, text: &syn::LitStr) -> Result<TokenStream> {
        let runtime = &self.runtime;
        let name = match text.value().as_str() {
            "int64" => "Int64",
            "int32" => "Int32",
            "nativeint" => "Nativeint",
            "uchar" => "Uchar",
            "array" => "Array",
            "list" => "List",
            "bytes" => "Bytes",
            "string" => "RawString",
            _ => {
                let message =
                    "expected one of: int64, int32, nativeint, uchar, array, list, bytes, string";
                return Err(Error::new(text.span(), message));
            }
        };
        let name = format_ident!("{name}");
        Ok(quote!(#runtime::adapt::#name))
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

    fn structure(&self, fields: &Fields) -> Result<Parts> {
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
            immediate: None,
        }
    }

    /// `{ a : int; b : string }`, a `String`.
    fn record(&self, fields: &[OcamlField<'_>]) -> TokenStream {
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
        let (push_flat, read_flat) = if adapted || self.generics.type_params().next().is_some() {
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
        Parts {
            body,
            is_float: quote!(false),
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
        Parts {
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

    fn unboxed(
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
        }
    }

    fn variant(&self, variants: &Punctuated<syn::Variant, Token![,]>) -> Result<Parts> {
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

    fn polymorphic(&self, variants: &Punctuated<syn::Variant, Token![,]>) -> Result<Parts> {
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
            immediate,
        })
    }

    fn implementations(&self, parts: &Parts) -> TokenStream {
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

fn variant_name(variant: &syn::Variant) -> Result<String> {
    let attributes = Attributes::read(&variant.attrs, attributes::VARIANT)?;
    Ok(attributes
        .name
        .unwrap_or_else(|| names::capitalised(&variant.ident)))
}
