//! Behaviour of the crate as its users see it.

mod algebra;
mod constants;
mod sharing;

#[cfg(feature = "serde")]
mod serialised;
