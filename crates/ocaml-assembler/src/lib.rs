//! The assembly that ocamlopt prints for x86-64 Linux, to objects and loadable plugins, in process.
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
