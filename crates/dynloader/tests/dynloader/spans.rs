//! What a subscriber of `tracing` hears.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

use dynloader::{Assembler, Kit, Loader, Options, SideEffect, Source};
use futures_lite::future::block_on;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::kit;

/// The spans of a test: their names, and their fields as text.
type Spans = Mutex<Vec<Span>>;

static OF_PROCESS: Spans = Mutex::new(Vec::new());
static OF_THREAD: Spans = Mutex::new(Vec::new());
static OF_BLOCKING: Spans = Mutex::new(Vec::new());

#[derive(Debug, Clone)]
struct Span {
    name: &'static str,
    thread: ThreadId,
    fields: Vec<(&'static str, String)>,
}

impl Span {
    fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

struct Collector(&'static Spans);

impl Collector {
    fn spans(&self) -> std::sync::MutexGuard<'static, Vec<Span>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `write` is for systems that keep no files in memory; what a compiler of its own does is not told apart.
fn assert_phases(kit: &Kit, spans: &[Span]) {
    let mut phases = vec!["read", "compile", "assemble", "link", "load"];
    if kit.manifest().no_worker.is_none() {
        phases.extend(["type", "generate"]);
    }
    for phase in phases {
        assert!(spans.iter().any(|span| span.name == phase), "{phase}");
    }
}

struct Fields<'a>(&'a mut Span);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.fields.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.fields.push((field.name(), format!("{value:?}")));
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut spans = self.spans();
        let mut span = Span {
            name: attributes.metadata().name(),
            thread: thread::current().id(),
            fields: Vec::new(),
        };
        attributes.record(&mut Fields(&mut span));
        spans.push(span);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        let mut spans = self.spans();
        let index = usize::try_from(id.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut spans[index]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn every_phase_is_a_span_and_a_compilation_says_what_assembled_it() {
    let Some(kit) = kit() else { return };
    if !kit.manifest().gives_assembly {
        println!("SKIP: this compiler gives no assembly");
        return;
    }
    tracing::subscriber::set_global_default(Collector(&OF_PROCESS)).unwrap();
    for (unit, assembler) in [
        ("inside", Assembler::Internal),
        ("outside", Assembler::External),
    ] {
        let options = Options::program().assembler(assembler);
        let loader = Loader::new(kit.clone(), options).unwrap();
        let source = Source::text(format!("{unit}.ml"), "let () = ()");
        let loaded = loader.load_sources_blocking::<SideEffect>([source], |_| ());
        loaded.unwrap();
    }
    let spans = Collector(&OF_PROCESS).spans().clone();
    assert_phases(&kit, &spans);
    let assembler_of = |unit: &str| {
        let of_unit = |span: &&Span| span.name == "compile" && span.field("unit") == Some(unit);
        spans
            .iter()
            .find(of_unit)
            .and_then(|span| span.field("assembler"))
    };
    assert_eq!(assembler_of("Inside"), Some("internal"));
    assert_eq!(assembler_of("Outside"), Some("external"));
}

#[test]
fn the_subscriber_of_a_thread_hears_what_other_threads_do_for_it() {
    let Some(kit) = kit() else { return };
    if !kit.manifest().gives_assembly {
        println!("SKIP: this compiler gives no assembly");
        return;
    }
    let loader = Loader::new(kit.clone(), Options::default()).unwrap();
    let loaded = tracing::subscriber::with_default(Collector(&OF_THREAD), || {
        let source = Source::text("elsewhere.ml", "let () = ()");
        block_on(loader.load_sources::<SideEffect>([source]))
    });
    loaded.unwrap();
    assert_phases(&kit, &Collector(&OF_THREAD).spans());
}

#[test]
fn a_blocking_load_in_a_running_loader_stays_on_its_thread() {
    let Some(kit) = kit() else { return };
    if !kit.manifest().gives_assembly {
        println!("SKIP: this compiler gives no assembly");
        return;
    }
    let loader = Loader::new(kit.clone(), Options::default()).unwrap();
    let load = |text: &str| {
        loader.load_sources_blocking::<SideEffect>([Source::text("stays.ml", text)], |_| ())
    };
    // The runtime and a compiler start with the first.
    load("let () = ()").unwrap();
    let collector = Collector(&OF_BLOCKING);
    tracing::subscriber::with_default(collector, || load("let () = print_string \"\"")).unwrap();
    let spans = Collector(&OF_BLOCKING).spans().clone();
    assert_phases(&kit, &spans);
    for span in spans {
        assert_eq!(span.thread, thread::current().id(), "{}", span.name);
    }
}
