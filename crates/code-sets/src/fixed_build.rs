//! A build whose facts are known beforehand.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::{Build, CodeSet, Failure, Unit, Wanted, build::AvailableError};

/// A [`Build`] whose facts are known beforehand, and that keeps its failures.
///
/// ```
/// use code_sets::{Built, CodeSet, FixedBuild, Restriction, Unit};
///
/// let build = FixedBuild::new(CodeSet::TRADITIONAL).with_unit(
///     Unit::executable("app").with_restriction(Restriction::unique_favour_native()),
/// );
/// let built = Built::new(build);
/// futures_lite::future::block_on(async {
///     assert_eq!(built.get().await.unwrap(), CodeSet::NATIVE);
///     assert!(built.check_all("tests", CodeSet::TRADITIONAL).await.is_err());
/// });
/// assert_eq!(built.build().failures().len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct FixedBuild {
    available: CodeSet,
    wanted: Wanted,
    must_build: Vec<Unit>,
    failures: Mutex<Vec<Failure>>,
}

impl FixedBuild {
    /// A build whose toolchain can generate the codes of `available`, with no unit, and wanting
    /// [`Wanted::Auto`].
    #[must_use]
    pub fn new(available: CodeSet) -> FixedBuild {
        FixedBuild {
            available,
            ..FixedBuild::default()
        }
    }

    /// Sets what the user asks for. Default: [`Wanted::Auto`].
    #[must_use]
    pub fn with_wanted(mut self, wanted: impl Into<Wanted>) -> FixedBuild {
        self.wanted = wanted.into();
        self
    }

    /// Adds a unit that must build.
    #[must_use]
    pub fn with_unit(mut self, unit: Unit) -> FixedBuild {
        self.must_build.push(unit);
        self
    }

    /// The failures that the build was told, in order; empty as long as it does not fail.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Build for FixedBuild {
    async fn available(&self) -> Result<CodeSet, AvailableError> {
        Ok(self.available)
    }

    async fn must_build(&self) -> Vec<Unit> {
        self.must_build.clone()
    }

    async fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }

    async fn fail(&self, failure: &Failure) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(failure.clone());
    }
}
