//! `#[interface]`.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::parse::Parser;
use syn::{Error, ItemTrait, LitStr, Path, Result, Type};

use crate::adapters;
use crate::attributes;
use crate::declaration;
use crate::method::{self, Method};
use crate::names;
use crate::paths;

pub(crate) fn expand(arguments: TokenStream, mut item: ItemTrait) -> Result<TokenStream> {
    let (mut name, mut runtime, mut hosts) = (None::<String>, None::<Path>, Vec::<Type>::new());
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("name") {
            name = Some(meta.value()?.parse::<LitStr>()?.value());
        } else if meta.path.is_ident("crate") {
            runtime = Some(meta.value()?.parse::<LitStr>()?.parse()?);
        } else if meta.path.is_ident("host") {
            hosts.push(meta.value()?.parse()?);
        } else {
            return Err(meta.error("expected one of: name, host, crate"));
        }
        Ok(())
    });
    parser.parse2(arguments)?;
    let methods = method::read_all(&mut item, attributes::METHOD, attributes::ARGUMENT)?;
    item.supertraits
        .push(syn::parse_quote!(::core::marker::Send));
    item.supertraits
        .push(syn::parse_quote!(::core::marker::Sync));
    let runtime = paths::runtime(runtime.as_ref());
    let name = name.unwrap_or_else(|| names::capitalised(&item.ident));
    let expansion = Expansion {
        plugin: format_ident!("{}Plugin", item.ident),
        item,
        name,
        runtime,
        hosts,
        methods,
    };
    expansion.tokens()
}

struct Expansion {
    item: ItemTrait,
    plugin: Ident,
    name: String,
    runtime: TokenStream,
    hosts: Vec<Type>,
    methods: Vec<Method>,
}

impl Expansion {
    /// The type as the interface describes it: lifetimes do not count.
    fn described(&self, of: &Type) -> TokenStream {
        declaration::described(of, &self.item.generics, &self.item.ident, &self.runtime)
    }

    /// The type of an argument, as it is handed to OCaml.
    fn given(&self, argument: &method::Argument) -> Result<TokenStream> {
        let runtime = &self.runtime;
        let Some(text) = &argument.attributes.represented_as else {
            return Ok(self.described(&argument.of));
        };
        let adapter = adapters::adapter(text, runtime)?;
        let of = self.described(method::referent(&argument.of));
        Ok(quote!(#runtime::adapt::Given<'static, #adapter, #of>))
    }

    /// The type of a method's result, as it is read from OCaml.
    fn taken(&self, method: &Method, of: &Type) -> Result<TokenStream> {
        method::taken(method, self.described(of), &self.runtime)
    }

    fn tokens(&self) -> Result<TokenStream> {
        let Expansion {
            item,
            plugin,
            name,
            runtime,
            hosts,
            methods,
        } = self;
        let (trait_name, visibility) = (&item.ident, &item.vis);
        let items = methods.iter().map(|method| self.declare(method));
        let items = items.collect::<Result<Vec<_>>>()?;
        let bodies = methods
            .iter()
            .enumerate()
            .map(|(index, method)| self.body(index, method));
        let bodies = bodies.collect::<Result<Vec<_>>>()?;
        let constants = methods.iter().filter(|method| method.attributes.constant);
        let constants = constants.map(|method| self.constant(method));
        let constants = constants.collect::<Result<Vec<_>>>()?;
        let (fields, values): (Vec<_>, Vec<_>) = constants.into_iter().unzip();
        let checks = methods.iter().map(|method| self.checks(method));
        let checks = checks.collect::<Result<Vec<_>>>()?;
        let handle = format!("A loaded plugin of the interface [`{trait_name}`].");
        let module_docs = "The plugin's module, by the names of the interface.";
        Ok(quote! {
            #item

            #(#checks)*

            #[doc = #handle]
            #[derive(Clone)]
            #visibility struct #plugin {
                module: #runtime::Module,
                #(#fields,)*
            }

            impl #plugin {
                #[doc = #module_docs]
                #[must_use]
                #visibility fn module(&self) -> &#runtime::Module {
                    &self.module
                }
            }

            impl ::core::fmt::Debug for #plugin {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(::core::stringify!(#plugin)).finish_non_exhaustive()
                }
            }

            impl #trait_name for #plugin {
                #(#bodies)*
            }

            impl #runtime::PluginInterface for dyn #trait_name {
                type Plugin = #plugin;

                fn interface() -> &'static #runtime::Interface {
                    static INTERFACE: ::std::sync::OnceLock<#runtime::Interface> =
                        ::std::sync::OnceLock::new();
                    INTERFACE.get_or_init(|| {
                        #runtime::Interface::builder(#name)
                            #(.host(<#hosts as #runtime::HostInterface>::signature()))*
                            #(#items)*
                            .build_declared()
                    })
                }

                fn bind(
                    module: #runtime::Module,
                ) -> ::core::result::Result<#plugin, #runtime::module::Error> {
                    module.check_interface(<Self as #runtime::PluginInterface>::interface())?;
                    ::core::result::Result::Ok(#plugin {
                        #(#values,)*
                        module,
                    })
                }
            }
        })
    }

    fn declare(&self, method: &Method) -> Result<TokenStream> {
        let name = &method.ocaml_name;
        if method.attributes.constant {
            let of = self.taken(method, &owned(&method.output))?;
            return Ok(quote!(.value::<#of>(#name)));
        }
        let arguments = method.arguments.iter().map(|argument| self.given(argument));
        let arguments = arguments.collect::<Result<Vec<_>>>()?;
        let result = self.taken(method, result(method)?)?;
        let labels = method::labels(&method.arguments, &self.runtime)?;
        Ok(quote!(.labelled_function::<(#(#arguments,)*), #result>(#name, #labels)))
    }

    /// What the types of a method have to be.
    fn checks(&self, method: &Method) -> Result<TokenStream> {
        let runtime = &self.runtime;
        let (to, from) = (quote!(#runtime::ToOcaml), quote!(#runtime::FromOcaml));
        if method.attributes.constant {
            let of = self.taken(method, &owned(&method.output))?;
            return Ok(method::check(&method.output, &of, &from));
        }
        let result = result(method)?;
        let mut checks = method::check(result, &self.taken(method, result)?, &from);
        if let Some(error) = method::error_of(&method.output) {
            let wanted = quote!(E: ::core::convert::From<#runtime::call::Error>);
            checks.extend(method::check_error(error, &wanted));
        }
        for argument in &method.arguments {
            // At the type itself: for a reference, the compiler would point at the `&`.
            let of = method::referent(&argument.of);
            let described = match argument.attributes.represented_as {
                None => self.described(of),
                Some(_) => self.given(argument)?,
            };
            checks.extend(method::check(of, &described, &to));
        }
        Ok(checks)
    }

    fn body(&self, index: usize, method: &Method) -> Result<TokenStream> {
        let runtime = &self.runtime;
        let declared = self.item.items.iter().find_map(|item| match item {
            syn::TraitItem::Fn(function) if function.sig.ident == method.ident => {
                Some(&function.sig)
            }
            _ => None,
        });
        let Some(signature) = declared else {
            return Err(Error::new(method.span, "the method is lost"));
        };
        let ident = &method.ident;
        if method.attributes.constant {
            let value = match &method.output {
                Type::Reference(_) => quote!(&self.#ident),
                _ => quote!(::core::clone::Clone::clone(&self.#ident)),
            };
            return Ok(quote!(#signature { #value }));
        }
        let mut arguments = Vec::new();
        for argument in &method.arguments {
            let ident = &argument.ident;
            arguments.push(match &argument.attributes.represented_as {
                None => quote!(#ident),
                Some(text) => {
                    let adapter = adapters::adapter(text, runtime)?;
                    let borrow = match argument.of {
                        Type::Reference(_) => quote!(),
                        _ => quote!(&),
                    };
                    quote!(#runtime::adapt::Given::<'_, #adapter, _>::new(#borrow #ident))
                }
            });
        }
        let result = result(method)?;
        let result = method::taken(method, quote!(#result), runtime)?;
        let inner = method::inner(method, runtime);
        Ok(quote! {
            #[inline]
            #signature {
                // SAFETY: the interface declares this function at this index with these types, from the same
                // definition, and `bind` checked that the module is of this interface.
                let result = unsafe {
                    self.module.call_unchecked::<_, #result>(#index, (#(#arguments,)*))
                };
                result #inner.map_err(::core::convert::From::<#runtime::call::Error>::from)
            }
        })
    }

    /// The field that holds a constant, and its value with `module` in scope.
    fn constant(&self, method: &Method) -> Result<(TokenStream, TokenStream)> {
        let (ident, name, of) = (&method.ident, &method.ocaml_name, owned(&method.output));
        let taken = method::taken(method, quote!(#of), &self.runtime)?;
        let inner = method::inner(method, &self.runtime);
        Ok((
            quote!(#ident: #of),
            quote!(#ident: module.value::<#taken>(#name) #inner?),
        ))
    }
}

/// The type that a call gives when it succeeds.
fn result(method: &Method) -> Result<&Type> {
    let result = method::result_of(&method.output).ok_or_else(|| {
        Error::new_spanned(
            &method.output,
            "a call into OCaml can fail: return `call::Result<T>`, or mark a constant with \
             `#[ocaml(constant)]`",
        )
    })?;
    match result {
        Type::Reference(_) => Err(Error::new_spanned(
            result,
            "a result is copied out of OCaml's memory: return a type that owns it, such as `String` for `&str`",
        )),
        result => Ok(result),
    }
}

/// The type in which a constant is kept.
fn owned(output: &Type) -> Type {
    let Type::Reference(reference) = output else {
        return output.clone();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a trait with this method.
    fn refusal(method: &str) -> String {
        let mut item: ItemTrait = syn::parse_str(&format!("trait Shop {{ {method} }}")).unwrap();
        let methods = method::read_all(&mut item, &["constant"], &["label", "optional"]);
        let checked = methods.and_then(|methods| match methods.as_slice() {
            [one] => result(one).map(drop),
            _ => Ok(()),
        });
        checked
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_method_that_cannot_be_is_refused_with_what_to_write() {
        assert_eq!(refusal("fn a(&self, n: i64) -> call::Result<i64>;"), "");
        assert_eq!(
            refusal("fn a(&self, f: &dyn Fn(i64) -> i64) -> Result<(), E>;"),
            ""
        );
        for (method, words) in [
            (
                "fn a(&self, f: impl Fn(i64)) -> Result<()>;",
                "lent as `&dyn Fn",
            ),
            (
                "fn a(&self, f: &mut dyn FnMut(i64)) -> Result<()>;",
                "lend with `&`",
            ),
            ("fn a(&self) -> Result<&str>;", "such as `String`"),
            ("fn a(&self) -> i64;", "return `call::Result<T>`"),
            ("fn a(&mut self) -> Result<i64>;", "needs `&self`"),
            ("async fn a(&self) -> Result<i64>;", "from a blocking task"),
            ("fn a<T>(&self, t: T) -> Result<i64>;", "cannot be generic"),
            ("fn a(&self) -> Result<i64> { Ok(1) }", "leave the body out"),
            ("type A;", "only methods"),
        ] {
            let refusal = refusal(method);
            assert!(refusal.contains(words), "{method}: {refusal}");
        }
    }
}
