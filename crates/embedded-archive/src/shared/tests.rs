//! Tests of the protocol: hits, misses, every kind of damage, and what must be refused.
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::thread;

use super::*;
use crate::extract::place::Refusal;
use crate::{Builder, Group, Level, clean_shared};

fn sample(salt: &str) -> Archive {
    let mut builder = Builder::new();
    builder.level(Level::new(1));
    builder
        .bytes("lib/a/stdlib.cmi", format!("interface {salt}"))
        .unwrap()
        .bytes("empty", "")
        .unwrap();
    builder.group(Group(1)).executable(true);
    builder
        .bytes("bin/large", vec![5; 2_500_000])
        .unwrap()
        .bytes("bin/tool", "#!/bin/sh\n")
        .unwrap();
    Archive::from_bytes(builder.build().unwrap()).unwrap()
}

fn open(archive: &Archive, root: &Path) -> Result<Shared, SharedError> {
    Shared::open(
        archive,
        root,
        &SharedOptions::new().patience(Duration::from_millis(300)),
    )
}

fn assert_good(archive: &Archive, shared: &Shared) {
    for entry in archive.entries() {
        assert_eq!(
            fs::read(shared.path().join(entry.name())).unwrap(),
            archive.read(entry.name()).unwrap()
        );
    }
}

/// Makes a directory and its parents writable, as somebody who tampers with a read-only tree has to.
fn writable(path: &Path) {
    let mut directory = path.to_owned();
    while directory.pop() && directory.file_name().is_some_and(|name| name != "root") {
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
    }
}

fn remove(path: &Path) {
    writable(&path.join("x"));
    for name in ["bin/x", "lib/a/x"] {
        writable(&path.join(name));
    }
    fs::remove_dir_all(path).unwrap();
}

#[test]
fn the_error_is_small() {
    assert!(size_of::<SharedError>() <= 64);
}

#[test]
fn the_first_process_extracts_the_next_one_verifies_and_the_others_trust_the_stamp() {
    let archive = sample("");
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("deep/root");
    let first = open(&archive, &root).unwrap();
    assert_eq!(first.outcome(), Outcome::Extracted);
    assert_eq!(
        first.path(),
        fs::canonicalize(&root)
            .unwrap()
            .join(archive.tree().directory_name())
    );
    assert_good(&archive, &first);
    // Longer than the time in which a change may leave a file's times as they are.
    thread::sleep(Duration::from_millis(40));
    assert_eq!(open(&archive, &root).unwrap().outcome(), Outcome::Verified);
    assert_eq!(open(&archive, &root).unwrap().outcome(), Outcome::Stamped);
    let always = SharedOptions::new().verify(Verify::Always);
    assert_eq!(
        Shared::open(&archive, &root, &always).unwrap().outcome(),
        Outcome::Verified
    );
    assert_eq!(
        fs::metadata(first.path().join("bin"))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777,
        0o555
    );
}

#[test]
fn a_stamp_is_not_believed_while_a_change_could_leave_the_times_as_they_are() {
    let archive = sample("");
    let directory = tempfile::tempdir().unwrap();
    drop(open(&archive, directory.path()).unwrap());
    // At once: the stamp cannot be old enough.
    let outcome = open(&archive, directory.path()).unwrap().outcome();
    let stamp = directory
        .path()
        .join(format!("{}.stamp", archive.tree().directory_name()));
    assert!(outcome == Outcome::Verified || stamp.exists());
}

#[test]
fn every_damage_is_repaired_and_nothing_is_left_over() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 16] = [
        ("contents", |tree| {
            overwrite(&tree.join("bin/large"), &vec![6; 2_500_000])
        }),
        ("length", |tree| {
            overwrite(&tree.join("lib/a/stdlib.cmi"), b"x")
        }),
        ("longer", |tree| overwrite(&tree.join("empty"), b"x")),
        ("mode", |tree| {
            fs::set_permissions(tree.join("bin/tool"), Permissions::from_mode(0o444)).unwrap()
        }),
        ("no rights", |tree| {
            fs::set_permissions(tree.join("lib/a/stdlib.cmi"), Permissions::from_mode(0o0)).unwrap()
        }),
        ("writable by others", |tree| {
            fs::set_permissions(tree.join("bin/tool"), Permissions::from_mode(0o777)).unwrap()
        }),
        ("directory writable by others", |tree| {
            fs::set_permissions(tree.join("lib"), Permissions::from_mode(0o777)).unwrap()
        }),
        ("missing file", |tree| {
            replace(&tree.join("bin/tool"), |_| {})
        }),
        ("missing directory", |tree| {
            writable(&tree.join("lib/a/x"));
            fs::remove_dir_all(tree.join("lib")).unwrap();
        }),
        ("one file more", |tree| {
            writable(&tree.join("lib/a/x"));
            fs::write(tree.join("lib/a/list.cmi"), "shadow").unwrap();
        }),
        ("symbolic link", |tree| {
            replace(&tree.join("bin/tool"), |path| {
                symlink("/bin/true", path).unwrap()
            })
        }),
        ("fifo", |tree| {
            replace(&tree.join("bin/tool"), |path| {
                rustix::fs::mknodat(
                    rustix::fs::CWD,
                    path,
                    rustix::fs::FileType::Fifo,
                    0o755.into(),
                    0,
                )
                .unwrap();
            });
        }),
        ("hard link", |tree| {
            writable(&tree.join("bin/x"));
            fs::hard_link(
                tree.join("bin/tool"),
                tree.parent().unwrap().parent().unwrap().join("outside"),
            )
            .unwrap();
        }),
        ("the tree is a file", |tree| {
            remove(tree);
            fs::write(tree, "file").unwrap();
        }),
        ("the tree is a link", |tree| {
            remove(tree);
            symlink("/etc", tree).unwrap();
        }),
        ("the tree is gone", remove),
    ];
    let archive = sample("");
    for (what, damage) in damages {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        let path = open(&archive, &root).unwrap().path().to_owned();
        thread::sleep(Duration::from_millis(30));
        assert_eq!(open(&archive, &root).unwrap().outcome(), Outcome::Verified);
        damage(&path);
        let shared = open(&archive, &root).unwrap();
        let expected = if what == "the tree is gone" {
            Outcome::Extracted
        } else {
            Outcome::Repaired
        };
        assert_eq!(shared.outcome(), expected, "{what}");
        assert_good(&archive, &shared);
        let mut left: Vec<_> = fs::read_dir(&root)
            .unwrap()
            .map(|child| child.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let tree = archive.tree().directory_name();
        assert_eq!(left, [".lock", &tree, &format!("{tree}.stamp")], "{what}");
        // Nothing is left to mend for the next start.
        assert_eq!(
            open(&archive, &root).unwrap().outcome(),
            Outcome::Verified,
            "{what}"
        );
    }
}

fn overwrite(path: &Path, contents: &[u8]) {
    let mode = fs::metadata(path).unwrap().permissions();
    fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, mode).unwrap();
}

fn replace(path: &Path, with: impl FnOnce(&Path)) {
    writable(path);
    fs::remove_file(path).unwrap();
    with(path);
}

#[test]
fn damaged_stamps_and_locks_cost_time_and_nothing_else() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 8] = [
        (".stamp", |path| fs::write(path, "garbage").unwrap()),
        (".stamp", |path| fs::write(path, vec![0; 1 << 20]).unwrap()),
        (".stamp", |path| fs::create_dir(path).unwrap()),
        (".stamp", |path| symlink("/dev/zero", path).unwrap()),
        (".lock", |path| fs::create_dir(path).unwrap()),
        (".lock", |path| symlink("/etc/passwd", path).unwrap()),
        (".lock", |path| {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                path,
                rustix::fs::FileType::Fifo,
                0o600.into(),
                0,
            )
            .unwrap()
        }),
        (".lock", |path| fs::write(path, "text").unwrap()),
    ];
    let archive = sample("");
    for (number, (name, damage)) in damages.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = directory
            .path()
            .join(format!("{}.stamp", archive.tree().directory_name()));
        let lock = directory.path().join(".lock");
        drop(open(&archive, directory.path()).unwrap());
        let _ = fs::remove_file(&stamp);
        fs::remove_file(&lock).unwrap();
        damage(if name == ".lock" { &lock } else { &stamp });
        remove(&directory.path().join(archive.tree().directory_name()));
        for _ in 0..2 {
            assert_good(
                &archive,
                &open(&archive, directory.path())
                    .unwrap_or_else(|error| panic!("{number}: {error}")),
            );
        }
    }
}

#[test]
fn a_root_that_others_can_change_is_refused() {
    let archive = sample("");
    let directory = tempfile::tempdir().unwrap();
    for mode in [0o777, 0o775, 0o1777] {
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        assert!(
            matches!(
                open(&archive, directory.path()),
                Err(SharedError::Untrusted { .. })
            ),
            "{mode:o}"
        );
    }
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(SharedError::Refused(refused)) = open(&archive, &file) else {
        panic!("a file was taken")
    };
    assert!(matches!(refused.refusal, Refusal::NotADirectory));
    let Err(SharedError::Refused(refused)) = open(&archive, &file.join("below")) else {
        panic!("a file was taken")
    };
    assert!(matches!(refused.refusal, Refusal::NotADirectory));
}

#[test]
fn a_stopped_lock_holder_is_waited_for_and_then_passed_over() {
    let archive = sample("");
    let directory = tempfile::tempdir().unwrap();
    let lock = File::create(directory.path().join(".lock")).unwrap();
    lock.lock().unwrap();
    let shared = open(&archive, directory.path()).unwrap();
    assert_eq!(shared.outcome(), Outcome::Extracted);
    assert_good(&archive, &shared);
}

#[test]
fn threads_of_one_process_share_one_tree() {
    let archive = sample("");
    let directory = tempfile::tempdir().unwrap();
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let open = || Shared::open(&archive, directory.path(), &SharedOptions::new()).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(move || open().outcome()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Outcome::Extracted)
            .count(),
        1,
        "{outcomes:?}"
    );
}

#[test]
fn versions_live_side_by_side_until_they_are_cleaned() {
    let (one, two) = (sample("1"), sample("2"));
    let directory = tempfile::tempdir().unwrap();
    let pinned = open(&one, directory.path()).unwrap();
    drop(open(&two, directory.path()).unwrap());
    fs::create_dir(directory.path().join(".stage-dead")).unwrap();
    fs::write(directory.path().join(".stage-dead/file"), "").unwrap();
    fs::create_dir(directory.path().join("not a tree")).unwrap();
    let cleaned = clean_shared(directory.path(), &[]).unwrap();
    assert_eq!((cleaned.removed, cleaned.in_use), (1, 1));
    assert_good(&one, &pinned);
    assert!(
        !directory.path().join(".stage-dead").exists()
            && directory.path().join("not a tree").exists()
    );
    let selection = SharedOptions::new().selection(Selection::group(Group(0)));
    let part = Shared::open(&one, directory.path(), &selection).unwrap();
    assert_ne!(part.path(), pinned.path());
    assert!(part.path().join("empty").exists() && !part.path().join("bin").exists());
    assert_eq!(
        clean_shared(directory.path().join("absent"), &[])
            .unwrap()
            .removed,
        0
    );
}
