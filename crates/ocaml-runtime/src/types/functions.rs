//! Functions as arguments and results: OCaml's, and closures of the application.

use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::function::{Arguments, Function};
use crate::host::HostArguments;
use crate::instance::Instance;
use crate::runtime::Runtime;
use crate::sys::closure::Closure;
use crate::sys::dispatch::Failure;
use crate::sys::frame;
use crate::sys::reader;
use crate::sys::thread;
use crate::value::Value;

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: a function is read from, and pushed as, a value of this very type.
unsafe impl<A: Arguments, R: OcamlType> OcamlType for Function<A, R> {
    const OF_INSTANCE: bool = A::OF_INSTANCE || R::OF_INSTANCE;

    fn describe(types: &mut Types) -> TypeExpression {
        let result = R::describe(types);
        A::describe_function(types, &[], result)
    }
}

impl<A: Arguments, R: OcamlType> ToOcaml for Function<A, R> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        self.value().push_to(stack, Self::OF_INSTANCE)
    }
}

impl<A: Arguments, R: OcamlType> FromOcaml for Function<A, R> {
    fn read(value: Ref<'_>) -> Result<Function<A, R>, Error> {
        if !value.is_function() {
            return Err(value.unexpected("a function"));
        }
        Ok(Function::new(Value::keep(value)))
    }
}

/// Converts the arguments, runs, converts the result.
fn run<A: HostArguments, R: ToOcaml>(
    function: impl Fn(A) -> R,
    argument: Ref<'_>,
    stack: &mut Stack<'_>,
) -> Result<(), Failure> {
    let result = function(A::read_all(argument)?);
    Ok(result
        .push_to(stack)
        .map_err(|error| error.within("result"))?)
}

macro_rules! lent {
    ($($count:literal: $($name:ident $argument:ident),*;)*) => {$(
        // SAFETY: an OCaml function of these arguments, which OCaml can run until the call is over that it was
        // given to: `self` lives as long.
        #[expect(unsafe_code, reason = "the trait is unsafe to implement; see its contract")]
        unsafe impl<'f, $($name: FromOcaml,)* R: ToOcaml> OcamlType for dyn Fn($($name),*) -> R + 'f {
            const OF_INSTANCE: bool = <($($name,)*) as HostArguments>::OF_INSTANCE || R::OF_INSTANCE;

            fn describe(types: &mut Types) -> TypeExpression {
                let result = R::describe(types);
                <($($name,)*)>::describe_host(types, result)
            }
        }

        impl<'f, $($name: FromOcaml,)* R: ToOcaml> ToOcaml for dyn Fn($($name),*) -> R + 'f {
            fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
                let instance = Instance::current();
                // Captures `self`, a reference, and a number.
                let function = move |arguments: Ref<'_>, stack: &mut Stack<'_>| {
                    let _instance = Self::OF_INSTANCE.then(|| instance.enter());
                    run(|($($argument,)*): ($($name,)*)| self($($argument),*), arguments, stack)
                };
                stack.lend($count, Box::new(function))
            }
        }
    )*};
}

lent! {
    0: ;
    1: A a;
    2: A a, B b;
    3: A a, B b, C c;
    4: A a, B b, C c, D d;
    5: A a, B b, C c, D d, E e;
    6: A a, B b, C c, D d, E e, F f;
    7: A a, B b, C c, D d, E e, F f, G g;
    8: A a, B b, C c, D d, E e, F f, G g, H h;
}

impl Runtime {
    /// A closure as an OCaml function, for OCaml code to keep: as an argument, as the result of a function of the
    /// application, or in a record. (An argument `&dyn Fn(A) -> R` is lent for the time of the call.)
    ///
    /// A panic becomes the exception `Saddlebag_host.Host_panic`. The closure is dropped when neither side holds
    /// the function any more. One that holds the function itself is never dropped.
    ///
    /// ```no_run
    /// # fn example(runtime: ocaml_runtime::Runtime) -> Result<(), Box<dyn std::error::Error>> {
    /// use ocaml_runtime::Function;
    ///
    /// let double: Function<(i64,), i64> = runtime.function(|(n,): (i64,)| 2 * n)?;
    /// assert_eq!(double.call((21,))?, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// OCaml has no memory left.
    pub fn function<A, R>(
        self,
        function: impl Fn(A) -> R + Send + Sync + 'static,
    ) -> Result<Function<A, R>, Error>
    where
        A: HostArguments + Arguments,
        R: ToOcaml,
    {
        let held = thread::enter(self.image());
        let instance = Instance::current();
        let closure = Closure::Given(Box::new(move |argument, stack| {
            let _instance = Function::<A, R>::OF_INSTANCE.then(|| instance.enter());
            run(&function, argument, stack)
        }));
        let ([raw], _) = frame::build(&held, |stack| stack.push_function(A::COUNT, closure))?;
        Ok(Function::new(Value::keep(reader::Ref::new(&held, raw))))
    }
}
