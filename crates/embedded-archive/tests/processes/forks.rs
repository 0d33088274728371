//! Forked children that never call exec: they hold copies of descriptors, and of values that remove directories.
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use embedded_archive::{Archive, Builder, Fresh, FreshOptions, Level, Places};
use fork::Fork;
use rustix::process::{Pid, Signal, getpid, kill_process};

use crate::support::{Test, children, own_executable, role, succeed};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_forked_child_that_holds_an_executable_open_does_not_keep_it_from_starting",
        || in_a_process("held"),
    ),
    ("a_forked_child_leaves_the_directory_to_its_parent", || {
        in_a_process("dropped")
    }),
];

/// In a process of its own: the test runner has threads, which a child of a fork does not have.
fn in_a_process(what: &str) {
    let parent = tempfile::tempdir().unwrap();
    let mut command = role(own_executable(), "forking");
    succeed(command.arg(what).arg(parent.path()));
    assert_eq!(children(parent.path()), [""; 0]);
}

pub(crate) fn forking(what: &str, parent: &Path) -> Result<(), Box<dyn Error>> {
    match what {
        "held" => held(parent),
        _ => dropped(parent),
    }
}

/// A child that does nothing until it is killed, or its parent is gone. Killed when the value is dropped.
struct Idle(Pid);

impl Idle {
    fn start() -> std::io::Result<Self> {
        let parent = getpid();
        match fork::fork()? {
            Fork::Parent(child) => Ok(Self(
                Pid::from_raw(child).ok_or_else(std::io::Error::last_os_error)?,
            )),
            // Nothing but system calls: other threads of the parent may have held any lock.
            Fork::Child => loop {
                if rustix::process::getppid() != Some(parent) {
                    let _ = kill_process(getpid(), Signal::KILL);
                }
                std::thread::sleep(Duration::from_millis(20));
            },
        }
    }

    /// The file of this end of path that the child holds open.
    fn holds(&self, end: &str) -> Option<PathBuf> {
        let links = fs::read_dir(format!("/proc/{}/fd", self.0)).ok()?;
        links
            .filter_map(|link| fs::read_link(link.ok()?.path()).ok())
            .find(|path| path.to_string_lossy().contains(end))
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
        let _ = rustix::process::waitpid(Some(self.0), rustix::process::WaitOptions::empty());
    }
}

/// A script that is long enough to be caught while it is written.
fn archive() -> Result<Archive, Box<dyn Error>> {
    let mut builder = Builder::new();
    builder.level(Level::new(1)).executable(true);
    let text = format!("#!/bin/sh\nexit 7\n{}", "# a line\n".repeat(1 << 20));
    builder.bytes("bin/long", text)?;
    Ok(Archive::from_bytes(builder.build()?)?)
}

fn held(parent: &Path) -> Result<(), Box<dyn Error>> {
    let archive = archive()?;
    let options = FreshOptions::new().places(Places::only(parent));
    let is_written = || {
        fs::read_dir(parent)
            .into_iter()
            .flatten()
            .flatten()
            .any(|child| child.path().join("bin/long").exists())
    };
    for _ in 0..200 {
        let done = AtomicBool::new(false);
        let (fresh, child) = std::thread::scope(|scope| {
            let forker = scope.spawn(|| {
                while !is_written() && !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                Idle::start()
            });
            let fresh = Fresh::extract(&archive, &options);
            done.store(true, Ordering::Relaxed);
            (fresh, forker.join())
        });
        let (fresh, child) = (fresh?, child.map_err(|_| "a thread panicked")??);
        // Written under a new inode, for the child has the first one open: its name is gone.
        let Some(held) = child.holds("bin/long") else {
            continue;
        };
        if !held.to_string_lossy().ends_with(" (deleted)") {
            return Err(format!("{} is still open for writing", held.display()).into());
        }
        let file = fresh.path().join("bin/long");
        let status = Command::new(&file).status()?;
        if status.code() != Some(7) {
            return Err(format!("{}: {status}", file.display()).into());
        }
        if fs::read(&file)? != archive.read("bin/long")? {
            return Err("the second copy has other contents".into());
        }
        return Ok(());
    }
    Err("no child was forked while the file was written".into())
}

fn dropped(parent: &Path) -> Result<(), Box<dyn Error>> {
    let fresh = Fresh::extract(
        &archive()?,
        &FreshOptions::new().places(Places::only(parent)),
    )?;
    let path = fresh.path().to_owned();
    match fork::fork()? {
        // It drops the value and runs the functions of the end: both would remove the directory, were it the parent.
        Fork::Child => {
            drop(fresh);
            std::process::exit(0)
        }
        Fork::Parent(child) => {
            rustix::process::waitpid(Pid::from_raw(child), rustix::process::WaitOptions::empty())?;
        }
    }
    if !path.join("bin/long").exists() {
        return Err("the child removed the directory of its parent".into());
    }
    drop(fresh);
    if path.exists() {
        return Err("the parent did not remove its directory".into());
    }
    Ok(())
}
