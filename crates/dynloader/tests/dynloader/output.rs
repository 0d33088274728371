//! What compilers and preprocessors say is caught, and never mixes with what the application prints.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dynloader::diagnostic::Diagnostic;
use dynloader::{
    Assembler, Evaluation, Loader, Options, Preprocessor, SideEffect, Source, Warnings, compile,
    load,
};
use futures_lite::future::block_on;

use crate::support::{byte_kit, folder, kit, write};

/// Set for the application, a process that the test starts: its own output is the test's matter.
const APPLICATION: &str = "DYNLOADER_TEST_OUTPUT";

/// How often each thread that compiles does everything.
const ROUNDS: usize = 6;

/// How many lines are printed at least.
const LINES: usize = 50;

/// What an application prints lies between these lines; outside of them are the words of the test's harness.
const BEGIN: &str = "\nbegin\n";
const END: &str = "end\n";

/// A line that is a mixture of two has not this form.
fn line(number: usize) -> String {
    format!("line {number} {}\n", ".".repeat(number % 90))
}

/// Writes lines, each in two pieces, until the last of the threads that compile has ended.
fn write_lines(mut stream: impl Write, compiling: &AtomicUsize) {
    let mut write = |text: &str| {
        stream.write_all(text.as_bytes()).unwrap();
        stream.flush().unwrap();
    };
    write(BEGIN);
    for number in 0.. {
        let line = line(number);
        let (first, second) = line.split_at(4);
        write(first);
        std::thread::sleep(Duration::from_micros(200));
        write(second);
        if number >= LINES && compiling.load(Ordering::Acquire) == 0 {
            break;
        }
    }
    write(END);
}

/// A preprocessor; `$2` is the source.
fn script(folder: &Path, name: &str, commands: &str) -> Preprocessor {
    let text = format!("#!/bin/sh\ntest \"$1\" = -dump-ast || exit 1\n{commands}\n");
    let path = write(folder, name, &text);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    Preprocessor::Ppx(path)
}

/// Something that the compiler says.
struct Says {
    loader: Loader,
    text: &'static str,
    /// What is found in the messages.
    expected: &'static str,
}

const WARNED: &str = "let f unused = print_string \"\"\nlet () = f ()";
const WRONG: &str = "let () = print_int \"no number\"";

impl Says {
    fn hear(&self, round: usize) {
        let source = || [Source::text("said.ml", self.text)];
        let said = |diagnostics: &[Diagnostic]| {
            let messages = diagnostics.iter().map(Diagnostic::to_string);
            messages.collect::<Vec<_>>().join("\n")
        };
        let rejected = |error: compile::Error| match error {
            compile::Error::Rejected(rejection) => {
                format!(
                    "{}\n{}",
                    said(&rejection.diagnostics),
                    rejection.failure.stderr_text()
                )
            }
            error => panic!("{error:?}"),
        };
        let heard = match round % 3 {
            0 => match block_on(self.loader.check_sources::<SideEffect>(source())) {
                Ok(diagnostics) => said(&diagnostics),
                Err(error) => rejected(error),
            },
            1 => {
                let compiled = self
                    .loader
                    .compile_sources::<SideEffect>(source(), Evaluation::AtLoad);
                match block_on(compiled) {
                    Ok(compiled) => said(compiled.diagnostics()),
                    Err(error) => rejected(error),
                }
            }
            _ => {
                let mut heard = String::new();
                let told = |diagnostics: &[Diagnostic]| heard = said(diagnostics);
                match self
                    .loader
                    .load_sources_blocking::<SideEffect>(source(), told)
                {
                    Ok(()) => heard,
                    Err(load::Error::Compile(error)) => rejected(*error),
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        assert!(
            heard.contains(self.expected),
            "{:?}: {heard}",
            self.expected
        );
    }
}

/// What the application does: two threads print, and as many as there are loaders compile and load.
#[test]
fn work_of_an_application_that_prints() {
    if std::env::var_os(APPLICATION).is_none() {
        return;
    }
    let folder = folder(&[]);
    let native = || kit().expect("the application is started where there is OCaml");
    let options = || Options::program().warnings(Warnings::reported("+a-70"));
    let new = |options| Loader::new(native(), options).unwrap();
    let talks = script(
        folder.path(),
        "talks",
        "echo the preprocessor talks >&2; cat \"$2\"",
    );
    let refuses = r#"echo the preprocessor talks >&2; echo 'File "said.ml", line 1:' >&2; echo Error: refused >&2; exit 2"#;
    let refuses = script(folder.path(), "refuses", refuses);
    let says = |loader, text, expected| Says {
        loader,
        text,
        expected,
    };
    let everything = [
        // One loader for both: its workers answer two threads.
        says(new(options()), WARNED, "unused variable"),
        says(new(options()), WRONG, "expected of type"),
        says(
            new(options().assembler(Assembler::External)),
            WARNED,
            "unused variable",
        ),
        says(
            new(options().preprocessor(talks)),
            WARNED,
            "unused variable",
        ),
        says(new(options().preprocessor(refuses)), WARNED, "refused"),
        // A flag that no worker takes, with which the compiler prints more than diagnostics.
        says(
            new(options().cmx_flags(["-dlambda", "-verbose"])),
            WARNED,
            "unused variable",
        ),
        says(
            Loader::new(byte_kit().unwrap(), options().code(code_sets::Code::Byte)).unwrap(),
            WARNED,
            "unused variable",
        ),
    ];
    let compiling = AtomicUsize::new(everything.len());
    std::thread::scope(|scope| {
        scope.spawn(|| write_lines(std::io::stdout(), &compiling));
        scope.spawn(|| write_lines(std::io::stderr(), &compiling));
        for says in &everything {
            let compiling = &compiling;
            scope.spawn(move || {
                // Counted down by a panic too: the others end.
                let _ended = Ended(compiling);
                (0..ROUNDS).for_each(|round| says.hear(round));
            });
        }
    });
}

struct Ended<'c>(&'c AtomicUsize);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the application is a process")]
fn what_compilers_say_never_mixes_with_what_the_application_prints() {
    if kit().is_none() || byte_kit().is_none() {
        return;
    }
    let test = "output::work_of_an_application_that_prints";
    // Returns when nobody holds the other ends of the pipes any more.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(APPLICATION, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{stdout}{stderr}");
    for printed in [stdout, stderr] {
        let (_, printed) = printed.split_once(BEGIN).expect("the beginning");
        let (lines, _) = printed.rsplit_once(END).expect("the end");
        let count = lines.lines().count();
        assert!(count > LINES, "{count} lines");
        let expected: String = (0..count).map(line).collect();
        assert_eq!(lines, expected);
    }
}
