//! Typed loads with the carried compiler: of a compiler that exists, and of one made for the call.
use dynloader::diagnostic::Severity;
use dynloader::{SideEffect, Source, compile, load};
use embedded_compiler::{Compiler, WithError};
use futures_lite::future::block_on;
use ocaml_runtime::{call, host, interface};
use std::error::Error as _;
use std::sync::Arc;

use crate::support::{Outcome, Place, Role, Test, embedded, temporary};

pub(crate) const TESTS: &[Test] = &[
    (
        "plugins_are_loaded_delayed_and_checked_through_their_interface",
        plugins_are_loaded_delayed_and_checked_through_their_interface,
    ),
    (
        "one_call_makes_its_compiler_and_leaves_nothing",
        one_call_makes_its_compiler_and_leaves_nothing,
    ),
    (
        "a_function_of_the_application_loads_a_plugin_for_a_plugin",
        a_function_of_the_application_loads_a_plugin_for_a_plugin,
    ),
];

pub(crate) const ROLES: &[(&str, Role)] = &[
    ("load", existing),
    ("one shot", one_shot),
    ("from a function", from_a_function),
];

/// What a plugin of these tests has to define.
#[interface]
trait Greeter {
    fn greet(&self, name: &str) -> call::Result<String>;
}

fn plugins_are_loaded_delayed_and_checked_through_their_interface() {
    let Some(place) = Place::new() else { return };
    place.succeed("load", &[]);
    assert_eq!(place.left(), [""; 0]);
}

fn one_call_makes_its_compiler_and_leaves_nothing() {
    let Some(place) = Place::new() else { return };
    place.succeed("one shot", &[]);
    assert_eq!(place.left(), [""; 0]);
}

fn a_function_of_the_application_loads_a_plugin_for_a_plugin() {
    let Some(place) = Place::new() else { return };
    place.succeed("from a function", &[]);
    assert_eq!(place.left(), [""; 0]);
}

/// What plugins of these tests may ask of the application.
#[host]
trait Plugins {
    /// Has the plugin `source` greet somebody.
    fn greet_by(&self, source: &str, name: &str) -> Result<String, String>;
}

/// As [`Greeter`], for plugins that use others.
#[interface(host = dyn Plugins)]
trait Chief {
    fn greet(&self, name: &str) -> call::Result<String>;
}

struct Loads(Compiler);

impl Plugins for Loads {
    fn greet_by(&self, source: &str, name: &str) -> Result<String, String> {
        let source = Source::text("other.ml", source);
        let other = self.0.load_blocking::<dyn Chief>([source]);
        let other = other.map_err(|error| {
            let cause = error.source().map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })?;
        other.greet(name).map_err(|error| error.to_string())
    }
}

fn from_a_function(_: &[String]) -> Outcome {
    let outcome = block_on(Compiler::with_compiler(embedded(), async |compiler| {
        let runtime = compiler.loader().runtime().await?;
        runtime.offer_host::<dyn Plugins>(Arc::new(Loads(compiler.clone())));
        let innermost = "let greet name = \"Hello, \" ^ name ^ \"!\"";
        let inner = format!("let greet name = Plugins.greet_by {innermost:?} name");
        let outer = format!("let greet name = Plugins.greet_by {inner:?} name");
        let greeter = compiler.load_blocking::<dyn Chief>([Source::text("outer.ml", outer)])?;
        assert_eq!(greeter.greet("Ada").unwrap(), "Hello, Ada!");
        // Its own top level is not done, so no other can begin on this thread.
        let early =
            format!("let greeting = Plugins.greet_by {innermost:?} \"Ada\" let greet _ = greeting");
        compiler.load_blocking::<dyn Chief>([Source::text("early.ml", early)])?;
        Ok::<(), load::Error>(())
    }));
    let Err(WithError::Function(load::Error::Raised(raised), None)) = outcome else {
        panic!("{outcome:?}");
    };
    let message = raised.to_string();
    assert!(
        message.contains("while another unit is being loaded"),
        "{message}"
    );
    Ok(())
}

/// A greeter that adds a line to the file `log` each time its top level runs.
fn greeter(log: &str) -> [Source; 2] {
    let greet = "let greet name = Words.hello ^ \", \" ^ name ^ \"!\"\n";
    [
        Source::text("words.ml", "let hello = \"Hello\""),
        Source::text("greeter.ml", effect(log) + greet),
    ]
}

/// Adds to the file `log` how often this state has seen its top level run, which is once.
fn effect(log: &str) -> String {
    format!(
        "let runs = ref 0\n\
         let () =\n  \
         incr runs;\n  \
         let log = open_out_gen [ Open_append; Open_creat ] 0o600 {log:?} in\n  \
         output_string log (string_of_int !runs);\n  \
         close_out log\n"
    )
}

fn wrong() -> [Source; 1] {
    [Source::text(
        "wrong.ml",
        "let unrelated = 1\nlet greet name = name + 1\n",
    )]
}

fn assert_rejected(error: &compile::Error) {
    let compile::Error::Rejected(rejection) = error else {
        panic!("{error}");
    };
    let found = rejection.errors().next().unwrap();
    assert_eq!(found.severity, Severity::Error);
    assert!(error.to_string().contains("wrong.ml"), "{error}");
}

fn existing(_: &[String]) -> Outcome {
    let log = std::env::temp_dir().join("log");
    let sources = greeter(log.to_str().unwrap());
    let runs = || std::fs::read_to_string(&log).unwrap_or_default();
    block_on(Compiler::with_compiler(embedded(), async |compiler| {
        let warnings = compiler.check::<dyn Greeter>(&sources).await.unwrap();
        assert_eq!((warnings.len(), runs().as_str()), (0, ""));
        let greeter = compiler.load::<dyn Greeter>(&sources).await.unwrap();
        assert_eq!(greeter.greet("Ada").unwrap(), "Hello, Ada!");
        assert_eq!(runs(), "1");
        let delayed = compiler
            .load_without_running::<dyn Greeter>(&sources)
            .await
            .unwrap();
        assert_eq!(runs(), "1");
        let again = delayed.run().unwrap();
        assert_eq!(again.greet("Bob").unwrap(), "Hello, Bob!");
        delayed.run().unwrap();
        // Each time with fresh state.
        assert_eq!(runs(), "111");
        let effect = Source::text("effect.ml", effect(log.to_str().unwrap()));
        compiler.load::<SideEffect>([effect]).await.unwrap();
        assert_eq!(runs(), "1111");
        let blocking = compiler.load_blocking::<dyn Greeter>(&sources).unwrap();
        assert_eq!(blocking.greet("Eve").unwrap(), "Hello, Eve!");
        assert_eq!(runs(), "11111");
        let Err(load::Error::Compile(error)) = compiler.load_blocking::<dyn Greeter>(wrong())
        else {
            panic!("a plugin of another type");
        };
        assert_rejected(&error);
        assert_rejected(&compiler.check::<dyn Greeter>(wrong()).await.unwrap_err());
        let Err(load::Error::Compile(error)) = compiler.load::<dyn Greeter>(wrong()).await else {
            panic!("a plugin of another type");
        };
        assert_rejected(&error);
        Ok::<(), std::io::Error>(())
    }))?;
    std::fs::remove_file(&log)?;
    Ok(())
}

fn one_shot(_: &[String]) -> Outcome {
    let log = std::env::temp_dir().join("log");
    let sources = greeter(log.to_str().unwrap());
    let runs = || std::fs::read_to_string(&log).unwrap_or_default();
    block_on(async {
        let loaded = embedded_compiler::load::<dyn Greeter>(embedded(), &sources).await?;
        assert_eq!(temporary(), ["log"]);
        // The compiler is gone and the plugin is not.
        assert_eq!(loaded.greet("Ada")?, "Hello, Ada!");
        let delayed =
            embedded_compiler::load_without_running::<dyn Greeter>(embedded(), &sources).await?;
        assert_eq!(
            (temporary(), runs().as_str()),
            (vec!["log".to_owned()], "1")
        );
        assert_eq!(delayed.run()?.greet("Bob")?, "Hello, Bob!");
        assert_eq!(runs(), "11");
        let effect = Source::text("effect.ml", effect(log.to_str().unwrap()));
        embedded_compiler::load::<SideEffect>(embedded(), [effect]).await?;
        assert_eq!(runs(), "111");
        let warnings = embedded_compiler::check::<dyn Greeter>(embedded(), &sources).await?;
        assert!(warnings.is_empty() && runs() == "111");
        match embedded_compiler::check::<dyn Greeter>(embedded(), wrong()).await {
            Err(WithError::Function(error, None)) => assert_rejected(&error),
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(&log)?;
        Ok(())
    })
}
