//! Compilers that are cleaned by hand.
use std::path::Path;
use std::process::Command;

use dynloader::{SideEffect, Source, compile, dependencies, load};
use embedded_compiler::Compiler;
use futures_lite::future::block_on;
use ocaml_runtime::Interface;

use crate::support::{Outcome, Place, Role, Test, embedded, fine, shown, temporary};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_compiler_makes_nothing_before_it_works_and_cleaning_twice_is_fine",
        a_compiler_makes_nothing_before_it_works_and_cleaning_twice_is_fine,
    ),
    (
        "a_cleaned_compiler_refuses_work_and_its_plugins_live_on",
        a_cleaned_compiler_refuses_work_and_its_plugins_live_on,
    ),
    (
        "everything_that_cannot_be_removed_is_named",
        everything_that_cannot_be_removed_is_named,
    ),
];

pub(crate) const ROLES: &[(&str, Role)] = &[
    ("clean", clean),
    ("refuse", refuse),
    ("cannot clean", cannot_clean),
];

fn a_compiler_makes_nothing_before_it_works_and_cleaning_twice_is_fine() {
    let Some(place) = Place::new() else { return };
    place.succeed("clean", &[]);
    assert_eq!(place.left(), [""; 0]);
}

fn clean(_: &[String]) -> Outcome {
    block_on(async {
        let compiler = Compiler::create(embedded()).await?;
        assert_eq!(temporary(), [""; 0]);
        compiler.load::<SideEffect>([fine()]).await?;
        assert_eq!(temporary().len(), 3, "loader, host image, compiler");
        compiler.clean().await?;
        assert_eq!(temporary(), [""; 0]);
        compiler.clean().await?;
        drop(compiler);
        // One that nobody cleans.
        let compiler = Compiler::create(embedded()).await?;
        compiler.load::<SideEffect>([fine()]).await?;
        assert_ne!(temporary(), [""; 0]);
        drop(compiler);
        assert_eq!(temporary(), [""; 0]);
        Ok(())
    })
}

fn a_cleaned_compiler_refuses_work_and_its_plugins_live_on() {
    let Some(place) = Place::new() else { return };
    place.succeed("refuse", &[]);
}

fn refuse(_: &[String]) -> Outcome {
    let interface = Interface::builder("Twice")
        .function::<(i64,), i64>("twice")
        .build()?;
    let source = || Source::text("twice.ml", "let twice n = 2 * n");
    let folder = tempfile::tempdir()?;
    let main = folder.path().join("main.ml");
    std::fs::write(&main, "")?;
    block_on(async {
        let compiler = Compiler::create(embedded()).await?;
        let twice = compiler.load_module(&interface, [source()]).await?;
        let copy = (*compiler).clone();
        compiler.clean().await?;
        let twice = twice.function::<(i64,), i64>("twice")?;
        assert_eq!(twice.call((21,))?, 42);
        for compiler in [&*compiler, &copy] {
            let checked = compiler.check::<SideEffect>([fine()]).await.unwrap_err();
            assert!(matches!(checked, compile::Error::Cleaned));
            assert!(checked.to_string().contains("cleaned"), "{checked}");
            let loaded = compiler.load::<SideEffect>([fine()]).await;
            assert!(matches!(loaded, Err(load::Error::Cleaned)));
            let delayed = compiler.load_without_running::<SideEffect>([fine()]).await;
            assert!(matches!(delayed, Err(load::Error::Cleaned)));
            let module = compiler.load_module(&interface, [source()]).await;
            assert!(matches!(module, Err(load::Error::Cleaned)));
            let found = compiler.loader().find_dependencies(&main).await;
            assert!(matches!(found, Err(dependencies::Error::Cleaned)));
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    folder.close()?;
    assert_eq!(temporary(), [""; 0]);
    Ok(())
}

fn everything_that_cannot_be_removed_is_named() {
    let Some(place) = Place::new() else { return };
    let unshare: &[&str] = if rustix::process::geteuid().is_root() {
        &["unshare", "--mount"]
    } else {
        &["unshare", "--user", "--map-root-user", "--mount"]
    };
    let probe = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["mount", "-t", "tmpfs", "none"])
        .arg(place.path())
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "no mount namespaces");
        eprintln!("SKIP: no mount namespaces");
        return;
    }
    let output = place.role_under(unshare, "cannot clean").output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
}

/// Keeps directories of the loader and of the archive from being removed by mounting something in them.
fn cannot_clean(_: &[String]) -> Outcome {
    let temporary_directory = std::env::temp_dir();
    let path = |prefix: &str| {
        let names = temporary();
        let name = names.iter().find(|name| name.starts_with(prefix)).unwrap();
        temporary_directory.join(name)
    };
    block_on(async {
        let compiler = Compiler::create(embedded()).await?;
        compiler.load::<SideEffect>([fine()]).await?;
        let (job, carried) = (
            path("saddlebag-loader-").join("1"),
            path("embedded-archive."),
        );
        std::fs::create_dir_all(&job)?;
        let held = std::fs::read_dir(&carried)?
            .map(|entry| entry.unwrap().path())
            .find(|path| path.is_dir());
        let held = held.ok_or("an extraction without directories")?;
        mount(&job)?;
        mount(&held)?;
        let error = compiler.clean().await.unwrap_err();
        assert!(error.loader.is_some() && error.carried.is_some());
        let text = error.to_string();
        for directory in [job.parent().unwrap(), &carried] {
            assert!(text.contains(&directory.display().to_string()), "{text}");
        }
        compiler.clean().await?;
        Ok(())
    })
}

fn mount(directory: &Path) -> Outcome {
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "none"])
        .arg(directory)
        .status()?;
    assert!(status.success());
    Ok(())
}
