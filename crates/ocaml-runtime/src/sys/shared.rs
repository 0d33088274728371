//! Memory that Rust and OCaml share: bigarrays.
#![expect(unsafe_code, reason = "gives memory to OCaml and looks at OCaml's")]

use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use super::abi;
use super::frame::{Stack, int};
use super::reader::{NO_BIGARRAY, Ref};
use super::root::Object;
use crate::convert::{Error, Kind};

/// Memory of the application that bigarrays use, by its address.
#[derive(Default)]
pub(crate) struct SharedMemory(Mutex<HashMap<usize, Object>>);

impl SharedMemory {
    fn keep(&self, data: *mut c_void, owner: Object) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.insert(data as usize, owner);
    }

    /// What owns the memory, once no bigarray uses it any more.
    pub(crate) fn take(&self, data: *mut c_void) -> Option<Object> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove(&(data as usize))
    }
}

impl Stack<'_> {
    /// Pushes a bigarray of one dimension in C layout that owns a copy of `bytes`.
    pub(crate) fn push_bigarray(
        &mut self,
        kind: c_int,
        length: usize,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let image = self.image();
        let (kind, length) = (int(i64::from(kind))?, int(length as i64)?);
        let closure = image.closures.new_bigarray.get();
        // SAFETY: a closure of two ints; the lock is held and every value is in the frame.
        let value = unsafe { (image.symbols.caml_callback2_exn)(closure, kind, length) };
        if abi::is_exception(value) {
            return Err(Error::new(Kind::OutOfMemory));
        }
        self.frame.push(value);
        let mut facts = NO_BIGARRAY;
        // SAFETY: `value` is a bigarray.
        unsafe { (image.symbols.saddlebag_bigarray)(value, &raw mut facts) };
        // SAFETY: the bigarray was made for exactly these bytes: `length` elements of `kind`.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), facts.data.cast(), bytes.len()) };
        Ok(())
    }

    /// Pushes a bigarray of one dimension in C layout whose memory is that of `numbers`, which has the elements of
    /// `kind`.
    pub(crate) fn push_shared<T: Copy + Send + Sync + Any>(
        &mut self,
        kind: c_int,
        mut numbers: Vec<T>,
    ) -> Result<(), Error> {
        if numbers.is_empty() {
            // It has no memory of its own.
            return self.push_bigarray(kind, 0, &[]);
        }
        let length = numbers.len() as isize;
        let data = numbers.as_mut_ptr().cast();
        let image = self.image();
        image.host.memory.keep(data, Box::new(numbers));
        // SAFETY: the memory has `length` elements of `kind` and is kept until OCaml says that it is done with it;
        // the application does not touch the vector meanwhile. Allocates with the lock held.
        let value = unsafe { (image.symbols.saddlebag_share)(kind, length, data) };
        self.frame.push(value);
        Ok(())
    }
}

impl<'a> Ref<'a> {
    /// The elements of a bigarray of one dimension in C layout, where they are; `T` is the type of `kind`.
    pub(crate) fn shared<T: Copy>(self, kind: i32) -> Result<&'a [Cell<T>], Error> {
        let facts = self.bigarray_facts(kind)?;
        let (data, length) = (facts.data.cast::<Cell<T>>(), facts.first_dimension as usize);
        if length == 0 {
            return Ok(&[]);
        }
        if !data.is_aligned() {
            let why = "the bigarray is not aligned: a file mapped at an odd position";
            return Err(Error::new(Kind::Custom(why.to_owned())));
        }
        // SAFETY: so many elements at an aligned address, which live as long as the bigarray does; cells, since
        // OCaml code that is called meanwhile writes there.
        Ok(unsafe { std::slice::from_raw_parts(data, length) })
    }
}
