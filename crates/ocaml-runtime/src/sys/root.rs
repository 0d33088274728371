//! OCaml values kept by Rust, and Rust objects kept by OCaml.
#![expect(unsafe_code, reason = "registers global roots with the collector")]

use std::any::Any;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::abi::Raw;
use super::image::Image;
use super::thread::Held;

/// A value that the collector keeps alive, and whose address it keeps up to date.
///
/// Dropping one needs no lock: the cell goes to the graveyard, and the next thread that takes the lock
/// unregisters it. (A cell freed while it is registered makes the collector follow the allocator's lists.)
pub(crate) struct Root {
    cell: NonNull<Raw>,
    image: &'static Image,
}

// SAFETY: the cell is on the heap and belongs to the root; it is read with the lock held only.
unsafe impl Send for Root {}
// SAFETY: as above; reading takes a `Held`.
unsafe impl Sync for Root {}

impl Root {
    pub(crate) fn new(held: &Held, value: Raw) -> Root {
        let image = held.image();
        let cell = NonNull::from(Box::leak(Box::new(value)));
        // SAFETY: the cell holds a value and stays where it is until `Graveyard::bury`; the lock is held.
        unsafe { (image.symbols.caml_register_generational_global_root)(cell.as_ptr()) };
        Root { cell, image }
    }

    #[inline(always)]
    pub(crate) fn image(&self) -> &'static Image {
        self.image
    }

    /// The value, where it is now: good until OCaml next allocates.
    #[inline(always)]
    pub(crate) fn get(&self, _held: &Held) -> Raw {
        // SAFETY: the cell lives as long as the root; volatile, since the collector writes there.
        unsafe { std::ptr::read_volatile(self.cell.as_ptr()) }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.image.graveyard.add_root(Cell(self.cell));
    }
}

/// The cell of a dropped root.
struct Cell(NonNull<Raw>);

// SAFETY: only an address, until `bury` turns it into a box again.
unsafe impl Send for Cell {}

/// A Rust object that an OCaml block names; see [`Graveyard::add_object`].
pub(crate) type Object = Box<dyn Any + Send + Sync>;

/// What was dropped on one side and waits for the other.
#[derive(Default)]
pub(crate) struct Graveyard {
    any_root: AtomicBool,
    roots: Mutex<Vec<Cell>>,
    any_object: AtomicBool,
    objects: Mutex<Vec<Object>>,
}

impl Graveyard {
    fn add_root(&self, cell: Cell) {
        self.roots
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(cell);
        self.any_root.store(true, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn has_roots(&self) -> bool {
        self.any_root.load(Ordering::Relaxed)
    }

    /// Unregisters and frees the cells of dropped roots; called by a thread that just took the lock.
    #[cold]
    pub(crate) fn bury(&self, image: &'static Image) {
        self.any_root.store(false, Ordering::Release);
        let cells = std::mem::take(&mut *self.roots.lock().unwrap_or_else(|e| e.into_inner()));
        for Cell(cell) in cells {
            // SAFETY: registered by `Root::new` with this image, whose lock the caller holds.
            unsafe { (image.symbols.caml_remove_generational_global_root)(cell.as_ptr()) };
            // SAFETY: leaked by `Root::new`, unregistered above, owned by nobody else since the root dropped.
            drop(unsafe { Box::from_raw(cell.as_ptr()) });
        }
    }

    /// Keeps an object whose OCaml block was collected until it can be dropped outside the collector.
    pub(crate) fn add_object(&self, object: Object) {
        self.objects
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(object);
        self.any_object.store(true, Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn has_objects(&self) -> bool {
        self.any_object.load(Ordering::Relaxed)
    }

    /// Drops those objects: arbitrary code of the application, so no lock of ours is held.
    #[cold]
    pub(crate) fn drop_objects(&self) {
        self.any_object.store(false, Ordering::Release);
        let objects = std::mem::take(&mut *self.objects.lock().unwrap_or_else(|e| e.into_inner()));
        drop(objects);
    }
}
