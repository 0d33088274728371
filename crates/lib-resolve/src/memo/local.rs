//! A memo for programs without a build system.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_lock::Semaphore;
use ocaml_toolchain::threads;

use super::{Action, Error, Memo, Notice, ToolOutput};
use crate::cache::{self, Evidence, Limits, Reader, Writer, prune};
use crate::sys;

/// A build of nothing: runs tools, a bounded number at once, and keeps their results between processes where an [`Action`] says so.
///
/// A result is used again only if the program, its arguments, its directory and the declared variables are the same, and if every
/// declared file, absent ones included, is as it was when the tool ran. Files are compared by stamp, and by content where they were
/// changed less than two seconds before they were looked at. Clones share everything.
///
/// Kept results do not pile up: a result that is added makes room for itself by removing those that were not used for 30 days, and the
/// least recently used ones where there are more than 500 or they take more than 64 MiB. Processes may share a directory; a result that one
/// of them removes is only made again.
///
/// ```
/// # futures_lite::future::block_on(async {
/// use lib_resolve::memo::{Action, LocalMemo, Memo};
/// use ocaml_toolchain::Invocation;
/// let memo = LocalMemo::new(2);
/// let output = memo.run(Action::new(Invocation::new("echo").arg("hello"))).await?;
/// assert_eq!((output.status, output.stdout, memo.runs()), (Some(0), b"hello\n".to_vec(), 1));
/// # Ok::<(), lib_resolve::memo::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct LocalMemo {
    shared: Arc<Shared>,
    mark: Arc<str>,
}

struct Shared {
    permits: Semaphore,
    runs: AtomicUsize,
    notices: Mutex<Vec<Notice>>,
    failures: Mutex<Vec<String>>,
}

/// The beginning of the names of the files that keep results.
const PREFIX: &str = "run-";

/// What kept results may amount to in one directory.
const LIMITS: Limits = Limits {
    files: 500,
    bytes: 64 << 20,
    age: Duration::from_secs(30 * 24 * 60 * 60),
};

impl LocalMemo {
    /// A memo that runs at most `jobs` tools at once (at least one).
    #[must_use]
    pub fn new(jobs: usize) -> LocalMemo {
        let shared = Shared {
            permits: Semaphore::new(jobs.max(1)),
            runs: AtomicUsize::new(0),
            notices: Mutex::default(),
            failures: Mutex::default(),
        };
        LocalMemo {
            shared: Arc::new(shared),
            mark: "".into(),
        }
    }

    /// How many tools really ran.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.shared.runs.load(Ordering::Relaxed)
    }

    /// Takes the notices given so far.
    #[must_use]
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut lock(&self.shared.notices))
    }

    /// Takes the failures told so far.
    #[must_use]
    pub fn take_failures(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.failures))
    }
}

/// The lists stay right even if a thread panicked between two operations on them.
fn lock<Item>(list: &Mutex<Vec<Item>>) -> MutexGuard<'_, Vec<Item>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait::async_trait]
impl Memo for LocalMemo {
    async fn run(&self, action: Action) -> Result<ToolOutput, Error> {
        let _permit = self.shared.permits.acquire().await;
        let file = action
            .cache_directory
            .as_ref()
            .map(|directory| directory.join(key(&action)));
        if let Some(file) = file.clone() {
            let reads = action.reads.clone();
            match threads::unblock(move || recall(&file, &reads)).await {
                Ok(Some(output)) => return Ok(output),
                Ok(None) => {}
                Err(error) => self.notify(Notice::warning(error.to_string())),
            }
        }
        // Looked at before the tool runs: a change while it runs makes the result stale, not the evidence wrong.
        let reads = action.reads.clone();
        let evidence: Vec<Evidence> = match file {
            Some(_) => {
                threads::unblock(move || reads.iter().map(|path| Evidence::of(path)).collect())
                    .await
            }
            None => Vec::new(),
        };
        self.shared.runs.fetch_add(1, Ordering::Relaxed);
        let output = action.invocation.output().await;
        let output = output.map_err(|source| Error::Run {
            invocation: Box::new(action.invocation.clone()),
            source: Box::new(source),
        })?;
        let output = ToolOutput {
            status: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
        };
        // What a signal ended would end otherwise next time.
        if let Some(file) = file.filter(|_| output.status.is_some()) {
            let kept = output.clone();
            let kept = threads::unblock(move || {
                keep(&file, &evidence, &kept)?;
                if let Some(directory) = file.parent() {
                    prune(directory, PREFIX, &LIMITS, &file);
                }
                Ok::<(), cache::Error>(())
            });
            if let Err(error) = kept.await {
                self.notify(Notice::warning(error.to_string()));
            }
        }
        Ok(output)
    }

    async fn read(&self, file: &Path) -> Result<Vec<u8>, Error> {
        let file = file.to_path_buf();
        threads::unblock(move || {
            std::fs::read(&file).map_err(|source| Error::Read {
                file: Box::new(file),
                source,
            })
        })
        .await
    }

    fn notify(&self, notice: Notice) {
        let mark = if notice.mark.is_empty() {
            self.mark.to_string()
        } else {
            notice.mark
        };
        lock(&self.shared.notices).push(Notice { mark, ..notice });
    }

    fn fail(&self, message: &str) {
        lock(&self.shared.failures).push(message.to_owned());
    }

    fn with_mark(&self, mark: &str) -> Arc<dyn Memo> {
        Arc::new(LocalMemo {
            shared: Arc::clone(&self.shared),
            mark: mark.into(),
        })
    }
}

/// The name of the file that keeps the result: a digest of all that selects it, each part with its length.
fn key(action: &Action) -> String {
    let mut writer = Writer::default();
    let invocation = &action.invocation;
    for word in invocation.argv() {
        writer.text(&sys::bytes(word.to_owned()));
    }
    let directory = invocation
        .get_current_dir()
        .map(Path::to_path_buf)
        .or_else(|| std::env::current_dir().ok());
    writer.text(
        &directory
            .map(|directory| sys::path_bytes(&directory))
            .unwrap_or_default(),
    );
    writer.text(invocation.get_stdin());
    writer.flag(invocation.clears_env());
    let changes = invocation
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)));
    let declared = action
        .variables
        .iter()
        .map(|(name, value)| (name.into(), value.clone()));
    for (name, value) in changes.chain(declared) {
        writer.text(&sys::bytes(name));
        writer.flag(value.is_some());
        writer.text(&value.map(sys::bytes).unwrap_or_default());
    }
    format!("{PREFIX}{}", blake3::hash(&writer.into_bytes()).to_hex())
}

/// The result that is kept, if it was made from these files as they are now.
fn recall(file: &Path, reads: &[PathBuf]) -> Result<Option<ToolOutput>, cache::Error> {
    let Some(body) = cache::read(file)? else {
        return Ok(None);
    };
    let mut reader = Reader::new(&body);
    let mut take = || {
        let count = reader.number()?;
        let mut evidence = Vec::new();
        for _ in 0..count {
            evidence.push(Evidence::read(&mut reader)?);
        }
        let status = reader.number()? as i32;
        let output = ToolOutput {
            status: Some(status),
            stdout: reader.text()?.to_vec(),
            stderr: reader.text()?.to_vec(),
        };
        reader.is_at_end().then_some((evidence, output))
    };
    let (evidence, output) = take().ok_or_else(|| cache::Error::damaged(file))?;
    let same = evidence
        .iter()
        .map(Evidence::path)
        .eq(reads.iter().map(PathBuf::as_path));
    let holds = same && evidence.iter().all(Evidence::holds);
    if holds {
        cache::mark_used(file);
    }
    Ok(holds.then_some(output))
}

fn keep(file: &Path, evidence: &[Evidence], output: &ToolOutput) -> Result<(), cache::Error> {
    let mut writer = Writer::default();
    writer.number(evidence.len() as u64);
    for evidence in evidence {
        evidence.write(&mut writer);
    }
    writer.number(output.status.unwrap_or_default() as u64);
    writer.text(&output.stdout);
    writer.text(&output.stderr);
    cache::write(file, &writer.into_bytes())
}
