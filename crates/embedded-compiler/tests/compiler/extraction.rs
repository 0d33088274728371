//! When a compiler is extracted, and where to.
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use dynloader::cache::CacheConfig;
use dynloader::{Evaluation, SideEffect};
use embedded_archive::Verify;
use embedded_compiler::{Compiler, ExtractTo};
use futures_lite::future::block_on;

use crate::support::{
    Outcome, Place, Role, Test, chain, embedded, embedded_to, fine, names, temporary,
};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_plugin_in_the_cache_needs_no_compiler",
        a_plugin_in_the_cache_needs_no_compiler,
    ),
    (
        "a_persistent_directory_is_extracted_to_once",
        a_persistent_directory_is_extracted_to_once,
    ),
    (
        "a_persistent_directory_that_cannot_be_used_gives_way_to_a_private_one_or_is_named",
        a_persistent_directory_that_cannot_be_used_gives_way_to_a_private_one_or_is_named,
    ),
];

pub(crate) const ROLES: &[(&str, Role)] = &[
    ("cache", cache),
    ("persist", persist),
    ("persist else", persist_else),
];

fn a_plugin_in_the_cache_needs_no_compiler() {
    let Some(place) = Place::new() else { return };
    let cache = tempfile::tempdir().unwrap();
    let directory = cache.path().join("cache");
    for found in ["compiled", "compiled before"] {
        place.succeed("cache", &[directory.to_str().unwrap(), found]);
        assert_eq!(place.left(), [""; 0]);
    }
}

fn cache(arguments: &[String]) -> Outcome {
    let found = arguments[1] == "compiled before";
    let loader = dynloader::Options::default().use_cache(CacheConfig::new(&arguments[0]));
    block_on(Compiler::with_compiler(
        embedded().loader(loader),
        async |compiler| {
            let loader = compiler.loader();
            let compiled = loader
                .compile_sources::<SideEffect>([fine()], Evaluation::AtLoad)
                .await
                .unwrap();
            assert_eq!(compiled.is_from_cache(), found);
            // Neither compiler nor host image: nothing was extracted to look into the cache.
            assert_eq!(extracted().is_empty(), found, "{:?}", extracted());
            drop(compiled);
            compiler.load::<SideEffect>([fine()]).await.unwrap();
            let extracted = extracted();
            assert_eq!(extracted.contains("bin"), !found, "{extracted:?}");
            assert!(
                extracted.iter().any(|name| name.ends_with(".so")),
                "{extracted:?}"
            );
            Ok::<(), std::io::Error>(())
        },
    ))?;
    Ok(())
}

/// The files and directories at the top of what was extracted.
fn extracted() -> BTreeSet<String> {
    let extractions = temporary()
        .into_iter()
        .filter(|name| name.starts_with("embedded-archive."));
    extractions
        .flat_map(|name| names(&std::env::temp_dir().join(name)))
        .collect()
}

fn a_persistent_directory_is_extracted_to_once() {
    let Some(place) = Place::new() else { return };
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("kept");
    place.succeed("persist", &[directory.to_str().unwrap()]);
    let first = inodes(&directory);
    assert!(first.len() > 50);
    place.succeed("persist", &[directory.to_str().unwrap()]);
    // Later uses add notes of what they verified.
    let second = inodes(&directory);
    assert!(first.is_subset(&second), "{first:#?}\n{second:#?}");
    assert_eq!(place.left(), [""; 0]);
}

fn persist(arguments: &[String]) -> Outcome {
    let options = embedded().persistent_archive_dirpath(&arguments[0]);
    block_on(Compiler::with_compiler(options, async |compiler| {
        compiler.load::<SideEffect>([fine()]).await.unwrap();
        assert_eq!(extracted(), BTreeSet::new());
        Ok::<(), std::io::Error>(())
    }))?;
    Ok(())
}

fn a_persistent_directory_that_cannot_be_used_gives_way_to_a_private_one_or_is_named() {
    let Some(place) = Place::new() else { return };
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let open = parent.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let (file, open) = (file.to_str().unwrap(), open.to_str().unwrap());
    place.succeed("persist else", &[file, "prefer", ""]);
    let named = format!("`{file}` is not a directory");
    place.succeed("persist else", &[file, "insist", &named]);
    // Others could have put anything there: that is to be mended, not to be passed over.
    for how in ["prefer", "insist"] {
        let named = format!("`{open}` cannot be trusted");
        place.succeed("persist else", &[open, how, &named]);
    }
    assert_eq!(place.left(), [""; 0]);
}

fn persist_else(arguments: &[String]) -> Outcome {
    let (directory, verify) = (PathBuf::from(&arguments[0]), Verify::Stamp);
    let options = match arguments[1].as_str() {
        "prefer" => embedded().persistent_archive_dirpath(directory),
        _ => embedded_to(ExtractTo::Persistent { directory, verify }),
    };
    let loaded = block_on(Compiler::with_compiler(options, async |compiler| {
        compiler.load::<SideEffect>([fine()]).await?;
        assert!(!extracted().is_empty());
        Ok::<(), dynloader::load::Error>(())
    }));
    let told = loaded.err().map_or(String::new(), |error| chain(&error));
    assert_eq!(told.is_empty(), arguments[2].is_empty(), "{told}");
    assert!(told.contains(&arguments[2]), "{told}");
    Ok(())
}

/// The files below a directory by their number in the file system; a file that is written anew gets another one.
fn inodes(directory: &Path) -> BTreeSet<(PathBuf, u64)> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(inodes(&path));
        } else {
            let number = entry.metadata().unwrap().ino();
            found.insert((path, number));
        }
    }
    found
}
