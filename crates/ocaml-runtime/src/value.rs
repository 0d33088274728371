//! An OCaml value of any type, kept by Rust.

use std::fmt;
use std::sync::Arc;

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
}

impl Value {
    pub(crate) fn from_root(root: Root) -> Value {
        Value {
            root: Arc::new(root),
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
