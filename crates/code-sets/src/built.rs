//! The codes that a concurrent build generates, determined once.

use std::{fmt, sync::Arc};

use futures_util::future::{BoxFuture, FutureExt, Shared};

use crate::{Build, CodeSet, Determined, Failure, Unit};

/// The codes that a build generates, determined once however many tasks ask.
///
/// Nothing happens before somebody asks. The first to ask starts the determination, and all who
/// ask get its result. If those who ask are dropped before the end, the next one takes the
/// determination up where it stands: no question is put to the build twice.
///
/// Clones share the determination and the build.
///
/// # Panics
/// Nothing here panics of itself. If a method of the [`Build`] panics during the determination,
/// then so does everyone who asks from then on.
///
/// ```
/// use code_sets::{Built, CodeSet, FixedBuild};
///
/// let built = Built::new(FixedBuild::new(CodeSet::TRADITIONAL).with_wanted(CodeSet::BYTE));
/// let task = built.clone();
/// let (here, there) = futures_lite::future::block_on(futures_lite::future::zip(
///     built.get(),
///     async move { task.check_any("app", CodeSet::TRADITIONAL).await },
/// ));
/// assert_eq!(here.unwrap(), CodeSet::BYTE);
/// assert!(there.is_ok());
/// ```
pub struct Built<B> {
    build: Arc<B>,
    determination: Shared<BoxFuture<'static, Result<Determined, Failure>>>,
}

impl<B: Build + 'static> Built<B> {
    /// The codes that `build` generates; nothing is determined yet.
    ///
    /// To keep a handle on the build, give an `Arc` of it, or use [`Built::build`].
    #[must_use]
    pub fn new(build: B) -> Built<B> {
        let build = Arc::new(build);
        let determination = determine(Arc::clone(&build)).boxed().shared();
        Built {
            build,
            determination,
        }
    }

    /// The codes that the build generates.
    ///
    /// # Errors
    /// The codes could not be determined. The build has been told, once; every asker gets the
    /// same failure.
    ///
    /// ```
    /// use code_sets::{Built, CodeSet, FixedBuild};
    ///
    /// let built = Built::new(FixedBuild::new(CodeSet::BYTE).with_wanted(CodeSet::TRADITIONAL));
    /// let failure = futures_lite::future::block_on(built.get()).unwrap_err();
    /// assert_eq!(
    ///     failure.to_string(),
    ///     "the build wants codes byte and native, but only code byte is available",
    /// );
    /// assert_eq!(built.build().failures().len(), 1);
    /// ```
    pub async fn get(&self) -> Result<CodeSet, Failure> {
        self.determined().await.map(Determined::built)
    }

    /// As [`Built::get`], with the codes that are available beside those that are built.
    ///
    /// # Errors
    /// As for [`Built::get`].
    pub async fn determined(&self) -> Result<Determined, Failure> {
        self.determination.clone().await
    }

    /// Fails the unit called `unit` if the build generates none of the codes that it supports.
    ///
    /// # Errors
    /// As for [`Built::get`]; or [`Failure::Check`], of which the build has been told.
    ///
    /// ```
    /// use code_sets::{Built, CodeSet, FixedBuild};
    ///
    /// let built = Built::new(FixedBuild::new(CodeSet::TRADITIONAL));
    /// futures_lite::future::block_on(async {
    ///     assert!(built.check_any("app", CodeSet::BYTE | CodeSet::WASM).await.is_ok());
    ///     assert!(built.check_any("page", CodeSet::WASM).await.is_err());
    /// });
    /// ```
    pub async fn check_any(&self, unit: &str, supported: CodeSet) -> Result<(), Failure> {
        let check = self.determined().await?.check_any(unit, supported);
        self.report(check.map_err(Failure::Check)).await
    }

    /// Fails the unit called `unit` unless the build generates all the codes that it supports.
    ///
    /// # Errors
    /// As for [`Built::get`]; or [`Failure::Check`], of which the build has been told.
    ///
    /// ```
    /// use code_sets::{Built, CodeSet, FixedBuild};
    ///
    /// let built = Built::new(FixedBuild::new(CodeSet::TRADITIONAL));
    /// futures_lite::future::block_on(async {
    ///     assert!(built.check_all("app", CodeSet::TRADITIONAL).await.is_ok());
    ///     assert!(built.check_all("page", CodeSet::BYTE | CodeSet::WASM).await.is_err());
    /// });
    /// ```
    pub async fn check_all(&self, unit: &str, supported: CodeSet) -> Result<(), Failure> {
        let check = self.determined().await?.check_all(unit, supported);
        self.report(check.map_err(Failure::Check)).await
    }

    async fn report(&self, check: Result<(), Failure>) -> Result<(), Failure> {
        if let Err(failure) = &check {
            self.build.fail(failure).await;
        }
        check
    }
}

impl<B> Built<B> {
    /// The build.
    #[must_use]
    pub fn build(&self) -> &B {
        &self.build
    }
}

async fn determine<B: Build>(build: Arc<B>) -> Result<Determined, Failure> {
    let determined = ask(&*build).await;
    if let Err(failure) = &determined {
        build.fail(failure).await;
    }
    determined
}

async fn ask<B: Build>(build: &B) -> Result<Determined, Failure> {
    let wanted = build.wanted().await;
    let available = build
        .available()
        .await
        .map_err(|source| Failure::Available {
            source: source.into(),
        })?;
    // Finding the units may mean reading every description of a unit: only `auto` asks for it.
    let must_build: Vec<Unit> = if wanted.codes().is_none() {
        build.must_build().await
    } else {
        Vec::new()
    };
    Determined::new(&wanted, available, &must_build).map_err(Failure::Undetermined)
}

impl<B> Clone for Built<B> {
    fn clone(&self) -> Built<B> {
        Built {
            build: Arc::clone(&self.build),
            determination: self.determination.clone(),
        }
    }
}

impl<B> fmt::Debug for Built<B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Built")
            .field("determined", &self.determination.peek())
            .finish_non_exhaustive()
    }
}
