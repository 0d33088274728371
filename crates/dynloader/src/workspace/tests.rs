//! Tests of workspaces.

use super::*;

fn options(directory: &Path) -> WorkspaceOptions {
    WorkspaceOptions {
        in_dirs: vec![directory.to_owned()],
        permissions: 0o700,
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_workspace_is_private_and_gone_when_dropped() {
    let parent = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&options(parent.path())).unwrap();
    let mode = fs::metadata(workspace.directory())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let job = workspace.job().unwrap();
    job.write("x", b"1").unwrap();
    assert_eq!(names(parent.path()).len(), 1);
    drop(job);
    drop(workspace);
    assert!(names(parent.path()).is_empty());
}

#[test]
fn the_permissions_are_those_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let options = WorkspaceOptions {
        permissions: 0o750,
        ..options(parent.path())
    };
    let workspace = Workspace::create(&options).unwrap();
    let mode = fs::metadata(workspace.directory())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
}

#[test]
fn foreign_files_stay_and_the_directory_with_them() {
    let parent = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&options(parent.path())).unwrap();
    let directory = workspace.directory().to_owned();
    fs::write(directory.join("foreign"), "x").unwrap();
    let _job = workspace.job().unwrap();
    drop(workspace);
    assert_eq!(names(&directory), ["foreign"]);
}

#[test]
fn what_a_killed_process_left_is_removed_and_what_lives_is_not() {
    let parent = tempfile::tempdir().unwrap();
    let abandoned = parent.path().join(format!("{PREFIX}dead"));
    fs::create_dir(&abandoned).unwrap();
    fs::write(abandoned.join(LOCK), "").unwrap();
    fs::create_dir(abandoned.join("1")).unwrap();
    fs::write(abandoned.join("1/plugin.ml"), "").unwrap();
    fs::create_dir(parent.path().join(format!("{NEW_PREFIX}unborn"))).unwrap();
    fs::create_dir(parent.path().join("saddlebag-other")).unwrap();
    let first = Workspace::create(&options(parent.path())).unwrap();
    let second = Workspace::create(&options(parent.path())).unwrap();
    assert!(!abandoned.exists());
    assert!(first.directory().exists() && second.directory().exists());
    assert_eq!(names(parent.path()).len(), 3);
}

#[test]
fn workspaces_made_at_once_do_not_remove_each_other() {
    let parent = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let workspace = Workspace::create(&options(parent.path())).unwrap();
                    workspace.job().unwrap().write("x", b"1").unwrap();
                }
            });
        }
    });
    assert!(names(parent.path()).is_empty());
}

#[test]
fn only_a_user_who_chose_no_directory_is_given_another() {
    let chosen = PathBuf::from("/chosen");
    assert_eq!(default_directories(Some(chosen.clone())), [chosen]);
    assert_eq!(
        default_directories(None),
        ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from)
    );
}

#[test]
fn what_a_killed_process_left_is_removed_from_a_directory_that_was_not_the_first() {
    let parent = tempfile::tempdir().unwrap();
    let abandoned = parent.path().join(format!("{PREFIX}dead"));
    fs::create_dir(&abandoned).unwrap();
    fs::write(abandoned.join(LOCK), "").unwrap();
    sweep(&WorkspaceOptions {
        in_dirs: vec![parent.path().join("missing"), parent.path().to_owned()],
        permissions: 0o700,
    });
    assert!(names(parent.path()).is_empty());
}

#[test]
fn another_directory_is_tried_only_where_allowed() {
    let parent = tempfile::tempdir().unwrap();
    let missing = parent.path().join("missing");
    let Err(Error::Create { directory, source }) = Workspace::create(&options(&missing)) else {
        panic!("a workspace in a missing directory");
    };
    assert_eq!(
        (directory, source.kind()),
        (missing.clone(), io::ErrorKind::NotFound)
    );
    let neither = WorkspaceOptions {
        in_dirs: vec![missing.clone(), "relative".into()],
        permissions: 0o700,
    };
    let error = Workspace::create(&neither).unwrap_err().to_string();
    for part in [
        missing.to_str().unwrap(),
        "No such file or directory",
        "; the directory `relative` to compile in is not absolute",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let both = WorkspaceOptions {
        in_dirs: vec![missing, parent.path().to_owned()],
        permissions: 0o700,
    };
    assert!(
        Workspace::create(&both)
            .unwrap()
            .directory()
            .starts_with(parent.path())
    );
}

#[test]
fn a_compiler_that_found_no_space_names_the_directory_and_another_failure_does_not() {
    let parent = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&options(parent.path())).unwrap();
    let job = workspace.job().unwrap();
    let printed = "File \"a.ml\", line 1:\nError: I/O error: No space left on device\n";
    let Some(Error::Full { directory }) = full(job.path(), printed) else {
        panic!("no error for a full disk");
    };
    assert_eq!(directory, parent.path());
    assert!(full(job.path(), "Error: Unbound value x").is_none());
}

#[test]
fn a_relative_directory_is_refused() {
    let error = Workspace::create(&options(Path::new("relative"))).unwrap_err();
    assert!(matches!(error, Error::NotAbsolute { .. }));
    assert!(size_of::<Error>() <= 64);
}
