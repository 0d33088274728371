//! The command that checks plugins.

use clap::Parser;
use dynloader::check_command::{CheckCommand, Error};
use dynloader::{Options, SideEffect};
use futures_lite::future::block_on;

use crate::support::{folder, loader};

#[derive(Parser)]
struct Application {
    #[command(flatten)]
    check: CheckCommand,
}

#[test]
fn files_are_given_or_found_and_the_top_level_runs_only_when_asked() {
    let Some(loader) = loader(Options::default()) else {
        return;
    };
    let folder = folder(&[
        ("util.ml", "let x = 1"),
        ("main.ml", "let () = if Util.x = 1 then failwith \"ran\""),
    ]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |arguments: &[String]| {
        let arguments = [&["check".to_owned()], arguments].concat();
        let check = Application::try_parse_from(arguments).unwrap().check;
        let mut told = Vec::new();
        let result =
            block_on(check.run::<SideEffect>(&loader, |files| told.extend_from_slice(files)));
        (result, told.len())
    };
    let main = path("main.ml");
    assert!(matches!(run(&[path("util.ml"), main.clone()]), (Ok(_), 2)));
    assert!(matches!(
        run(&["--ocamldep".into(), main.clone()]),
        (Ok(_), 2)
    ));
    assert!(matches!(
        run(std::slice::from_ref(&main)),
        (Err(Error::Compile(_)), 1)
    ));
    let executed = run(&[
        "--ocamldep".into(),
        "--execute-plugin-toplevel".into(),
        main.clone(),
    ]);
    assert!(matches!(executed, (Err(Error::Load(_)), 2)));
    assert!(matches!(
        run(&["--ocamldep".into(), main.clone(), main]),
        (Err(Error::OneFile(_)), 0)
    ));
}
