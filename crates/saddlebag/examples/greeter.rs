//! Loads `greeter.ml` and calls its function `greet`.
//!
//! ```text
//! cargo run -p saddlebag --example greeter -- crates/saddlebag/examples/greeter.ml Ada
//! ```
//! With the compiler in its saddlebag (`saddlebag embed target/debug/examples/greeter -o greeter`) it runs where there is no
//! OCaml.

use std::error::Error;
use std::process::ExitCode;

use saddlebag::runtime::call;
use saddlebag::{Compiler, Options, interface};

/// What a greeter has to define; the OCaml compiler checks the plugin against it.
#[interface]
trait Greeter {
    fn greet(&self, name: &str) -> call::Result<String>;
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
async fn greet(file: &str, name: &str) -> Result<(), Box<dyn Error>> {
    let compiler = Compiler::create(Options::default()).await?;
    let greeter = compiler.load::<dyn Greeter>([file]).await?;
    println!("{}", greeter.greet(name)?);
    compiler.clean().await?;
    Ok(())
}

#[expect(clippy::print_stderr, reason = "an example says what is wrong")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, name] = arguments.as_slice() else {
        eprintln!("usage: greeter FILE.ml NAME");
        return ExitCode::from(2);
    };
    let Err(error) = futures_lite::future::block_on(greet(file, name)) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}
