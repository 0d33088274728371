//! Behaviour of the crate as its users see it.

mod algebra;
mod constants;
mod real_compilers;
mod sharing;

#[cfg(feature = "serde")]
mod serialised;
