//! Times lookups beside `ocamlfind`, alternately and in one run, over everything installed and over synthetic universes.
//!
//! `cargo run --release -p lib-resolve --example bench-resolve -- [--tsv] [--saddlebag PATH] [--rounds N] [--no-universe]`
//!
//! With `--tsv` a line is: row, goal, our name, our nanoseconds, the anchor's name, its nanoseconds.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark starts the tool that it compares with"
)]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lib_resolve::{Configuration, Environment, PackageId, PackageIndex, Predicates, Requirements};

/// How often in a row work of a millisecond is done for one figure: after waiting for a process, the first time also measures how long the
/// processor takes to wake up.
const IN_PROCESS: u32 = 5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    tsv: bool,
    universe: bool,
    rounds: usize,
    saddlebag: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = options()?;
    let bench = Bench::new(options)?;
    bench.processes()?;
    bench.whole_system()?;
    if bench.options.universe {
        for libraries in [10_000, 100_000] {
            universe(libraries)?;
        }
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options {
        tsv: false,
        universe: true,
        rounds: 21,
        saddlebag: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--tsv" => options.tsv = true,
            "--no-universe" => options.universe = false,
            "--saddlebag" => options.saddlebag = arguments.next().map(PathBuf::from),
            "--rounds" => {
                options.rounds = arguments.next().ok_or("--rounds needs a number")?.parse()?
            }
            _ => return Err(format!("unknown argument `{argument}`").into()),
        }
    }
    Ok(options)
}

struct Bench {
    options: Options,
    configuration: Configuration,
    packages: Vec<String>,
    files: usize,
}

impl Bench {
    fn new(options: Options) -> Result<Bench> {
        let configuration = Configuration::read(&Environment::from_process(), None)?;
        let mut index = PackageIndex::new(configuration.clone());
        index.load_all();
        let mut requirements = Requirements::new(Predicates::parse("byte,native"));
        // A package with a missing requirement would fail the whole of `ocamlfind query -r`.
        let all: Vec<PackageId> = index.packages().map(|package| package.id()).collect();
        let usable: Vec<PackageId> = all
            .into_iter()
            .filter(|id| requirements.closure_of(&mut index, &[*id]).is_ok())
            .collect();
        let packages: Vec<String> = usable
            .iter()
            .map(|id| index.package(*id).name().into_owned())
            .collect();
        if packages.is_empty() {
            return Err("nothing is installed".into());
        }
        Ok(Bench {
            options,
            configuration,
            packages,
            files: index.file_count(),
        })
    }

    /// One process for one question.
    fn processes(&self) -> Result<()> {
        let Some(saddlebag) = &self.options.saddlebag else {
            return Ok(());
        };
        let deepest = self.deepest()?;
        for (row, arguments) in [
            (
                "query of one library",
                vec!["-predicates", "byte,native", "-format", "%d %A", "unix"],
            ),
            (
                "query -r of the deepest library",
                vec!["-r", "-predicates", "byte,native", "-p-format", &deepest],
            ),
        ] {
            self.row(
                row,
                Some(1.0),
                1,
                ("saddlebag lib query", || {
                    run(Command::new(saddlebag)
                        .args(["lib", "query"])
                        .args(&arguments))
                }),
                ("ocamlfind query", || {
                    run(Command::new("ocamlfind").arg("query").args(&arguments))
                }),
            )?;
        }
        Ok(())
    }

    fn deepest(&self) -> Result<String> {
        let mut index = PackageIndex::new(self.configuration.clone());
        let mut requirements = Requirements::new(Predicates::parse("byte,native"));
        let mut deepest = (0, String::new());
        for package in &self.packages {
            let size = requirements.closure(&mut index, [package.as_str()])?.len();
            deepest = deepest.max((size, package.clone()));
        }
        Ok(deepest.1)
    }

    /// Everything installed, in one process on either side.
    fn whole_system(&self) -> Result<()> {
        let flat = ["-predicates", "byte,native", "-format", "%d"];
        let query = || {
            run(Command::new("ocamlfind")
                .arg("query")
                .args(flat)
                .args(&self.packages))
        };
        let deep = || {
            run(Command::new("ocamlfind")
                .args(["query", "-r"])
                .args(flat)
                .args(&self.packages))
        };
        let roots = format!("ocamlfind query -r, {} roots", self.packages.len());
        self.row(
            &format!("read and parse {} META files", self.files),
            Some(0.2),
            IN_PROCESS,
            ("in this process", || {
                let mut index = PackageIndex::new(self.configuration.clone());
                index.load_all();
                black_box(index.len());
                Ok(())
            }),
            ("ocamlfind query of all", query),
        )?;
        self.row(
            "closures of everything, one by one, from nothing",
            Some(0.05),
            IN_PROCESS,
            ("in this process", || {
                let mut index = PackageIndex::new(self.configuration.clone());
                index.load_all();
                self.all_closures(&mut index)
            }),
            (&roots, deep),
        )?;
        let directory = tempfile::tempdir()?;
        let cache = directory.path().join("cache");
        let mut index = PackageIndex::new(self.configuration.clone());
        index.load_all();
        index.keep(&cache)?;
        self.row(
            "closures of everything, one by one, from a warm cache file",
            Some(0.05),
            IN_PROCESS,
            ("in this process", || {
                let mut index = PackageIndex::new(self.configuration.clone());
                index.recall(&cache)?;
                index.load_all();
                self.all_closures(&mut index)
            }),
            (&roots, deep),
        )?;
        self.row(
            "closures of everything, one by one, after a re-scan",
            Some(0.05),
            IN_PROCESS,
            ("in this process", || {
                let changes = index.rescan();
                black_box(changes.is_empty());
                self.all_closures(&mut index)
            }),
            (&roots, deep),
        )
    }

    fn all_closures(&self, index: &mut PackageIndex) -> Result<()> {
        let mut requirements = Requirements::new(Predicates::parse("byte,native"));
        for package in &self.packages {
            black_box(requirements.closure(index, [package.as_str()])?);
        }
        Ok(())
    }

    fn row(
        &self,
        name: &str,
        goal: Option<f64>,
        repeat: u32,
        (our_name, mut ours): (&str, impl FnMut() -> Result<()>),
        (anchor_name, mut anchor): (&str, impl FnMut() -> Result<()>),
    ) -> Result<()> {
        let (mut our_times, mut anchor_times) = (Vec::new(), Vec::new());
        for round in 0..=self.options.rounds {
            let (our_time, anchor_time) = (time(&mut ours, repeat)?, time(&mut anchor, 1)?);
            // The first round warms the caches of the system.
            if round > 0 {
                our_times.push(our_time);
                anchor_times.push(anchor_time);
            }
        }
        let (our_time, anchor_time) = (median(our_times), median(anchor_times));
        if self.options.tsv {
            let goal = goal.map(|goal| goal.to_string()).unwrap_or_default();
            let (our_time, anchor_time) = (our_time.as_nanos(), anchor_time.as_nanos());
            println!("{name}\t{goal}\t{our_name}\t{our_time}\t{anchor_name}\t{anchor_time}");
        } else {
            let ratio = our_time.as_secs_f64() / anchor_time.as_secs_f64();
            println!(
                "{name}\n    {our_name} {our_time:.2?}, {anchor_name} {anchor_time:.2?}, ratio {ratio:.3}"
            );
        }
        Ok(())
    }
}

/// Libraries in META files of ten, each library requiring some that were made before it.
fn universe(libraries: usize) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut random = 1_u64;
    for file in 0..libraries / 10 {
        write_package(directory.path(), file, &mut random)?;
    }
    let before = resident_kilobytes();
    let start = Instant::now();
    let mut index = PackageIndex::new(Configuration::new([directory.path().to_path_buf()], "/std"));
    let errors = index.load_all();
    let loaded = start.elapsed();
    if !errors.is_empty() || index.len() != libraries {
        return Err("the synthetic universe is wrong".into());
    }
    let start = Instant::now();
    let mut requirements = Requirements::new(Predicates::parse("byte,native"));
    let roots: Vec<PackageId> = index.packages().map(|package| package.id()).collect();
    let ordered = requirements.closure_of(&mut index, &roots)?.len();
    let closed = start.elapsed();
    let start = Instant::now();
    let changes = index.rescan();
    let rescanned = start.elapsed();
    let memory = resident_kilobytes().saturating_sub(before);
    let each = |time: Duration| time.as_nanos() / libraries as u128;
    println!(
        "# {ordered} synthetic libraries: read {loaded:.0?} ({} ns each), order {closed:.0?} ({} ns each), re-scan {rescanned:.0?} \
         ({} changes), {memory} KiB ({} bytes each)",
        each(loaded),
        each(closed),
        changes.added.len() + changes.changed.len() + changes.removed.len(),
        memory * 1024 / libraries
    );
    Ok(())
}

fn write_package(directory: &Path, file: usize, random: &mut u64) -> Result<()> {
    let mut next = |bound: usize| {
        // Xorshift: the universe is the same in every run.
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        *random as usize % bound.max(1)
    };
    let mut meta =
        String::from("version = \"1.0\"\ndescription = \"A synthetic library\"\nrequires = \"");
    for _ in 0..next(4).min(file) {
        let _ = write!(meta, "p{} ", next(file));
    }
    meta.push_str("\"\narchive(byte) = \"p.cma\"\narchive(native) = \"p.cmxa\"\n");
    for part in 1..10 {
        let _ = write!(
            meta,
            "package \"s{part}\" (\n directory = \"s{part}\"\n version = \"1.0\"\n requires = \"p{file} p{}\"\n \
             archive(byte) = \"s.cma\"\n archive(native) = \"s.cmxa\"\n plugin(native) = \"s.cmxs\"\n)\n",
            next(file.max(1))
        );
    }
    let package = directory.join(format!("p{file}"));
    std::fs::create_dir(&package)?;
    Ok(std::fs::write(package.join("META"), meta)?)
}

/// The resident set of this process, where the system tells it.
fn resident_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{command:?} failed").into())
    }
}

/// The mean of some runs in a row.
fn time(work: &mut impl FnMut() -> Result<()>, repeat: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..repeat {
        work()?;
    }
    Ok(start.elapsed() / repeat)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
