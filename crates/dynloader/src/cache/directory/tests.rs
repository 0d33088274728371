//! What the store promises, without a compiler.

use std::os::unix::fs::PermissionsExt;

use futures_lite::future::block_on;

use super::*;

fn key(plugin: u8) -> Key {
    Key {
        plugin: [plugin; 32],
        context: [0; 32],
        files: vec![format!("{plugin}.ml").into()],
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory.join(DIRECTORY)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

struct Fixture {
    root: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture {
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    fn store(&self, change: impl FnOnce(CacheConfig) -> CacheConfig) -> DirectoryStore {
        DirectoryStore::new(change(CacheConfig::new(self.dir())))
    }

    fn index(&self) -> PathBuf {
        self.dir().join(DIRECTORY).join(INDEX)
    }
}

#[test]
fn what_is_put_is_got_by_another_store_on_the_directory() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config);
    assert_eq!(block_on(store.get(&key(1))).unwrap(), None);
    block_on(store.put(&key(1), b"one")).unwrap();
    let other = fixture.store(|config| config.readonly(true));
    assert_eq!(block_on(other.get(&key(1))).unwrap().unwrap(), b"one");
    assert_eq!(block_on(other.get(&key(2))).unwrap(), None);
}

#[test]
fn what_cannot_be_kept_is_an_error_unless_the_cache_is_optional() {
    let fixture = Fixture::new();
    let store = |optional| fixture.store(|config| config.optional(optional));
    // A directory in the place of the file that is to be written.
    let new = store(false)
        .file(&key(1))
        .with_extension(TEMPORARY_EXTENSION);
    fs::create_dir_all(&new).unwrap();
    fs::set_permissions(fixture.dir(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(new.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = block_on(store(false).put(&key(1), b"one")).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Io {
                action: "write",
                ..
            }
        ),
        "{error}"
    );
    block_on(store(true).put(&key(1), b"one")).unwrap();
    // What others can write to is refused all the same.
    fs::set_permissions(fixture.dir(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = block_on(store(true).put(&key(1), b"one")).unwrap_err();
    assert!(matches!(error, Error::NotPrivate { .. }), "{error}");
}

#[test]
fn what_makes_room_is_removed_from_the_disk() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config.max_files(2));
    for plugin in 1..=4 {
        block_on(store.put(&key(plugin), &[plugin])).unwrap();
    }
    assert_eq!(
        names(&fixture.dir())
            .iter()
            .filter(|name| name.ends_with(".plugin"))
            .count(),
        2
    );
    assert_eq!(block_on(store.get(&key(2))).unwrap(), None);
    assert_eq!(block_on(store.get(&key(4))).unwrap().unwrap(), [4]);
}

#[test]
fn what_a_killed_writer_left_is_removed_by_the_next() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config);
    block_on(store.put(&key(1), b"one")).unwrap();
    let directory = fixture.dir().join(DIRECTORY);
    fs::write(directory.join("half.new"), "").unwrap();
    fs::write(directory.join("unnamed.plugin"), "").unwrap();
    fs::write(directory.join("foreign"), "").unwrap();
    block_on(store.put(&key(2), b"two")).unwrap();
    let names = names(&fixture.dir());
    assert!(names.contains(&"foreign".to_owned()), "{names:?}");
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn a_broken_index_starts_a_new_cache_and_is_an_error_when_only_reading() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config);
    block_on(store.put(&key(1), b"one")).unwrap();
    fs::write(fixture.index(), "rubbish").unwrap();
    let readonly = fixture.store(|config| config.readonly(true));
    assert!(matches!(
        block_on(readonly.get(&key(1))),
        Err(Error::BrokenIndex { .. })
    ));
    assert_eq!(block_on(store.get(&key(1))).unwrap(), None);
    block_on(store.put(&key(2), b"two")).unwrap();
    assert_eq!(block_on(readonly.get(&key(2))).unwrap().unwrap(), b"two");
}

#[test]
fn a_directory_that_others_can_write_to_is_refused() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config);
    block_on(store.put(&key(1), b"one")).unwrap();
    for directory in [fixture.dir(), fixture.dir().join(DIRECTORY)] {
        for mode in [0o720, 0o702, 0o1777] {
            fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(
                block_on(store.get(&key(1))),
                Err(Error::NotPrivate { .. })
            ));
            assert!(matches!(
                block_on(store.put(&key(1), b"")),
                Err(Error::NotPrivate { .. })
            ));
        }
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert!(block_on(store.get(&key(1))).unwrap().is_some());
}

#[test]
fn nothing_is_written_when_only_reading() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config.readonly(true));
    block_on(store.put(&key(1), b"one")).unwrap();
    assert!(!fixture.dir().exists());
    assert_eq!(block_on(store.get(&key(1))).unwrap(), None);
}

#[test]
fn older_compilers_plugins_are_offered_only_when_asked_for() {
    let fixture = Fixture::new();
    block_on(fixture.store(|config| config).put(&key(1), b"one")).unwrap();
    let new = key(1).in_context([9; 32]);
    assert_eq!(
        block_on(fixture.store(|config| config).others(&new)).unwrap(),
        []
    );
    let store = fixture.store(|config| config.try_old_cache_with_new_exec(true));
    assert_eq!(
        block_on(store.others(&new)).unwrap(),
        [Key {
            files: new.files.clone(),
            ..key(1)
        }]
    );
}

#[test]
fn many_writers_lose_nothing() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for plugin in 0..16 {
            let store = fixture.store(|config| config.max_files(16));
            scope.spawn(move || block_on(store.put(&key(plugin), &[plugin])).unwrap());
        }
    });
    let store = fixture.store(|config| config);
    for plugin in 0..16 {
        assert_eq!(
            block_on(store.get(&key(plugin))).unwrap().unwrap(),
            [plugin]
        );
    }
}

#[test]
fn the_cache_of_a_newer_version_is_refused_and_left_alone_and_an_older_one_dropped() {
    let fixture = Fixture::new();
    let store = fixture.store(|config| config);
    block_on(store.put(&key(1), b"one")).unwrap();
    let newer = Index::default().write_version(index::VERSION + 1);
    fs::write(fixture.index(), &newer).unwrap();
    for result in [
        block_on(store.get(&key(1))).map(|_| ()),
        block_on(store.put(&key(2), b"two")),
    ] {
        assert!(matches!(result, Err(Error::Newer { found, .. }) if found == index::VERSION + 1));
    }
    assert_eq!(fs::read(fixture.index()).unwrap(), newer);
    assert_eq!(names(&fixture.dir()).len(), 3, "the plugin is still there");

    fs::write(
        fixture.index(),
        Index::default().write_version(index::VERSION - 1),
    )
    .unwrap();
    assert_eq!(block_on(store.get(&key(1))).unwrap(), None);
    block_on(store.put(&key(2), b"two")).unwrap();
    assert_eq!(names(&fixture.dir()).len(), 3, "the old plugin is gone");
}
