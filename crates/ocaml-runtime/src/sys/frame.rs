//! The shadow stack: values under construction, where the collector sees and moves them.
//!
//! One `caml__roots_block` (`caml/memory.h`) points at an array of slots. Values are pushed on it, and
//! blocks are made from its top, so a conversion of any depth and size registers its roots once.
#![expect(
    unsafe_code,
    reason = "links a local roots block and allocates OCaml values"
)]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;

use super::abi::{self, Raw};
use super::carver::Carver;
use super::closure::Loans;
use super::dispatch::Shared;
use super::image::Image;
use super::root::Root;
use super::thread::Held;
use crate::convert::{Error, Kind, Leaf};

/// Slots of a fresh arena; it doubles on need.
const FIRST_SLOTS: usize = 512;
/// A larger arena is not kept for the next frame.
const KEPT_SLOTS: usize = 1 << 16;
/// Longer strings are allocated by an OCaml closure: a C allocation that fails with no OCaml frame
/// below it ends the process. It also lets the collector keep pace with large strings.
const LARGE_STRING: usize = 16 << 10;

type Slots = &'static [Cell<Raw>];

thread_local! {
    /// The slots that the next frame of this thread uses; taken out while one does.
    static ARENA: Cell<Option<Slots>> = const { Cell::new(None) };
}

fn new_slots(length: usize) -> Slots {
    Box::leak(vec![Cell::new(abi::ZERO); length].into_boxed_slice())
}

fn free_slots(slots: Slots) {
    let address = ptr::from_ref(slots).cast_mut();
    // SAFETY: leaked by `new_slots`; the caller owns the only copy of the reference.
    drop(unsafe { Box::from_raw(address) });
}

/// Called when a thread that used OCaml ends.
pub(crate) fn free_arena() {
    if let Ok(Some(slots)) = ARENA.try_with(Cell::take) {
        free_slots(slots);
    }
}

/// `struct caml__roots_block`, the same from 4.13 to 5.x.
#[repr(C)]
struct RootsBlock {
    next: Cell<*mut c_void>,
    tables: Cell<isize>,
    items: Cell<isize>,
    table: [Cell<*const Cell<Raw>>; 5],
}

/// A roots block on the machine stack. It has to be there: when OCaml raises, it pops the blocks whose
/// address is below that of the handler. All is in `Cell`s, since the collector writes behind our back.
pub(super) struct Frame {
    block: RootsBlock,
    slots: Cell<Slots>,
    head: *mut *mut c_void,
}

impl Frame {
    fn new(held: &Held) -> Frame {
        let slots = ARENA
            .with(Cell::take)
            .unwrap_or_else(|| new_slots(FIRST_SLOTS));
        // SAFETY: the lock is held, so this thread has a runtime state.
        let head = unsafe { (held.image().symbols.saddlebag_local_roots)() };
        Frame {
            block: RootsBlock {
                next: Cell::new(ptr::null_mut()),
                tables: Cell::new(1),
                items: Cell::new(0),
                table: [
                    Cell::new(slots.as_ptr()),
                    Cell::new(ptr::null()),
                    Cell::new(ptr::null()),
                    Cell::new(ptr::null()),
                    Cell::new(ptr::null()),
                ],
            },
            slots: Cell::new(slots),
            head,
        }
    }

    /// Shows the frame to the collector until the guard drops; the frame is borrowed, so it stays put.
    fn link(&self) -> Linked<'_> {
        // SAFETY: `head` is the address of this thread's list of local roots, and the lock is held.
        let next = unsafe { *self.head };
        self.block.next.set(next);
        let block = ptr::from_ref(&self.block).cast_mut().cast();
        // SAFETY: as above; the block is undone by `Linked` before the frame goes.
        unsafe { *self.head = block };
        Linked(self)
    }

    #[inline(always)]
    fn items(&self) -> usize {
        self.block.items.get() as usize
    }

    /// One slot; `index` is below the number of slots.
    #[inline(always)]
    fn slot(&self, index: usize) -> &Cell<Raw> {
        debug_assert!(index < self.slots.get().len());
        let slot = self.block.table[0].get().wrapping_add(index);
        // SAFETY: `table[0]` is the first of the leaked slots, and callers keep `index` in bounds.
        unsafe { &*slot }
    }

    #[inline(always)]
    pub(super) fn push(&self, value: Raw) {
        let items = self.items();
        if items == self.slots.get().len() {
            self.grow();
        }
        self.slot(items).set(value);
        self.block.items.set(items as isize + 1);
    }

    #[cold]
    fn grow(&self) {
        let old = self.slots.get();
        let new = new_slots(old.len() * 2);
        for (to, from) in new.iter().zip(old) {
            to.set(from.get());
        }
        self.slots.set(new);
        self.block.table[0].set(new.as_ptr());
        free_slots(old);
    }

    /// The value at the top, of which there is one; good until OCaml next allocates.
    pub(super) fn top_value(&self) -> Raw {
        self.slot(self.items() - 1).get()
    }

    /// Puts `value` in the place of the top `size` values, of which there is at least one.
    #[inline(always)]
    pub(super) fn replace_top(&self, size: usize, value: Raw) {
        let first = self.items() - size;
        self.slot(first).set(value);
        self.block.items.set(first as isize + 1);
    }
}

/// A frame that the collector sees.
struct Linked<'f>(&'f Frame);

impl Drop for Linked<'_> {
    fn drop(&mut self) {
        // SAFETY: `head` is this thread's list of local roots; frames are undone in the reverse order.
        unsafe { *self.0.head = self.0.block.next.get() };
        let slots = self.0.slots.get();
        let spare = if slots.len() > KEPT_SLOTS {
            Some(slots)
        } else {
            ARENA.with(|arena| arena.replace(Some(slots)))
        };
        if let Some(slots) = spare {
            free_slots(slots);
        }
    }
}

/// OCaml values under construction; an argument of [`ToOcaml::push_to`](crate::ToOcaml::push_to).
///
/// Every `push_*` adds one value on top; the `make_*` methods replace values at the top by one that
/// holds them.
///
/// A `Stack` belongs to one call: it is neither `Send` nor kept.
pub struct Stack<'f> {
    pub(super) frame: &'f Frame,
    image: &'static Image,
    held: &'f Held,
    pub(super) loans: Loans,
}

/// Runs `body` on an empty stack and returns the `N` values that it left there, the lowest first, and what was
/// lent with them.
///
/// The values are good until OCaml next allocates.
#[inline]
pub(crate) fn build<const N: usize>(
    held: &Held,
    body: impl FnOnce(&mut Stack<'_>) -> Result<(), Error>,
) -> Result<([Raw; N], Loans), Error> {
    let frame = Frame::new(held);
    let linked = frame.link();
    let mut stack = Stack {
        frame: &frame,
        image: held.image(),
        held,
        loans: Loans::default(),
    };
    body(&mut stack)?;
    if frame.items() != N {
        return Err(Error::new(Kind::Unbalanced));
    }
    let values = std::array::from_fn(|index| frame.slot(index).get());
    drop(linked);
    Ok((values, stack.loans))
}

impl Stack<'_> {
    #[inline(always)]
    pub(super) fn image(&self) -> &'static Image {
        self.image
    }

    pub(crate) fn push_root(&mut self, root: &Root) -> Result<(), Error> {
        if !ptr::eq(root.image(), self.image()) {
            return Err(Error::new(Kind::OtherRuntime));
        }
        self.frame.push(root.get(self.held));
        Ok(())
    }

    /// Whether maps and sets of the standard library can be made.
    pub(crate) fn knows_maps(&self) -> bool {
        self.image.knows_maps
    }

    /// Pushes `()`.
    #[inline]
    pub fn push_unit(&mut self) {
        self.frame.push(abi::ZERO);
    }

    /// Pushes `true` or `false`.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        self.frame.push(if value { abi::TRUE } else { abi::ZERO });
    }

    /// Pushes an `int`.
    ///
    /// # Errors
    /// An OCaml `int` has 63 bits: others are refused.
    #[inline]
    pub fn push_int(&mut self, value: i64) -> Result<(), Error> {
        self.frame.push(int(value)?);
        Ok(())
    }

    /// Pushes the constant constructor number `index` of a variant (`None`, `[]` and `Red` are number 0).
    #[inline]
    pub fn push_constant(&mut self, index: u32) {
        self.frame.push(abi::immediate(i64::from(index)));
    }

    /// Pushes a `float`.
    #[inline]
    pub fn push_float(&mut self, value: f64) {
        // SAFETY: allocates; the lock is held and no value is outside the frame.
        let value = unsafe { (self.image.symbols.caml_copy_double)(value) };
        self.frame.push(value);
    }

    /// Pushes an `int32`.
    pub fn push_int32(&mut self, value: i32) {
        // SAFETY: allocates; the lock is held and no value is outside the frame.
        let value = unsafe { (self.image().symbols.caml_copy_int32)(value) };
        self.frame.push(value);
    }

    /// Pushes an `int64`.
    pub fn push_int64(&mut self, value: i64) {
        // SAFETY: allocates; the lock is held and no value is outside the frame.
        let value = unsafe { (self.image().symbols.caml_copy_int64)(value) };
        self.frame.push(value);
    }

    /// Pushes a `nativeint`.
    pub fn push_nativeint(&mut self, value: isize) {
        // SAFETY: allocates; the lock is held and no value is outside the frame.
        let value = unsafe { (self.image().symbols.caml_copy_nativeint)(value) };
        self.frame.push(value);
    }

    /// Pushes a `string` or a `bytes` (they have one layout) with these bytes.
    ///
    /// # Errors
    /// OCaml has no memory left for it.
    #[inline]
    pub fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > LARGE_STRING {
            self.frame.push(string(self.held, bytes)?);
            return Ok(());
        }
        let symbols = &self.image.symbols;
        // SAFETY: allocates and copies; the lock is held and no value is outside the frame.
        let value = unsafe { (symbols.caml_alloc_initialized_string)(bytes.len(), bytes.as_ptr()) };
        self.frame.push(value);
        Ok(())
    }

    /// Pushes a flat block of doubles: a `float array`, or a record of floats only.
    ///
    /// # Errors
    /// OCaml has no memory left for it.
    pub fn push_floats(&mut self, numbers: &[f64]) -> Result<(), Error> {
        let image = self.image();
        let value = if numbers.is_empty() {
            empty_array(self.held)
        } else if numbers.len() <= image.facts.max_young_words as usize {
            // SAFETY: not empty and small enough; allocates with the lock held.
            unsafe { (image.symbols.caml_alloc_small)(numbers.len(), abi::DOUBLE_ARRAY_TAG) }
        } else {
            let length = int(numbers.len() as i64)?;
            large(self.held, image.closures.new_float_array.get(), length)?
        };
        // SAFETY: the block was just made with that many doubles, nothing allocates meanwhile, and doubles
        // are bytes to the collector.
        unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), value as *mut f64, numbers.len()) };
        self.frame.push(value);
        Ok(())
    }

    /// Replaces the top `size` values by a block that holds them, the lowest first: a tuple or a record
    /// (tag 0), or the non-constant constructor number `tag` of a variant.
    ///
    /// # Errors
    /// Fewer values were pushed, the tag is not one of a constructor, or OCaml has no memory left.
    #[inline]
    pub fn make_block(&mut self, tag: u8, size: usize) -> Result<(), Error> {
        let image = self.image();
        if tag > abi::LAST_CONSTRUCTOR_TAG || size > self.frame.items() {
            return Err(Error::new(Kind::Unbalanced));
        }
        if size == 0 {
            // Atom(0), which is also the empty array; `caml_alloc_small` of no word is not allowed.
            self.frame.push(empty_array(self.held));
            return Ok(());
        }
        if size > image.facts.max_young_words as usize {
            return self.make_large_block(tag, size);
        }
        // SAFETY: at least one word and small enough; allocates with the lock held.
        let value = unsafe { (image.symbols.caml_alloc_small)(size, tag) };
        let first = ptr::from_ref(self.frame.slot(self.frame.items() - size)).cast();
        // SAFETY: as many slots as the fresh block has words. A block of the minor heap has to be filled by
        // plain stores before the next allocation, and none happens here.
        unsafe { ptr::copy_nonoverlapping(first, value as *mut Raw, size) };
        self.frame.replace_top(size, value);
        Ok(())
    }

    #[cold]
    fn make_large_block(&mut self, tag: u8, size: usize) -> Result<(), Error> {
        let image = self.image();
        let closure = image.closures.new_block.get();
        let (tag, words) = (int(i64::from(tag))?, int(size as i64)?);
        // SAFETY: a closure of two ints; the lock is held and every value is in the frame.
        let value = unsafe { (image.symbols.caml_callback2_exn)(closure, tag, words) };
        if abi::is_exception(value) {
            return Err(Error::new(Kind::OutOfMemory));
        }
        let first = self.frame.items() - size;
        for index in 0..size {
            let address = (value as *mut Raw).wrapping_add(index);
            let field = self.frame.slot(first + index).get();
            // SAFETY: a word of the block that was just made; `caml_initialize` does not allocate on the
            // OCaml heap and keeps the collector's tables right.
            unsafe { (image.symbols.caml_initialize)(address, field) };
        }
        self.frame.replace_top(size, value);
        Ok(())
    }

    /// Replaces the list and, above it, the element at the top by the list that begins with the element.
    ///
    /// # Errors
    /// Fewer than two values were pushed.
    #[inline]
    pub fn make_cons(&mut self) -> Result<(), Error> {
        if self.frame.items() < 2 {
            return Err(Error::new(Kind::Unbalanced));
        }
        // SAFETY: two words; allocates with the lock held.
        let value = unsafe { (self.image().symbols.caml_alloc_small)(2, 0) };
        let list = self.frame.items() - 2;
        let (tail, head) = (self.frame.slot(list).get(), self.frame.slot(list + 1).get());
        // SAFETY: the first word of a fresh block, filled before the next allocation.
        unsafe { *(value as *mut Raw) = head };
        let second = (value as *mut Raw).wrapping_add(1);
        // SAFETY: its second word.
        unsafe { *second = tail };
        self.frame.replace_top(2, value);
        Ok(())
    }

    /// Replaces the value at the top by one that `body` carves from an allocation of `words`, with the value
    /// that was there as a part.
    pub(crate) fn carve_onto_top(
        &mut self,
        words: usize,
        body: impl FnOnce(Leaf, &mut Carver) -> Result<Leaf, Error>,
    ) -> Result<(), Error> {
        let Some(top) = self.frame.items().checked_sub(1) else {
            return Err(Error::new(Kind::Unbalanced));
        };
        let mut carver = Carver::new(self.held, words);
        // Read after the allocation, which may have moved it; `body` does not allocate.
        let Leaf(value) = body(Leaf(self.frame.slot(top).get()), &mut carver)?;
        self.frame.slot(top).set(value);
        Ok(())
    }

    /// Pushes a custom block that names an object of the application, released when it is collected.
    pub(crate) fn push_object(&mut self, object: Shared) {
        let number = self.image.host.keep_object(object);
        // SAFETY: allocates with the lock held; the block only keeps the number.
        let value = unsafe { (self.image.symbols.saddlebag_alloc_object)(number) };
        self.frame.push(value);
    }
}

/// An OCaml `int`.
#[inline(always)]
pub(crate) fn int(value: i64) -> Result<Raw, Error> {
    // Doubling fails for just those that need more than 63 bits.
    match value.checked_add(value) {
        Some(doubled) => Ok((doubled | 1) as Raw),
        None => Err(Error::new(Kind::IntRange(i128::from(value)))),
    }
}

/// A boxed `float`; good until OCaml next allocates.
#[inline(always)]
pub(crate) fn float(held: &Held, value: f64) -> Raw {
    // SAFETY: allocates; the lock is held, and callers keep no value outside a frame.
    unsafe { (held.image().symbols.caml_copy_double)(value) }
}

/// A string; good until OCaml next allocates.
#[inline(always)]
pub(crate) fn string(held: &Held, bytes: &[u8]) -> Result<Raw, Error> {
    let image = held.image();
    if bytes.len() > LARGE_STRING {
        let value = large(
            held,
            image.closures.new_bytes.get(),
            int(bytes.len() as i64)?,
        )?;
        // SAFETY: `Bytes.create` made a block of that many bytes, and nothing allocates meanwhile.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), value as *mut u8, bytes.len()) };
        return Ok(value);
    }
    // SAFETY: allocates and copies; the lock is held, and callers keep no value outside a frame.
    Ok(unsafe { (image.symbols.caml_alloc_initialized_string)(bytes.len(), bytes.as_ptr()) })
}

/// `[||]`, of any element type.
fn empty_array(held: &Held) -> Raw {
    // SAFETY: gives the static Atom(0); does not allocate.
    unsafe { (held.image().symbols.caml_alloc)(0, 0) }
}

/// Runs an allocating closure of one `int`.
#[cold]
fn large(held: &Held, closure: Raw, size: Raw) -> Result<Raw, Error> {
    // SAFETY: the lock is held, the closure takes an int, every other value is in a frame.
    let value = unsafe { (held.image().symbols.caml_callback_exn)(closure, size) };
    if abi::is_exception(value) {
        return Err(Error::new(Kind::OutOfMemory));
    }
    Ok(value)
}
