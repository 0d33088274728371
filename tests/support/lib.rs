//! Helpers of the end-to-end tests: the command as users start it, in places made for one test.
//!
//! A test takes a [`Sandbox`], writes its sources there and starts the command with [`Sandbox::saddlebag`]; the
//! [`Outcome`] has the assertions. Whatever a test does, the command must leave the directory for temporary files
//! empty: [`Command::run`] checks it each time.
#![forbid(unsafe_code)]

mod binary;
mod command;
mod jail;
mod outcome;
mod processes;
mod sandbox;
mod shared;
mod toolchain;

pub use binary::{linked_in, saddlebag};
pub use command::{Command, Started};
pub use jail::{Jail, Mount, with_mount};
pub use outcome::Outcome;
pub use processes::{await_none_mentioning, await_some, processes_mentioning};
pub use sandbox::Sandbox;
pub use shared::{INTERFACES, byte_standalone, shared_directory, standalone};
pub use toolchain::{
    has, installed_libraries, may_profile, ocaml, ocaml_is_at_least, other_ocaml, skip, torture,
};
