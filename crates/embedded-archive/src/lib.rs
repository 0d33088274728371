#![doc = include_str!("../README.md")]
//!
//! # Where to start
//! - Pack: [`Builder`], then [`attach`] or [`build_script::link`] with [`embed!`].
//! - Find: [`Archive::of_current_exe`], [`Archive::of_executable`], [`Archive::open`].
//! - Read: [`Archive::entries`], [`Archive::read`], [`Archive::metadata`], [`Archive::verify`].
//! - Extract: [`Fresh`], [`Shared`], [`Memory`], [`Archive::extract`].
//!
//! # Features
//! - `signals`: `remove_on_signals`, which removes private directories on SIGINT, SIGTERM and SIGHUP. Off by default.
//!
//! All functions block. Those that extract take some ten milliseconds and belong on a thread for blocking work in
//! asynchronous programs; a [`Fresh`] that is dropped with a cancelled task removes its files.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod archive;
mod atomic;
pub mod build_script;
mod builder;
mod busy;
mod carrier;
mod decode;
mod digest;
mod extract;
mod format;
mod group;
mod name;
mod random;
mod read;
mod shared;
mod source;
mod uninterrupted;

pub use archive::{Archive, Carrier, Entry, OpenError};
pub use builder::{AddError, BuildError, Builder, Level, Progress};
pub use carrier::attach::{AttachError, Attached, DetachError, attach, detach};
pub use digest::{Digest, TreeId};
pub use extract::ExtractError;
pub use extract::fresh::{Fresh, FreshError, FreshOptions};
pub use extract::live::{before_first_fresh, remove_all_fresh, remove_leftovers};
pub use extract::memory::{Memory, MemoryError};
pub use extract::place::{Places, Refusal, Refused};
#[cfg(feature = "signals")]
pub use extract::signals::{remove_on_signals, remove_on_signals_after};
pub use format::Damage;
pub use group::{Group, Selection};
pub use name::{MAX_NAME, MAX_PART, NameError, NameProblem};
pub use read::{MetadataError, ReadError, VerifyError};
pub use shared::clean::{Cleaned, clean_shared};
pub use shared::{Outcome, Shared, SharedError, SharedOptions, Verify};
pub use source::Source;
