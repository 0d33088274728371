//! Functions of the application that plugins can call, as an OCaml module.

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use crate::call;
use crate::convert::{Error as ConvertError, FromOcaml, OcamlType, Ref, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::interface::{self, Error};
use crate::names;
use crate::runtime::Runtime;
use crate::sys::dispatch::{Failure, HostFunction};

/// Names and types of a module of functions of the application.
#[derive(Debug, Clone)]
pub struct Signature {
    name: String,
    functions: Vec<FunctionSignature>,
}

#[derive(Debug, Clone)]
struct FunctionSignature {
    name: String,
    /// Number of OCaml arguments; a function of none takes `unit`.
    arity: usize,
    describe: fn(&mut Types) -> TypeExpression,
}

impl Signature {
    /// A module named `name`, without functions yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Signature {
        Signature {
            name: name.into(),
            functions: Vec::new(),
        }
    }

    /// Adds a function.
    #[must_use]
    pub fn function<A: HostArguments, R: OcamlType>(
        mut self,
        name: impl Into<String>,
    ) -> Signature {
        self.functions.push(FunctionSignature {
            name: name.into(),
            arity: A::COUNT,
            describe: |types| {
                let result = R::describe(types);
                A::describe_host(types, result)
            },
        });
        self
    }

    /// The OCaml module's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The module as `(module Name : sig ... end, module Name = struct ... end)`.
    pub(crate) fn text(&self, types: &mut Types) -> Result<(String, String), Error> {
        let mut signature = format!("module {} : sig\n", self.name);
        let mut structure = format!("module {} = struct\n", self.name);
        for (index, function) in self.functions.iter().enumerate() {
            let name = &function.name;
            interface::check(names::is_lowercase, name, "a value")?;
            if self.functions[..index]
                .iter()
                .any(|other| &other.name == name)
            {
                return Err(interface::twice(name));
            }
            let type_text = types.outside(function.describe);
            let key = function.key(&self.name);
            let names: Vec<String> = (1..=function.arity).map(|n| format!("a{n}")).collect();
            let (parameters, argument) = match names.as_slice() {
                [] => ("()".to_owned(), "()".to_owned()),
                [one] => (one.clone(), one.clone()),
                many => (many.join(" "), format!("({})", many.join(", "))),
            };
            let _ = writeln!(signature, "  val {name} : {type_text}");
            let _ = writeln!(
                structure,
                "  let {name} : {type_text} =\n    let number = Saddlebag_host.host_function \"{key}\" in\n    \
                 fun {parameters} -> Saddlebag_host.call_host number {argument}"
            );
        }
        signature.push_str("end\n");
        structure.push_str("end\n");
        Ok((signature, structure))
    }
}

impl FunctionSignature {
    /// What a plugin asks for: full name and type, and a digest of the types' declarations where there are any.
    fn key(&self, module: &str) -> String {
        let mut types = Types::default();
        let type_text = (self.describe)(&mut types);
        let declarations = types.to_string();
        let mut key = format!("{module}.{} : {type_text}", self.name);
        if !declarations.is_empty() {
            let _ = write!(key, " [{}]", &interface::digest(&declarations)[..8]);
        }
        key
    }
}

/// A module of functions of the application.
///
/// ```
/// use ocaml_runtime::{Host, Interface};
///
/// let host = Host::new("Bank")
///     .fallible("rate", |(currency,): (String,)| match currency.as_str() {
///         "EUR" => Ok(1.08),
///         other => Err(format!("no rate for {other}")),
///     })
///     .function("today", |()| "2026-11-21".to_owned());
/// let interface = Interface::builder("Pricing")
///     .host(host.signature())
///     .function::<(f64,), f64>("price")
///     .build()?;
/// assert!(interface.mli().contains("val rate : string -> float"));
/// # Ok::<(), ocaml_runtime::interface::Error>(())
/// ```
#[derive(Clone)]
pub struct Host {
    signature: Signature,
    functions: Vec<Arc<HostFunction>>,
}

impl Host {
    /// A module named `name`, without functions yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Host {
        Host {
            signature: Signature::new(name),
            functions: Vec::new(),
        }
    }

    /// Adds a function. A `Result` becomes an OCaml `result`; a panic becomes the exception
    /// `Saddlebag_host.Host_panic`.
    #[must_use]
    pub fn function<A, R>(
        self,
        name: impl Into<String>,
        function: impl Fn(A) -> R + Send + Sync + 'static,
    ) -> Host
    where
        A: HostArguments,
        R: ToOcaml + 'static,
    {
        self.add::<A, R>(
            name.into(),
            Arc::new(move |argument, stack| {
                let arguments = A::read_all(argument)?;
                Ok(function(arguments)
                    .push_to(stack)
                    .map_err(|error| error.within("result"))?)
            }),
        )
    }

    /// Adds a function whose error becomes an exception: `Saddlebag_host.Host_error` with the error's message,
    /// or, where the error is that of a nested call, the OCaml exception itself (see [`HostError`]).
    #[must_use]
    pub fn fallible<A, R, E>(
        self,
        name: impl Into<String>,
        function: impl Fn(A) -> Result<R, E> + Send + Sync + 'static,
    ) -> Host
    where
        A: HostArguments,
        R: ToOcaml + 'static,
        E: Into<HostError>,
    {
        self.add::<A, R>(
            name.into(),
            Arc::new(move |argument, stack| {
                let arguments = A::read_all(argument)?;
                let result = function(arguments).map_err(|error| error.into().0)?;
                Ok(result
                    .push_to(stack)
                    .map_err(|error| error.within("result"))?)
            }),
        )
    }

    fn add<A: HostArguments, R: OcamlType>(mut self, name: String, run: Arc<HostFunction>) -> Host {
        self.signature = self.signature.function::<A, R>(name);
        self.functions.push(run);
        self
    }

    /// Names and types, for [`interface::Builder::host`].
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Offers the functions of `host` to plugins instantiated from now on. A function of the same name and type
    /// that was offered before is replaced for them.
    pub fn offer(self, host: &Host) {
        for (signature, function) in host.signature.functions.iter().zip(&host.functions) {
            let key = signature.key(&host.signature.name);
            self.image().host.offer(key, Arc::clone(function));
        }
    }
}

/// A trait whose methods plugins can call; `#[host]` implements it for the trait's `dyn` type.
pub trait HostInterface {
    /// Names and types.
    fn signature() -> &'static Signature;

    /// The module whose functions call `implementation`.
    fn host(implementation: Arc<Self>) -> Host;
}

impl Runtime {
    /// Offers an implementation of a `#[host]` trait: `runtime.offer_host::<dyn Bank>(Arc::new(bank))`.
    pub fn offer_host<H: HostInterface + ?Sized>(self, implementation: Arc<H>) {
        self.offer(&H::host(implementation));
    }
}

/// The error of a function of the application, as OCaml gets it.
///
/// A [`call::Error`] is the failure of a nested call into OCaml: the exception goes on as it was raised. Anything
/// with a message becomes `Saddlebag_host.Host_error`.
pub struct HostError(Failure);

impl HostError {
    /// An error with this message.
    #[must_use]
    pub fn new(message: impl Display) -> HostError {
        HostError(Failure::Message(message.to_string()))
    }
}

impl fmt::Debug for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Failure::Message(message) => f.debug_tuple("HostError").field(message).finish(),
            Failure::Raised(error) => f.debug_tuple("HostError").field(error).finish(),
        }
    }
}

impl From<call::Error> for HostError {
    fn from(error: call::Error) -> HostError {
        HostError(Failure::Raised(error))
    }
}

impl From<String> for HostError {
    fn from(message: String) -> HostError {
        HostError::new(message)
    }
}

impl From<&str> for HostError {
    fn from(message: &str) -> HostError {
        HostError::new(message)
    }
}

impl From<Box<dyn std::error::Error + Send + Sync>> for HostError {
    fn from(error: Box<dyn std::error::Error + Send + Sync>) -> HostError {
        match error.downcast::<call::Error>() {
            Ok(error) => HostError::from(*error),
            Err(error) => HostError::new(error),
        }
    }
}

/// The arguments of a function of the application: a tuple of up to eight types, `()` for `unit`.
pub trait HostArguments: Sized {
    #[doc(hidden)]
    const COUNT: usize;
    /// As of [`OcamlType`].
    #[doc(hidden)]
    const OF_INSTANCE: bool = false;
    #[doc(hidden)]
    fn describe_host(types: &mut Types, result: TypeExpression) -> TypeExpression;
    /// Reads the one OCaml value that carries the arguments.
    #[doc(hidden)]
    fn read_all(value: Ref<'_>) -> Result<Self, ConvertError>;
}

impl HostArguments for () {
    const COUNT: usize = 0;

    fn describe_host(_types: &mut Types, result: TypeExpression) -> TypeExpression {
        TypeExpression::name("unit").arrow(result)
    }

    fn read_all(_value: Ref<'_>) -> Result<(), ConvertError> {
        Ok(())
    }
}

impl<A: FromOcaml> HostArguments for (A,) {
    const COUNT: usize = 1;
    const OF_INSTANCE: bool = A::OF_INSTANCE;

    fn describe_host(types: &mut Types, result: TypeExpression) -> TypeExpression {
        A::describe(types).arrow(result)
    }

    fn read_all(value: Ref<'_>) -> Result<(A,), ConvertError> {
        A::read(value)
            .map(|a| (a,))
            .map_err(|error| error.within("argument 1"))
    }
}

macro_rules! host_arguments {
    ($($count:literal: $($name:ident $index:tt),*;)*) => {$(
        impl<$($name: FromOcaml),*> HostArguments for ($($name,)*) {
            const COUNT: usize = $count;
            const OF_INSTANCE: bool = false $(|| $name::OF_INSTANCE)*;

            fn describe_host(types: &mut Types, result: TypeExpression) -> TypeExpression {
                let parts = [$($name::describe(types)),*];
                parts.into_iter().rev().fold(result, |result, part| part.arrow(result))
            }

            fn read_all(value: Ref<'_>) -> Result<Self, ConvertError> {
                let parts = value.fields::<$count>(0)?;
                Ok(($(
                    $name::read(parts[$index])
                        .map_err(|error| error.within(format!("argument {}", $index + 1)))?,
                )*))
            }
        }
    )*};
}

host_arguments! {
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}
