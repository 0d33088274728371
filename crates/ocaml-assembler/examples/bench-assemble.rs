//! Times this crate against GNU as and ld on the same files: `bench-assemble FILE.s...`
//!
//! The files are the assembly of one plugin, as `ocamlopt -shared -S -dstartup` leaves it.
//! Build with `--release`.
#![expect(
    clippy::disallowed_methods,
    reason = "the reference tools are processes"
)]
#![expect(clippy::print_stdout, reason = "the result is for a person to read")]

use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use ocaml_assembler::{LinkOptions, Object, assemble, link_shared};

const OWN_REPETITIONS: usize = 200;
const TOOL_REPETITIONS: usize = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() {
        return Err("usage: bench-assemble FILE.s...".into());
    }
    let texts: Vec<String> = paths
        .iter()
        .map(std::fs::read_to_string)
        .collect::<Result<_, _>>()?;
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    let bytes: usize = texts.iter().map(String::len).sum();
    println!(
        "{} files, {lines} lines, {bytes} bytes; the best of several runs",
        texts.len()
    );

    let all = || {
        texts
            .iter()
            .map(|text| assemble(text))
            .collect::<Result<Vec<Object>, _>>()
    };
    let objects = all()?;
    let options = LinkOptions::default()
        .needed("libm.so.6")
        .needed("libc.so.6");
    let plugin = link_shared(&objects, &options)?;
    let own = best(OWN_REPETITIONS, || {
        black_box(all()).ok();
    });
    let per_line = own.as_nanos() as f64 / lines as f64;
    println!(
        "assemble       {:>10.3} ms   ({per_line:.0} ns a line)",
        milliseconds(own)
    );
    let own_elf = best(OWN_REPETITIONS, || {
        black_box(objects.iter().map(Object::to_elf).collect::<Vec<_>>());
    });
    println!("to ELF objects {:>10.3} ms", milliseconds(own_elf));
    let own_link = best(OWN_REPETITIONS, || {
        black_box(link_shared(&objects, &options)).ok();
    });
    println!(
        "link           {:>10.3} ms   ({} bytes)",
        milliseconds(own_link),
        plugin.len()
    );

    let directory = std::env::temp_dir().join(format!("bench-assemble-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let results: Vec<String> = (0..paths.len())
        .map(|index| directory.join(format!("{index}.o")).display().to_string())
        .collect();
    let run = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{program} {arguments:?}"
        );
    };
    let gnu_as = best(TOOL_REPETITIONS, || {
        for (path, result) in paths.iter().zip(&results) {
            run("as", &["-o", result, path]);
        }
    });
    println!("as             {:>10.3} ms", milliseconds(gnu_as));
    let output = directory.join("plugin.cmxs").display().to_string();
    let mut arguments = vec!["-shared", "-o", &output];
    arguments.extend(results.iter().map(String::as_str));
    let gnu_ld = best(TOOL_REPETITIONS, || run("ld", &arguments));
    println!("ld             {:>10.3} ms", milliseconds(gnu_ld));
    let ratio = (own + own_link).as_secs_f64() / (gnu_as + gnu_ld).as_secs_f64();
    println!("assemble and link: {ratio:.4} of as and ld");
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn best(repetitions: usize, mut action: impl FnMut()) -> Duration {
    (0..repetitions)
        .map(|_| {
            let start = Instant::now();
            action();
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
