//! An OCaml value of any type, kept by Rust.

use std::fmt;
use std::sync::Arc;

use crate::convert::{Error, Kind, Stack};
use crate::instance::Instance;
use crate::sys::abi::Raw;
use crate::sys::image::Image;
use crate::sys::reader::Ref;
use crate::sys::root::Root;
use crate::sys::thread::{self, Held};

/// An OCaml value that OCaml keeps alive as long as the handle or a clone of it exists.
///
/// It may be cloned, sent and dropped on any thread, with or without the runtime lock.
#[derive(Clone)]
pub struct Value {
    root: Arc<Root>,
    /// Where it came out of.
    instance: Instance,
}

impl Value {
    pub(crate) fn from_root(root: Root) -> Value {
        Value {
            root: Arc::new(root),
            instance: Instance::current(),
        }
    }

    /// Keeps `value` beyond the borrow.
    pub(crate) fn keep(value: Ref<'_>) -> Value {
        Value::from_root(value.root())
    }

    #[inline(always)]
    pub(crate) fn image(&self) -> &'static Image {
        self.root.image()
    }

    #[inline(always)]
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// Pushes the value, if it is one of the stack's image and, where it has to be, of the current instance.
    pub(crate) fn push_to(&self, stack: &mut Stack<'_>, of_instance: bool) -> Result<(), Error> {
        let of_current = !self.instance.is_none() && self.instance == Instance::current();
        if of_instance && !of_current {
            return Err(Error::new(Kind::OtherInstance));
        }
        stack.push_root(&self.root)
    }

    pub(crate) fn instance(&self) -> Instance {
        self.instance
    }

    pub(crate) fn is_of(&self, image: &'static Image) -> bool {
        std::ptr::eq(self.image(), image)
    }

    /// Good until OCaml next allocates.
    #[inline(always)]
    pub(crate) fn raw(&self, held: &Held) -> Raw {
        self.root.get(held)
    }

    /// Whether both handles keep the very same OCaml value (`==`).
    #[must_use]
    pub fn is_same(&self, other: &Value) -> bool {
        let held = thread::enter(self.image());
        self.is_of(other.image()) && self.raw(&held) == other.raw(&held)
    }
}

impl fmt::Debug for Value {
    /// Looks at nothing: that would take the runtime lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").finish_non_exhaustive()
    }
}
