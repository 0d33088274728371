//! A configuration in OCaml: a typed record, with defaults and helpers from a module that the application ships.
//!
//! ```text
//! cargo run -p saddlebag --example config
//! cargo run -p saddlebag --example config -- CONFIG.ml
//! ```

use std::error::Error;
use std::process::ExitCode;

use saddlebag::{Compiler, OcamlValue, Options, Source, interface};

#[path = "../shared/report.rs"]
mod report;

/// The configuration that is read when the command line names no other.
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/config/server.ml");

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Log {
    Nothing,
    Errors,
    Requests { slower_than: f64 },
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Upstream {
    host: String,
    weight: u32,
    tls: bool,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Settings {
    name: String,
    port: u16,
    timeout: f64,
    body_limit: u64,
    log: Log,
    upstreams: Vec<Upstream>,
}

/// What a configuration has to define.
#[interface]
trait Configuration {
    #[ocaml(constant)]
    fn config(&self) -> &Settings;
}

async fn read(file: &str) -> Result<Settings, Box<dyn Error>> {
    let compiler = Compiler::create(Options::default()).await?;
    // With an `.mli`, a configuration need not use everything in it.
    let sources = [
        Source::text("helpers.mli", include_str!("helpers.mli")),
        Source::text("helpers.ml", include_str!("helpers.ml")),
        Source::file(file),
    ];
    let configuration = compiler.load::<dyn Configuration>(sources).await?;
    let settings = configuration.config().clone();
    compiler.clean().await?;
    Ok(settings)
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> ExitCode {
    let file = std::env::args().nth(1);
    let settings = futures_lite::future::block_on(read(file.as_deref().unwrap_or(CONFIG)));
    report::exit(settings.map(|settings| println!("{settings:#?}")))
}
