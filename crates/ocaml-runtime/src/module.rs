//! Modules: an instance of a plugin, bound to its interface.

use std::sync::Arc;

use crate::call;
use crate::convert::{self, FromOcaml, OcamlType};
use crate::describe::Types;
use crate::function::{Arguments, Function, invoke};
use crate::instance::Instance;
use crate::interface::Interface;
use crate::load::LoadedUnit;
use crate::sys::abi;
use crate::sys::apply;
use crate::sys::reader::Ref;
use crate::sys::thread;
use crate::value::Value;

/// An instance of a plugin: the values of its module, by the names of its interface.
#[derive(Debug, Clone)]
pub struct Module {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    interface: Interface,
    /// One for each item of the interface.
    values: Vec<Value>,
}

/// The error of making a [`Module`] and of taking values from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The loaded unit is no plugin of this interface, or was compiled for another state of it.
    #[error("the unit registered {found:?}, not `{expected}`")]
    NotRegistered {
        /// The name that a plugin of this interface registers.
        expected: Box<str>,
        /// The names that the unit registered.
        found: Vec<String>,
    },
    /// The plugin's top level failed.
    #[error("the plugin's top level failed")]
    TopLevel {
        /// How it failed.
        source: call::Error,
    },
    /// What the unit registered does not have the shape of the interface.
    #[error("the plugin `{interface}` does not have the shape of its interface")]
    Shape {
        /// The interface's name.
        interface: Box<str>,
        /// What is wrong.
        source: convert::Error,
    },
    /// The interface has no value of this name.
    #[error("the interface `{interface}` has no value `{name}`")]
    Unknown {
        /// The interface's name.
        interface: Box<str>,
        /// The name that was asked for.
        name: Box<str>,
    },
    /// The interface declares another type.
    #[error("`{name}` has type `{declared}`, not `{requested}`")]
    Type {
        /// The value's name.
        name: Box<str>,
        /// Its type in the interface.
        declared: Box<str>,
        /// The type that was asked for.
        requested: Box<str>,
    },
    /// A constant does not fit its Rust type.
    #[error("the constant `{name}` does not fit")]
    Constant {
        /// The constant's name.
        name: Box<str>,
        /// What does not fit.
        source: convert::Error,
    },
}

impl Module {
    /// Runs the top level of the plugin that `unit` registered, and binds its module. Each call makes a new
    /// instance, with a state of its own.
    ///
    /// # Errors
    /// The unit is no plugin of this interface, or its top level fails.
    pub fn instantiate(interface: &Interface, unit: &LoadedUnit) -> Result<Module, Error> {
        let expected = interface.registered_name();
        match unit.find(&expected) {
            Some(closure) => Module::from_closure(interface, closure),
            None => Err(Error::NotRegistered {
                expected: expected.into(),
                found: unit
                    .registered()
                    .iter()
                    .map(|(name, _)| name.clone())
                    .collect(),
            }),
        }
    }

    /// As [`Module::instantiate`], from the registered closure.
    fn from_closure(interface: &Interface, closure: &Value) -> Result<Module, Error> {
        let shape = |source| Error::Shape {
            interface: interface.name().into(),
            source,
        };
        let held = thread::enter(closure.image());
        let _instance = Instance::new().enter();
        if !Ref::new(&held, closure.raw(&held)).is_function() {
            return Err(shape(convert::Error::custom(
                "the registered value is not a function",
            )));
        }
        let block = apply::apply(&held, closure.raw(&held), [abi::ZERO])
            .map_err(|source| Error::TopLevel { source })?;
        let block = Ref::new(&held, block);
        let count = interface.items().len();
        let values = if count == 0 {
            Ok(Vec::new())
        } else {
            fields(block, count)
        };
        Ok(Module {
            shared: Arc::new(Shared {
                interface: interface.clone(),
                values: values.map_err(shape)?,
            }),
        })
    }

    /// The interface it is bound to.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.shared.interface
    }

    /// The function `name`.
    ///
    /// # Errors
    /// The interface has no such value, or another type for it.
    pub fn function<A: Arguments, R: OcamlType>(
        &self,
        name: &str,
    ) -> Result<Function<A, R>, Error> {
        self.typed::<Function<A, R>>(name)
            .map(|value| Function::new(value.clone()))
    }

    /// The constant `name`, converted now.
    ///
    /// # Errors
    /// The interface has no such value, or another type for it, or the constant does not fit.
    pub fn value<T: FromOcaml>(&self, name: &str) -> Result<T, Error> {
        let value = self.typed::<T>(name)?;
        let held = thread::enter(value.image());
        let _instance = T::OF_INSTANCE.then(|| value.instance().enter());
        T::read(Ref::new(&held, value.raw(&held))).map_err(|source| Error::Constant {
            name: name.into(),
            source,
        })
    }

    /// The value `name`, if the interface declares it with the type of `T`.
    fn typed<T: OcamlType>(&self, name: &str) -> Result<&Value, Error> {
        let interface = self.interface();
        let Some(index) = interface.position(name) else {
            return Err(Error::Unknown {
                interface: interface.name().into(),
                name: name.into(),
            });
        };
        let mut types = Types::default();
        let requested = T::describe(&mut types).to_string();
        let declared = interface.items()[index].type_text();
        if requested != declared || !interface.declares(&types) {
            return Err(Error::Type {
                name: name.into(),
                declared: declared.into(),
                requested: requested.into(),
            });
        }
        Ok(&self.shared.values[index])
    }

    /// Whether the module is of `interface`, as `bind` of a typed handle asks.
    ///
    /// # Errors
    /// It is of another one.
    pub fn check_interface(&self, interface: &Interface) -> Result<(), Error> {
        let own = self.interface().registered_name();
        let expected = interface.registered_name();
        if own == expected {
            return Ok(());
        }
        Err(Error::NotRegistered {
            expected: expected.into(),
            found: vec![own],
        })
    }

    /// Calls the `index`th value; for the generated handles.
    ///
    /// # Safety
    /// The interface declares a function of these arguments and this result at `index`.
    #[doc(hidden)]
    #[expect(unsafe_code, reason = "the types are promised by generated code")]
    #[inline]
    pub unsafe fn call_unchecked<A: Arguments, R: FromOcaml>(
        &self,
        index: usize,
        arguments: A,
    ) -> call::Result<R> {
        invoke(&self.shared.values[index], arguments)
    }
}

fn fields(block: Ref<'_>, count: usize) -> Result<Vec<Value>, convert::Error> {
    if block.tag()? != 0 || block.size()? != count {
        return Err(block.unexpected("a module with the interface's values"));
    }
    (0..count)
        .map(|index| block.field(index).map(Value::keep))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_at_most_64_bytes() {
        assert!(size_of::<Error>() <= 64, "{}", size_of::<Error>());
    }
}
