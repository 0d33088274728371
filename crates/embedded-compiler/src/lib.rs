//! The OCaml compiler carried by this executable.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod carried;
mod metadata;
mod pack;

pub use carried::{CarriedCompiler, CarriedError, CleanError, ExtractTo};
pub use metadata::{ArchiveMetadata, COMPILE, HOST, Licence, METADATA_VERSION, NOTICES, group_name};
pub use pack::{NOTICE_NAME, PackError, PackOptions, Packed, PackedFile, pack};
