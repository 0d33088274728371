//! The same calls through the C API, as one would write them by hand.
#![expect(unsafe_code, reason = "the C API of OCaml is unsafe to call")]
#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "code to compare with, kept short"
)]

use std::error::Error;
use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::ptr;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::records::{Kind, Record};

type Raw = isize;

/// The functions of the image; the caller of all of them holds the runtime lock, or takes it.
pub(crate) struct ByHand {
    callback: unsafe extern "C" fn(Raw, Raw) -> Raw,
    string: unsafe extern "C" fn(usize, *const u8) -> Raw,
    double: unsafe extern "C" fn(f64) -> Raw,
    small: unsafe extern "C" fn(usize, u8) -> Raw,
    shared: unsafe extern "C" fn(usize, u8) -> Raw,
    named: unsafe extern "C" fn(*const c_char) -> *const Raw,
    local_roots: unsafe extern "C" fn() -> *mut *mut c_void,
    leave: unsafe extern "C" fn(),
    enter: unsafe extern "C" fn(),
}

/// `struct caml__roots_block`.
#[repr(C)]
struct Block {
    next: *mut c_void,
    tables: isize,
    items: isize,
    table: [*mut Raw; 5],
}

/// The shadow stack of the prototype: one roots block, values on an array.
struct Stack<'h> {
    hand: &'h ByHand,
    block: *mut Block,
}

impl ByHand {
    pub(crate) fn open(image: &Path) -> Result<ByHand, Box<dyn Error>> {
        // SAFETY: the image is open already; this gives another handle to it.
        let library = unsafe { Library::open(Some(image), RTLD_NOW | RTLD_LOCAL) }?;
        macro_rules! symbol {
            ($name:literal) => {
                // SAFETY: the symbol has the type of its field in `caml/*.h`.
                *unsafe { library.get($name) }?
            };
        }
        let hand = ByHand {
            callback: symbol!(b"caml_callback_exn\0"),
            string: symbol!(b"caml_alloc_initialized_string\0"),
            double: symbol!(b"caml_copy_double\0"),
            small: symbol!(b"caml_alloc_small\0"),
            shared: symbol!(b"caml_alloc\0"),
            named: symbol!(b"caml_named_value\0"),
            local_roots: symbol!(b"saddlebag_local_roots\0"),
            leave: symbol!(b"caml_leave_blocking_section\0"),
            enter: symbol!(b"caml_enter_blocking_section\0"),
        };
        std::mem::forget(library);
        Ok(hand)
    }

    pub(crate) fn named(&self, name: &CStr) -> *const Raw {
        // SAFETY: looks a table up.
        unsafe { (self.named)(name.as_ptr()) }
    }

    fn call(&self, closure: *const Raw, argument: Raw) -> Raw {
        // SAFETY: a root of the table of named values.
        let closure = unsafe { ptr::read_volatile(closure) };
        // SAFETY: the lock is held, and the closure takes this argument.
        let result = unsafe { (self.callback)(closure, argument) };
        assert_ne!(result & 3, 2, "the bench raised");
        result
    }

    #[inline]
    pub(crate) fn int(&self, closure: *const Raw, argument: i64) -> i64 {
        (self.call(closure, ((argument << 1) | 1) as Raw) >> 1) as i64
    }

    #[inline]
    pub(crate) fn echo(&self, closure: *const Raw, argument: &str) -> String {
        // SAFETY: the lock is held.
        let argument = unsafe { (self.string)(argument.len(), argument.as_ptr()) };
        let result = self.call(closure, argument);
        let header = (result as *const usize).wrapping_sub(1);
        // SAFETY: a string.
        let last = (unsafe { *header } >> 10) * 8 - 1;
        let padding = (result as *const u8).wrapping_add(last);
        // SAFETY: its last byte.
        let length = last - unsafe { *padding } as usize;
        // SAFETY: its bytes, which do not move as nothing allocates.
        let bytes = unsafe { std::slice::from_raw_parts(result as *const u8, length) };
        String::from_utf8(bytes.to_vec()).unwrap_or_default()
    }

    pub(crate) fn sum(&self, closure: *const Raw, numbers: &[f64]) -> f64 {
        // SAFETY: the lock is held.
        let array = unsafe { (self.shared)(numbers.len(), 254) };
        // SAFETY: a fresh array of that many numbers.
        unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), array as *mut f64, numbers.len()) };
        let result = self.call(closure, array) as *const f64;
        // SAFETY: a boxed float.
        unsafe { *result }
    }

    pub(crate) fn weigh(&self, closure: *const Raw, records: &[Record]) -> i64 {
        (self.call(closure, self.build(records)) >> 1) as i64
    }

    /// Takes the lock, as any thread has to.
    #[inline]
    pub(crate) fn with_lock<T>(&self, body: impl FnOnce() -> T) -> T {
        // SAFETY: this thread is registered, by the calls before, and does not hold the lock.
        unsafe { (self.leave)() };
        let result = body();
        // SAFETY: it holds the lock.
        unsafe { (self.enter)() };
        result
    }

    fn build(&self, records: &[Record]) -> Raw {
        let mut slots = [1 as Raw; 64];
        // SAFETY: the lock is held.
        let head = unsafe { (self.local_roots)() };
        // SAFETY: the list of this thread's roots.
        let next = unsafe { *head };
        let null = ptr::null_mut();
        let mut block = Block {
            next,
            tables: 1,
            items: 0,
            table: [slots.as_mut_ptr(), null, null, null, null],
        };
        let stack = Stack {
            hand: self,
            block: &raw mut block,
        };
        // SAFETY: undone below.
        unsafe { *head = (&raw mut block).cast() };
        stack.push(1);
        for record in records.iter().rev() {
            stack.record(record);
            stack.cons();
        }
        let list = stack.slot(0);
        // SAFETY: the list before.
        unsafe { *head = next };
        // SAFETY: the slot that holds the list.
        unsafe { ptr::read_volatile(list) }
    }
}

impl Stack<'_> {
    fn items(&self) -> isize {
        // SAFETY: the block of `build`, which lives.
        unsafe { (&raw const (*self.block).items).read_volatile() }
    }

    fn set_items(&self, items: isize) {
        // SAFETY: the block of `build`, which lives.
        unsafe { (&raw mut (*self.block).items).write_volatile(items) };
    }

    fn slot(&self, index: isize) -> *mut Raw {
        // SAFETY: the block of `build`, which lives.
        let table = unsafe { (&raw const (*self.block).table).cast::<*mut Raw>().read() };
        table.wrapping_offset(index)
    }

    fn push(&self, value: Raw) {
        let items = self.items();
        // SAFETY: 64 slots are enough for a record.
        unsafe { *self.slot(items) = value };
        self.set_items(items + 1);
    }

    fn string(&self, text: &str) {
        // SAFETY: the lock is held; other values are on the stack.
        self.push(unsafe { (self.hand.string)(text.len(), text.as_ptr()) });
    }

    fn double(&self, number: f64) {
        // SAFETY: the lock is held; other values are on the stack.
        self.push(unsafe { (self.hand.double)(number) });
    }

    fn make(&self, tag: u8, size: usize) {
        // SAFETY: the lock is held; other values are on the stack.
        let block = unsafe { (self.hand.small)(size, tag) } as *mut Raw;
        let first = self.items() - size as isize;
        // SAFETY: a fresh block of `size` words, and as many slots.
        unsafe { ptr::copy_nonoverlapping(self.slot(first), block, size) };
        self.set_items(first);
        self.push(block as Raw);
    }

    fn cons(&self) {
        // SAFETY: the lock is held; other values are on the stack.
        let block = unsafe { (self.hand.small)(2, 0) } as *mut Raw;
        let items = self.items();
        // SAFETY: the head is on top.
        unsafe { *block = *self.slot(items - 1) };
        // SAFETY: the tail is below.
        unsafe { *block.wrapping_add(1) = *self.slot(items - 2) };
        self.set_items(items - 2);
        self.push(block as Raw);
    }

    fn record(&self, record: &Record) {
        self.push(((record.id << 1) | 1) as Raw);
        self.string(&record.name);
        self.double(record.score);
        match &record.kind {
            Kind::Plain => self.push(1),
            Kind::Coded(code) => {
                self.push(((code << 1) | 1) as Raw);
                self.make(0, 1);
            }
            Kind::Named(name, score) => {
                self.string(name);
                self.double(*score);
                self.make(1, 2);
            }
        }
        match &record.tag {
            None => self.push(1),
            Some(tag) => {
                self.string(tag);
                self.make(0, 1);
            }
        }
        self.make(0, 5);
    }
}
