#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! [`assemble()`] reads the text once, from left to right. Instructions are encoded as they come;
//! branches and padding are left elastic, and places that depend on addresses are noted. Then the
//! branches get their lengths, in the same steps as GNU as takes, differences within a section
//! become constants and the rest relocations, and the `.cfi_` and `.loc` directives become
//! `.eh_frame` and `.debug_` sections.
//!
//! [`link_shared`] resolves symbols, collects what needs a slot in the global offset table, a stub
//! or a relocation at load time, gives everything a place, and writes the file. Addresses are
//! offsets in the file; three segments hold what is read-only, code, and data, and the loader
//! protects the beginning of the last one once it has filled it in.
//!
//! # Errors
//!
//! [`AssembleError`], [`LinkError`], [`ReadError`] and [`ArchiveError`] belong to one operation
//! each. All say that this crate does not do it, not that nobody could: the system's assembler and
//! linker take the same text and objects.
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod archive;
mod assemble;
mod cursor;
mod debug;
mod directive;
mod elf;
mod expression;
mod frame;
mod instruction;
mod lines;
mod link;
mod object;
mod operand;
mod register;
mod relax;
mod resolve;
mod section;
mod symbol;
mod unit;

pub use archive::{Archive, Error as ArchiveError};
pub use assemble::{
    Error as AssembleError, ErrorKind as AssembleErrorKind, Options as AssembleOptions, assemble,
    assemble_with,
};
pub use link::{BuildId, Error as LinkError, Options as LinkOptions, link_shared};
pub use object::{Object, ReadError};
