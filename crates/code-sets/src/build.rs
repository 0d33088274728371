//! What the determination of codes needs to know of a build.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{CodeSet, Unit, Wanted, check, determined};

/// A build, as far as its codes are concerned.
///
/// A build tool implements this trait for the type of its builds and hands a value to
/// [`Built::new`](crate::Built::new). [`FixedBuild`](crate::FixedBuild) is an implementation for
/// builds whose facts are known beforehand.
///
/// The trait can be made into an object. `Arc<B>` and `Box<B>` implement it where `B` does.
///
/// ```
/// use async_trait::async_trait;
/// use code_sets::{Build, Built, CodeSet, Failure, Unit, Wanted, build::AvailableError};
///
/// struct ByteOnly;
///
/// #[async_trait]
/// impl Build for ByteOnly {
///     async fn available(&self) -> Result<CodeSet, AvailableError> {
///         Ok(CodeSet::BYTE)
///     }
///     async fn must_build(&self) -> Vec<Unit> {
///         vec![Unit::executable("app")]
///     }
///     async fn wanted(&self) -> Wanted {
///         Wanted::Auto
///     }
///     async fn fail(&self, _failure: &Failure) {}
/// }
///
/// let built = Built::new(ByteOnly);
/// assert_eq!(futures_lite::future::block_on(built.get()).unwrap(), CodeSet::BYTE);
/// ```
#[async_trait]
pub trait Build: Send + Sync {
    /// The codes that the toolchain of the build can generate.
    ///
    /// # Errors
    /// Whatever the toolchain failed with: it becomes the source of [`Failure::Available`].
    async fn available(&self) -> Result<CodeSet, AvailableError>;

    /// The units that must build. Libraries may be among them; only executables count.
    async fn must_build(&self) -> Vec<Unit>;

    /// What the user of the build asks for.
    async fn wanted(&self) -> Wanted;

    /// Tells the build that it fails: once if its codes cannot be determined, and once for each
    /// check that a unit fails. Whoever asked gets the same failure as an error.
    async fn fail(&self, failure: &Failure);
}

/// The error of [`Build::available`]: whatever the build tool's own code failed with.
pub type AvailableError = Box<dyn std::error::Error + Send + Sync>;

macro_rules! forward {
    ($pointer:ident) => {
        #[async_trait]
        impl<B: Build + ?Sized> Build for $pointer<B> {
            async fn available(&self) -> Result<CodeSet, AvailableError> {
                (**self).available().await
            }

            async fn must_build(&self) -> Vec<Unit> {
                (**self).must_build().await
            }

            async fn wanted(&self) -> Wanted {
                (**self).wanted().await
            }

            async fn fail(&self, failure: &Failure) {
                (**self).fail(failure).await;
            }
        }
    };
}

forward!(Arc);
forward!(Box);

/// Why the codes of a build make it fail.
///
/// ```
/// use code_sets::{Built, CodeSet, Failure, FixedBuild, determined};
///
/// let built = Built::new(FixedBuild::new(CodeSet::BYTE).with_wanted(CodeSet::NATIVE));
/// let failure = futures_lite::future::block_on(built.get()).unwrap_err();
/// assert!(matches!(
///     failure,
///     Failure::Undetermined(determined::Error::Unavailable {
///         wanted: CodeSet::NATIVE,
///         available: CodeSet::BYTE,
///         ..
///     })
/// ));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The build could not tell which codes are available.
    #[error("could not find out which codes are available")]
    Available {
        /// What [`Build::available`] returned.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// What is wanted and what is available do not go together.
    #[error(transparent)]
    Undetermined(determined::Error),
    /// A unit cannot be built from the codes that the build generates.
    #[error(transparent)]
    Check(check::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failure_is_small() {
        assert!(size_of::<Failure>() <= 64);
    }
}
