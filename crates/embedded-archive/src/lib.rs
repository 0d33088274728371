//! Files carried by an executable: pack, attach, find again, verify, extract.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
