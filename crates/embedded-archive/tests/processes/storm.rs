//! Many processes on one shared directory, some of them killed, with damage between rounds.
//!
//! `EMBEDDED_ARCHIVE_STORM_ROUNDS` sets the number of rounds; without it 60 in CI and 8 elsewhere.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{Test, children, own_executable, role, sample, shown};

pub(crate) const TESTS: &[Test] = &[(
    "no_storm_of_processes_kills_and_damage_yields_a_bad_tree",
    no_storm_yields_a_bad_tree,
)];

const PROCESSES: usize = 16;

fn rounds() -> u64 {
    let default = if std::env::var_os("CI").is_some() {
        60
    } else {
        8
    };
    std::env::var("EMBEDDED_ARCHIVE_STORM_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(default)
}

/// A generator of numbers, so that a failure can be repeated (xorshift64, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn no_storm_yields_a_bad_tree() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("root");
    let archives = ["one", "two"].map(|salt| {
        let archive = sample(salt);
        let path = directory.path().join(salt);
        let mut bytes = Vec::new();
        archive.write_to(&mut bytes).unwrap();
        fs::write(&path, bytes).unwrap();
        (path, root.join(archive.tree().directory_name()))
    });
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..rounds() {
        let (path, tree) = &archives[numbers.below(2) as usize];
        damage(tree, numbers.below(10));
        let start = |_| {
            role(own_executable(), "shared")
                .arg(path)
                .arg(&root)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let mut running: Vec<Child> = (0..PROCESSES).map(start).collect();
        thread::sleep(Duration::from_millis(numbers.below(60)));
        let kills = numbers.below(PROCESSES as u64 / 2) as usize;
        for child in &mut running[..kills] {
            let _ = child.kill();
        }
        for (number, child) in running.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            if number < kills && output.status.code().is_none() {
                continue;
            }
            assert!(output.status.success(), "round {round}: {}", shown(&output));
            *outcomes
                .entry(String::from_utf8(output.stdout).unwrap().trim().to_owned())
                .or_default() += 1;
        }
    }
    // One more start of each clears what killed processes left.
    for (path, tree) in &archives {
        damage(tree, 0);
        crate::support::succeed(role(own_executable(), "shared").arg(path).arg(&root));
    }
    let left: Vec<String> = children(&root)
        .into_iter()
        .filter(|name| name.starts_with(".stage-") || name.starts_with(".trash-"))
        .collect();
    assert_eq!(left, [""; 0], "{outcomes:?}");
    assert!(
        outcomes.contains_key("Extracted") || outcomes.contains_key("Repaired"),
        "{outcomes:?}"
    );
}

fn damage(tree: &Path, kind: u64) {
    let open_up =
        |directory: &Path| _ = fs::set_permissions(directory, fs::Permissions::from_mode(0o755));
    for directory in [
        tree.to_owned(),
        tree.join("bin"),
        tree.join("lib"),
        tree.join("lib/a"),
    ] {
        if kind < 8 && directory.is_dir() && !tree.is_symlink() {
            open_up(&directory);
        }
    }
    match kind {
        0 => _ = remove(tree),
        1 => {
            _ = fs::remove_file(tree.join("bin/large"))
                .and_then(|()| fs::write(tree.join("bin/large"), "x"))
        }
        2 => _ = fs::write(tree.join("lib/a/more.cmi"), "x"),
        3 => _ = fs::remove_file(tree.join("greeting")),
        4 => {
            let file = tree.join("lib/a/b.cmi");
            let _ = fs::set_permissions(&file, fs::Permissions::from_mode(0o644));
            let _ = fs::OpenOptions::new()
                .write(true)
                .open(&file)
                .and_then(|file| file.write_at(b"Z", 3));
        }
        5 => _ = remove(tree).and_then(|()| symlink("/etc", tree)),
        6 => _ = remove(tree).and_then(|()| fs::write(tree, "file")),
        7 => _ = fs::set_permissions(tree.join("bin/script"), fs::Permissions::from_mode(0o600)),
        _ => {}
    }
}

pub(crate) fn remove(tree: &Path) -> std::io::Result<()> {
    if tree.is_symlink() || tree.is_file() {
        fs::remove_file(tree)
    } else {
        fs::remove_dir_all(tree)
    }
}
