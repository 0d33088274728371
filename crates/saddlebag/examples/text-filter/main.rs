//! A filter for lines of text that is written in OCaml, and swapped for the new one when its file changes.
//!
//! ```text
//! cargo run -p saddlebag --example text-filter < README.md
//! cargo run -p saddlebag --example text-filter -- FILTER.ml
//! ```
//! Edit the file while the second waits for lines: the next line goes through the new filter. A filter that does not
//! compile is reported, and the old one stays.
//!
//! OCaml's runtime cannot unload code, so that each swap keeps about 23 kB until the process ends. For a file that a
//! person edits that is nothing; a program that generates filters by the thousand starts a new process now and then.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use futures_lite::future::block_on;
use saddlebag::runtime::call;
use saddlebag::{Compiler, Options, Source, interface};

#[path = "../shared/report.rs"]
mod report;

/// The filter that is used when the command line names no other.
const FILTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/text-filter/shout.ml");

/// What a filter has to define: it gives the new line, or none.
#[interface]
trait LineFilter {
    fn filter(&self, line: &str) -> call::Result<Option<String>>;
}

/// A filter and the text that it was made of.
struct Swapped<'c> {
    compiler: &'c Compiler,
    file: &'c str,
    text: Vec<u8>,
    filter: LineFilterPlugin,
}

impl<'c> Swapped<'c> {
    async fn load(compiler: &'c Compiler, file: &'c str) -> Result<Swapped<'c>, Box<dyn Error>> {
        let text = std::fs::read(file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
        let source = Source::text(file, text.clone());
        let filter = compiler.load::<dyn LineFilter>([source]).await?;
        Ok(Swapped {
            compiler,
            file,
            text,
            filter,
        })
    }

    /// Loads the file again, if it is another one. The old filter is dropped.
    #[expect(clippy::print_stderr, reason = "an example says what is wrong")]
    async fn refresh(&mut self) {
        match std::fs::read(self.file) {
            Ok(text) if text != self.text => self.text = text,
            // As it was; or an editor is about to write it.
            Ok(_) | Err(_) => return,
        }
        match Swapped::load(self.compiler, self.file).await {
            Ok(new) => *self = new,
            Err(error) => eprintln!("the old filter stays: {}", report::chain(&*error)),
        }
    }
}

async fn run(file: &str) -> Result<(), Box<dyn Error>> {
    let compiler = Compiler::create(Options::default()).await?;
    let mut current = Swapped::load(&compiler, file).await?;
    let mut output = io::stdout();
    for line in io::stdin().lock().lines() {
        let line = line?;
        current.refresh().await;
        if let Some(line) = current.filter.filter(&line)? {
            writeln!(output, "{line}")?;
        }
    }
    compiler.clean().await?;
    Ok(())
}

fn main() -> ExitCode {
    let file = std::env::args().nth(1);
    report::exit(block_on(run(file.as_deref().unwrap_or(FILTER))))
}
