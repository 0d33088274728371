//! File systems that are full, read-only, noexec, or short of inodes, in a mount namespace of the test's own.
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use embedded_archive::{
    ExtractError, Fresh, FreshError, FreshOptions, Outcome, Places, Refusal, Selection, Shared,
    SharedError, SharedOptions,
};

use crate::support::{Test, children, is_root, own_executable, sample, shown, skip};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_noexec_directory_is_named_and_memory_is_the_last_resort",
        || in_namespace("noexec"),
    ),
    (
        "files_in_memory_are_found_though_proc_numbers_processes_otherwise",
        || in_namespaces("noexec", &["--pid", "--fork"]),
    ),
    (
        "a_read_only_directory_is_named_and_a_good_tree_in_it_is_used",
        || in_namespace("read-only"),
    ),
    ("a_full_directory_is_named_and_left_clean", || {
        in_namespace("full")
    }),
    (
        "what_is_dead_or_damaged_keeps_no_room_from_what_takes_its_place",
        || in_namespace("room for one"),
    ),
    ("a_directory_without_inodes_is_named", || {
        in_namespace("inodes")
    }),
];

/// Plays the role `mounted` in a mount namespace.
fn in_namespace(what: &str) {
    in_namespaces(what, &[]);
}

/// The same, in more namespaces.
fn in_namespaces(what: &str, more: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let flags = [if is_root() { "-m" } else { "-rm" }];
    let flags = [&flags[..], more].concat();
    let probe = Command::new("unshare")
        .args(&flags)
        .args(["mount", "-t", "tmpfs", "none"])
        .arg(directory.path())
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        return skip("no mount namespaces");
    }
    let output = Command::new("unshare")
        .args(&flags)
        .arg(own_executable())
        .args(["role:mounted", what])
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{what}: {}", shown(&output));
}

pub(crate) fn mounted(what: &str, directory: &Path) -> Result<(), Box<dyn Error>> {
    match what {
        "noexec" => {
            mount(directory, "noexec,mode=755");
            assert!(matches!(refusal(directory), Refusal::NoExec));
            let options = FreshOptions::new().places(Places::only(directory));
            let fresh = Fresh::extract(&sample(""), &options.clone().memory(true))?;
            assert!(fresh.is_in_memory());
            assert_eq!(
                Command::new(fresh.path().join("bin/script"))
                    .status()?
                    .code(),
                Some(7)
            );
            assert_eq!(fs::read(fresh.path().join("greeting"))?, b"from inside");
            drop(fresh);
            assert!(!Fresh::extract(&sample(""), &options.noexec(true))?.is_in_memory());
            assert!(
                matches!(shared(directory), Err(SharedError::Refused(refused)) if matches!(refused.refusal, Refusal::NoExec))
            );
            assert_eq!(children(directory), [""; 0]);
        }
        "read-only" => {
            mount(directory, "size=100m,mode=755");
            let tree = shared(directory)?.path().to_owned();
            remount(directory, "ro");
            assert!(matches!(refusal(directory), Refusal::ReadOnly));
            let shared_again = shared(directory)?;
            assert_eq!(
                (shared_again.outcome(), shared_again.path()),
                (Outcome::Verified, &*tree)
            );
            remount(directory, "rw");
            fs::write(tree.join("lib/more"), "x")?;
            remount(directory, "ro");
            assert!(
                matches!(shared(directory), Err(SharedError::Refused(refused)) if matches!(refused.refusal, Refusal::ReadOnly))
            );
        }
        "full" => {
            mount(directory, "size=256k,mode=755");
            assert!(matches!(
                refusal(directory),
                Refusal::Full {
                    available: Some(_),
                    ..
                }
            ));
            assert!(
                matches!(shared(directory), Err(SharedError::Refused(refused)) if matches!(refused.refusal, Refusal::Full { .. }))
            );
            // Room for the directories, not for the files. Two threads write: either may be the first to find no room.
            let tree = directory.join("tree");
            match sample("").extract(&tree, Default::default()) {
                Err(ExtractError::Write { path, source }) => {
                    assert!(path.starts_with(&tree) && path != tree, "{path:?}");
                    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
                }
                other => panic!("{other:?}"),
            }
            fs::remove_dir_all(directory.join("tree"))?;
            let other = tempfile::tempdir()?;
            let places = Places::first(directory).then(Places::only(other.path()));
            let fresh = Fresh::extract(&sample(""), &FreshOptions::new().places(places))?;
            assert_eq!(fresh.path().parent(), Some(other.path()));
            assert_eq!(children(directory), [".lock"]);
        }
        "room for one" => {
            let archive = sample("");
            let megabytes = archive.unpacked_len(Selection::all()) / 1_000_000 + 1;
            mount(directory, &format!("size={}m,mode=755", megabytes * 3 / 2));
            let options = FreshOptions::new().places(Places::only(directory));
            // As a killed process leaves it: kept, and its lock is free.
            let left = Fresh::extract(&archive, &options)?.keep();
            assert!(left.exists());
            let fresh = Fresh::extract(&archive, &options)?;
            assert!(!left.exists() && fresh.path().starts_with(directory));
            drop(fresh);
            let tree = shared(directory)?.path().to_owned();
            fs::write(tree.join("lib/more"), "x")?;
            assert_eq!(shared(directory)?.outcome(), Outcome::Extracted);
            assert!(!tree.join("lib/more").exists());
            // What a process uses stays, be it damaged.
            let used = shared(directory)?;
            fs::write(tree.join("lib/more"), "x")?;
            assert!(
                matches!(shared(directory), Err(SharedError::Refused(refused)) if matches!(refused.refusal, Refusal::Full { .. }))
            );
            assert!(used.path().join("lib/more").exists());
        }
        "inodes" => {
            mount(directory, "nr_inodes=4,mode=755");
            assert!(matches!(refusal(directory), Refusal::Inodes { .. }));
            assert!(
                matches!(shared(directory), Err(SharedError::Refused(refused)) if matches!(refused.refusal, Refusal::Inodes { .. }))
            );
        }
        _ => return Err(format!("nothing to mount for {what}").into()),
    }
    Ok(())
}

fn refusal(directory: &Path) -> Refusal {
    match Fresh::extract(
        &sample(""),
        &FreshOptions::new().places(Places::only(directory)),
    ) {
        Err(FreshError::NoPlace { mut tried }) => tried.remove(0).refusal,
        other => panic!("{other:?}"),
    }
}

fn shared(directory: &Path) -> Result<Shared, SharedError> {
    Shared::open(&sample(""), directory, &SharedOptions::new())
}

fn mount(directory: &Path, options: &str) {
    run(Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "none"])
        .arg(directory));
}

fn remount(directory: &Path, mode: &str) {
    run(Command::new("mount")
        .args(["-o", &format!("remount,{mode}")])
        .arg(directory));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", shown(&output));
}
