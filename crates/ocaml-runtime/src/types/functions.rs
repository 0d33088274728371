//! OCaml functions as arguments and results.

use crate::convert::{Error, FromOcaml, OcamlType, Ref, Stack, ToOcaml};
use crate::describe::{TypeExpression, Types};
use crate::function::{Arguments, Function};
use crate::value::Value;

#[expect(
    unsafe_code,
    reason = "the trait is unsafe to implement; see its contract"
)]
// SAFETY: a function is read from, and pushed as, a value of this very type.
unsafe impl<A: Arguments, R: OcamlType> OcamlType for Function<A, R> {
    fn describe(types: &mut Types) -> TypeExpression {
        let result = R::describe(types);
        A::describe_function(types, &[], result)
    }
}

impl<A: Arguments, R: OcamlType> ToOcaml for Function<A, R> {
    fn push_to(&self, stack: &mut Stack<'_>) -> Result<(), Error> {
        stack.push_root(self.value().root())
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
