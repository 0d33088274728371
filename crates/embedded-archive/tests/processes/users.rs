//! Two users: neither runs what the other could change.
//!
//! Only root can become another user and give files away; a user namespace that anybody may make has one user.
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use embedded_archive::remove_leftovers;

use crate::support::{
    Test, archive_file, children, has_tool, is_root, own_executable, role, sample, shown, skip,
};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_root_of_another_user_is_refused",
        a_root_of_another_user_is_refused,
    ),
    (
        "a_tree_of_the_system_serves_every_user_and_none_can_change_it",
        a_tree_of_the_system_serves_every_user_and_none_can_change_it,
    ),
    (
        "a_tree_that_another_user_made_is_not_used",
        a_tree_that_another_user_made_is_not_used,
    ),
    (
        "a_tree_without_rights_for_its_owner_is_repaired_and_leaves_nothing",
        a_tree_without_rights_for_its_owner_is_repaired_and_leaves_nothing,
    ),
    (
        "leftovers_of_another_user_are_left_alone",
        leftovers_of_another_user_are_left_alone,
    ),
];

/// Two users who are not root.
const USER: u32 = 65534;
const OTHER: u32 = 54321;

/// What the users share: a directory that both can reach, with the executable and an archive in it.
struct Place {
    directory: tempfile::TempDir,
    executable: PathBuf,
    archive: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        if !is_root() {
            skip("only root can become another user");
            return None;
        }
        if !has_tool("setpriv") {
            skip("setpriv is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let executable = directory.path().join("executable");
        if fs::hard_link(own_executable(), &executable).is_err() {
            fs::copy(own_executable(), &executable).unwrap();
        }
        let archive = archive_file(directory.path());
        Some(Self {
            directory,
            executable,
            archive,
        })
    }

    /// A directory of a user.
    fn root(&self, name: &str, owner: u32) -> PathBuf {
        let root = self.directory.path().join(name);
        fs::create_dir(&root).unwrap();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
        chown(&root, Some(owner), Some(owner)).unwrap();
        root
    }

    /// A shared tree, opened as a user.
    fn open(&self, user: u32, root: &Path) -> Output {
        self.run(user, &self.executable)
            .arg("role:shared")
            .arg(&self.archive)
            .arg(root)
            .output()
            .unwrap()
    }

    fn run(&self, user: u32, program: impl AsRef<Path>) -> Command {
        if user == 0 {
            return Command::new(program.as_ref());
        }
        let mut command = Command::new("setpriv");
        let user = user.to_string();
        command
            .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
            .arg(program.as_ref());
        command
    }
}

#[track_caller]
fn assert_outcome(output: &Output, outcome: &str) {
    assert!(
        output.status.success() && output.stdout.trim_ascii() == outcome.as_bytes(),
        "{outcome} expected: {}",
        shown(output)
    );
}

#[track_caller]
fn assert_refused(output: &Output, words: &str) {
    let text = shown(output);
    assert!(
        output.status.code() == Some(3) && text.contains(words),
        "{text}"
    );
}

fn a_root_of_another_user_is_refused() {
    let Some(place) = Place::new() else { return };
    let root = place.root("root", OTHER);
    for user in [0, USER] {
        assert_refused(&place.open(user, &root), "belongs to another user");
        assert_eq!(children(&root), [""; 0]);
    }
    assert_outcome(&place.open(OTHER, &root), "Extracted");
    // Now there is a good tree, and its owner could change it at any time.
    for user in [0, USER] {
        assert_refused(&place.open(user, &root), "belongs to another user");
    }
}

fn a_tree_of_the_system_serves_every_user_and_none_can_change_it() {
    let Some(place) = Place::new() else { return };
    let root = place.root("root", 0);
    assert_refused(&place.open(USER, &root), "not writable");
    assert_outcome(&place.open(0, &root), "Extracted");
    // No stamp yet, and this user cannot write one.
    for _ in 0..2 {
        assert_outcome(&place.open(USER, &root), "Verified");
    }
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_outcome(&place.open(0, &root), "Verified");
    assert_outcome(&place.open(USER, &root), "Stamped");
    let tree = root.join(sample("").tree().directory_name());
    let script = "cd \"$1\"; tree=$2
        echo x > $tree/greeting; echo x > $tree/more; echo x > more; rm -f $tree/greeting; chmod 777 $tree
        mv $tree away; rm -rf $tree; echo x > $tree.stamp; ln -s /etc other; exit 0";
    let attempt = place
        .run(USER, "/bin/sh")
        .args(["-c", script, "sh"])
        .arg(&root)
        .arg(tree.file_name().unwrap())
        .output()
        .unwrap();
    assert!(attempt.status.success(), "{}", shown(&attempt));
    assert_outcome(&place.open(0, &root), "Stamped");
    let stamp = format!("{}.stamp", sample("").tree().directory_name());
    assert_eq!(
        children(&root),
        [".lock", &sample("").tree().directory_name(), &stamp]
    );
    // Damage by the owner is an error for who cannot mend it, and no wrong file.
    fs::write(tree.join("more"), "x").unwrap();
    assert_refused(&place.open(USER, &root), "not writable");
    assert_outcome(&place.open(0, &root), "Repaired");
    assert_outcome(&place.open(USER, &root), "Verified");
}

fn a_tree_that_another_user_made_is_not_used() {
    let Some(place) = Place::new() else { return };
    let root = place.root("root", USER);
    assert_outcome(&place.open(USER, &root), "Extracted");
    std::thread::sleep(std::time::Duration::from_millis(40));
    assert_outcome(&place.open(USER, &root), "Verified");
    let tree = root.join(sample("").tree().directory_name());
    for part in ["", "lib", "bin/script", "greeting"] {
        let part = tree.join(part);
        chown(&part, Some(OTHER), Some(OTHER)).unwrap();
        assert_outcome(&place.open(USER, &root), "Repaired");
        for path in [&tree, &part] {
            assert_eq!(fs::metadata(path).unwrap().uid(), USER, "{part:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(40));
        assert_outcome(&place.open(USER, &root), "Verified");
    }
    // Nor is what another user says of it.
    let stamp = root.join(format!("{}.stamp", sample("").tree().directory_name()));
    assert_outcome(&place.open(USER, &root), "Stamped");
    chown(&stamp, Some(OTHER), Some(OTHER)).unwrap();
    assert_outcome(&place.open(USER, &root), "Verified");
    assert_outcome(&place.open(USER, &root), "Stamped");
}

/// Root may do everything whatever the mode says; other users must give themselves the rights first.
fn a_tree_without_rights_for_its_owner_is_repaired_and_leaves_nothing() {
    let Some(place) = Place::new() else { return };
    let root = place.root("root", USER);
    assert_outcome(&place.open(USER, &root), "Extracted");
    let tree = root.join(sample("").tree().directory_name());
    for part in ["", "lib", "lib/a", "bin/script", "greeting"] {
        fs::set_permissions(tree.join(part), fs::Permissions::from_mode(0o0)).unwrap();
        assert_outcome(&place.open(USER, &root), "Repaired");
        assert_outcome(&place.open(USER, &root), "Verified");
        let mut left = children(&root);
        left.retain(|name| !name.ends_with(".stamp"));
        assert_eq!(
            left,
            [".lock", &sample("").tree().directory_name()],
            "{part}"
        );
        let stamp = root.join(format!("{}.stamp", sample("").tree().directory_name()));
        let _ = fs::remove_file(stamp);
    }
}

fn leftovers_of_another_user_are_left_alone() {
    let Some(place) = Place::new() else { return };
    let parent = place.root("temporary", 0);
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o1777)).unwrap();
    // Killed without a chance to clean up, as another user.
    let aborted = place
        .run(USER, &place.executable)
        .arg("role:fresh")
        .arg(&parent)
        .arg("abort")
        .output()
        .unwrap();
    assert_eq!(aborted.status.code(), None, "{}", shown(&aborted));
    let left = children(&parent);
    assert_eq!(left.len(), 1);
    assert_eq!(remove_leftovers(&parent), 0);
    assert_eq!(children(&parent), left);
    let output = role(&place.executable, "fresh")
        .arg(&parent)
        .arg("return")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(children(&parent), left);
    // Whose they are removes them.
    let next = place
        .run(USER, &place.executable)
        .arg("role:fresh")
        .arg(&parent)
        .arg("return")
        .output()
        .unwrap();
    assert!(next.status.success(), "{}", shown(&next));
    assert_eq!(children(&parent), [""; 0]);
}
