//! The codes of a build are determined once, whoever asks and whoever leaves.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use code_sets::{
    Build, Built, CodeSet, Failure, FixedBuild, Restriction, Unit, Wanted, build::AvailableError,
};
use futures_lite::future::{self, block_on, yield_now};

/// Counts the questions it is asked, and is pending a few times before each answer.
struct Counting {
    available: Result<CodeSet, &'static str>,
    wanted: Wanted,
    units: Vec<Unit>,
    questions: [AtomicUsize; 3],
    failures: AtomicUsize,
}

impl Counting {
    fn new(
        available: Result<CodeSet, &'static str>,
        wanted: impl Into<Wanted>,
        units: &[Unit],
    ) -> Arc<Counting> {
        Arc::new(Counting {
            available,
            wanted: wanted.into(),
            units: units.to_vec(),
            questions: Default::default(),
            failures: AtomicUsize::new(0),
        })
    }

    async fn count(&self, question: usize) {
        self.questions[question].fetch_add(1, SeqCst);
        for _ in 0..3 {
            yield_now().await;
        }
    }

    fn questions(&self) -> [usize; 3] {
        [0, 1, 2].map(|question| self.questions[question].load(SeqCst))
    }
}

#[async_trait]
impl Build for Counting {
    async fn available(&self) -> Result<CodeSet, AvailableError> {
        self.count(0).await;
        Ok(self.available?)
    }

    async fn must_build(&self) -> Vec<Unit> {
        self.count(1).await;
        self.units.clone()
    }

    async fn wanted(&self) -> Wanted {
        self.count(2).await;
        self.wanted.clone()
    }

    async fn fail(&self, _failure: &Failure) {
        yield_now().await;
        self.failures.fetch_add(1, SeqCst);
    }
}

fn one_code_app() -> Unit {
    Unit::executable("app").with_restriction(Restriction::unique_favour_native())
}

/// Eight tasks ask at the same time; the build is asked each question once.
async fn eight_tasks_ask<F>(spawn: impl Fn(future::Boxed<Result<CodeSet, Failure>>) -> F)
where
    F: Future<Output = Result<CodeSet, Failure>>,
{
    let build = Counting::new(Ok(CodeSet::ALL), Wanted::Auto, &[one_code_app()]);
    let built = Built::new(Arc::clone(&build));
    let tasks: Vec<F> = (0..8)
        .map(|_| {
            let built = built.clone();
            spawn(Box::pin(async move { built.get().await }))
        })
        .collect();
    for task in tasks {
        assert!(matches!(task.await, Ok(CodeSet::NATIVE)));
    }
    assert_eq!(build.questions(), [1, 1, 1]);
}

#[test]
fn the_codes_are_determined_once_under_a_bare_block_on() {
    block_on(eight_tasks_ask(|task| task));
}

#[test]
fn the_codes_are_determined_once_under_tokio() {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(eight_tasks_ask(|task| {
            let handle = tokio::spawn(task);
            async { handle.await.unwrap() }
        }));
}

#[test]
fn the_codes_are_determined_once_under_smol() {
    smol::block_on(eight_tasks_ask(smol::spawn));
}

#[test]
fn the_codes_are_determined_once_from_threads() {
    let build = Counting::new(Ok(CodeSet::ALL), Wanted::Auto, &[one_code_app()]);
    let built = Built::new(Arc::clone(&build));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(block_on(built.get()).unwrap(), CodeSet::NATIVE));
        }
    });
    assert_eq!(build.questions(), [1, 1, 1]);
}

#[test]
fn nothing_is_asked_before_somebody_asks() {
    let build = Counting::new(Ok(CodeSet::ALL), Wanted::Auto, &[]);
    let built = Built::new(Arc::clone(&build));
    drop(built.get());
    assert_eq!(build.questions(), [0, 0, 0]);
}

#[test]
fn the_next_asker_goes_on_where_a_dropped_one_stood() {
    // However far the first asker gets before it is dropped, no question is put twice.
    for polls in 1..=9 {
        let build = Counting::new(Ok(CodeSet::TRADITIONAL), Wanted::Auto, &[]);
        let built = Built::new(Arc::clone(&build));
        {
            let mut first = pin!(built.get());
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..polls {
                assert!(first.as_mut().poll(&mut context).is_pending());
            }
        }
        assert!(build.questions().iter().sum::<usize>() > 0);
        assert_eq!(block_on(built.get()).unwrap(), CodeSet::TRADITIONAL);
        assert_eq!(build.questions(), [1, 1, 1], "after {polls} polls");
    }
}

#[test]
fn a_waiting_asker_goes_on_when_the_first_is_dropped() {
    let build = Counting::new(Ok(CodeSet::TRADITIONAL), Wanted::Auto, &[]);
    let built = Built::new(Arc::clone(&build));
    let mut first = Box::pin(built.get());
    let mut second = pin!(built.get());
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert_eq!(block_on(second).unwrap(), CodeSet::TRADITIONAL);
    assert_eq!(build.questions(), [1, 1, 1]);
}

#[test]
fn units_are_not_looked_for_when_codes_are_named() {
    let build = Counting::new(
        Ok(CodeSet::ALL),
        CodeSet::BYTE | CodeSet::WASM,
        &[one_code_app()],
    );
    let built = Built::new(Arc::clone(&build));
    assert_eq!(
        block_on(built.get()).unwrap(),
        CodeSet::BYTE | CodeSet::WASM
    );
    assert_eq!(build.questions(), [1, 0, 1]);
}

#[test]
fn a_build_that_cannot_be_determined_is_told_once_and_every_asker_learns_it() {
    let build = Counting::new(Ok(CodeSet::BYTE), CodeSet::TRADITIONAL, &[]);
    let built = Built::new(Arc::clone(&build));
    for _ in 0..3 {
        let message = block_on(built.get()).unwrap_err().to_string();
        assert_eq!(
            message,
            "the build wants codes byte and native, but only code byte is available"
        );
        assert!(block_on(built.check_any("app", CodeSet::ALL)).is_err());
    }
    assert_eq!(build.failures.load(SeqCst), 1);
}

#[test]
fn a_toolchain_that_cannot_answer_is_the_source_of_the_failure() {
    let build = Counting::new(Err("ocamlopt -config exited with 2"), Wanted::Auto, &[]);
    let failure = block_on(Built::new(Arc::clone(&build)).get()).unwrap_err();
    assert_eq!(
        failure.to_string(),
        "could not find out which codes are available"
    );
    let source = std::error::Error::source(&failure).expect("a source");
    assert_eq!(source.to_string(), "ocamlopt -config exited with 2");
    assert_eq!(build.failures.load(SeqCst), 1);
}

#[test]
fn a_unit_that_fails_a_check_is_reported_to_the_build() {
    let build = FixedBuild::new(CodeSet::ALL).with_unit(one_code_app());
    let built = Built::new(build);
    block_on(async {
        built.check_any("app", CodeSet::TRADITIONAL).await.unwrap();
        built.check_any("page", CodeSet::WASM).await.unwrap_err();
        built.check_all("app", CodeSet::NATIVE).await.unwrap();
        built
            .check_all("tests", CodeSet::TRADITIONAL)
            .await
            .unwrap_err();
    });
    let failures: Vec<String> = built
        .build()
        .failures()
        .iter()
        .map(Failure::to_string)
        .collect();
    assert_eq!(
        failures,
        [
            "unit `page` supports code wasm, but the build generates code native; \
             ask for `native,wasm`",
            "unit `tests` requires codes byte and native, but the build generates code native; \
             ask for `byte,native`",
        ]
    );
}

#[test]
fn check_all_passes_when_all_that_is_supported_is_built() {
    // The check of b0 is inverted: it fails in just this case, and passes when something that is
    // supported is not built.
    let built = Built::new(FixedBuild::new(CodeSet::TRADITIONAL));
    block_on(async {
        assert!(built.check_all("app", CodeSet::BYTE).await.is_ok());
        assert!(built.check_all("app", CodeSet::TRADITIONAL).await.is_ok());
        assert!(
            built
                .check_all("app", CodeSet::NATIVE | CodeSet::WASM)
                .await
                .is_err()
        );
        assert!(built.check_all("app", CodeSet::ALL).await.is_err());
    });
}

#[test]
fn a_build_may_be_a_trait_object() {
    let build: Arc<dyn Build> = Arc::new(FixedBuild::new(CodeSet::BYTE));
    let built = Built::new(build);
    assert_eq!(format!("{built:?}"), "Built { determined: None, .. }");
    let mut get = pin!(built.get());
    let poll = get.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Ready(Ok(CodeSet::BYTE))));
}
