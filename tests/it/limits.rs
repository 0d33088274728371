//! Limits of the system on a process: each is an error that says so, and nothing hangs. And rights that go beyond the caller's.

use saddlebag_tests::{Command, Jail, Sandbox, has, ocaml, saddlebag, skip, standalone};

const HELLO: &str = "let () = print_endline \"hello\"\n";

/// The command that carries its compiler, as a user with so many processes and threads. Nothing when the test is not run by
/// root, whom the limit does not hold for: of any other user it counts the processes that run anyway.
fn with_processes(sandbox: &Sandbox, limit: u32) -> Option<Command> {
    if !rustix::process::geteuid().is_root() || !has("setpriv") || !has("prlimit") {
        let _ = skip("only root can become a user without processes");
        return None;
    }
    // Nobody else's. It has root's way with files, wherever the executable lies.
    let user = 70_000 + std::process::id() % 10_000;
    for directory in [sandbox.temporary(), sandbox.work()] {
        std::os::unix::fs::chown(directory, Some(user), Some(user)).expect("a directory");
    }
    let command = sandbox.command("prlimit").args([
        format!("--nproc={limit}"),
        "setpriv".to_owned(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".to_owned(),
        "--inh-caps=+dac_override".to_owned(),
        "--ambient-caps=+dac_override".to_owned(),
    ]);
    let command = command.arg(standalone()).args(["run", "hello.ml"]);
    Some(command.env("PATH", "/usr/bin:/bin"))
}

#[test]
fn too_few_processes_and_threads_are_an_error_that_says_so() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    // With the first it has itself alone; with the last there is enough. Nearer to what is enough, it is chance which of its
    // threads gets the last place.
    for limit in [1, 2, 3, 30] {
        let Some(command) = with_processes(&sandbox, limit) else {
            return;
        };
        let outcome = command.run();
        match outcome.status() {
            Some(0) if limit > 4 => outcome.prints("hello\n"),
            _ => outcome
                .code(1)
                .prints_nothing()
                .says(&["no more processes and threads", "ulimit -u"]),
        };
        assert!(outcome.status() == Some(0) || limit < 30, "{outcome}");
    }
}

#[test]
fn a_limit_for_files_is_an_error_and_no_signal() {
    if !ocaml() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("hello.ml", HELLO);
    let limited = |blocks: u32, program: &std::path::Path| {
        let script = format!("ulimit -f {blocks}; exec \"$@\"");
        let shell = sandbox.command("sh").args(["-c", &script, "sh"]);
        shell.arg(program)
    };
    let said = "the process's limit for files is";
    for blocks in [0, 2] {
        for arguments in [
            &["run", "--cache", "cache", "hello.ml"][..],
            &["run", "--no-cache", "hello.ml"],
            &["build", "hello.ml", "-o", "hello.cmxs"],
        ] {
            let outcome = limited(blocks, saddlebag()).args(arguments).run();
            outcome.code(1).prints_nothing().says(&[said]);
            let outcome = limited(blocks, standalone()).args(arguments).run();
            outcome.code(1).prints_nothing().says(&[said]);
        }
        // Its sources are written before anything is built of them.
        let fresh = limited(blocks, saddlebag()).args(["run", "hello.ml"]);
        let outcome = fresh.env("XDG_CACHE_HOME", sandbox.path("fresh")).run();
        outcome.code(1).prints_nothing().says(&[said]);
    }
    sandbox
        .saddlebag(["run", "--cache", "cache", "hello.ml"])
        .run()
        .code(0)
        .prints("hello\n");
}

/// A program with the rights of `owner` that somebody else starts (execve(2)). Nothing where the test is not run by root.
#[test]
fn a_program_with_more_rights_than_its_caller_uses_what_it_carries_and_nothing_that_the_caller_names()
 {
    use std::os::unix::fs::{PermissionsExt, chown};

    if !ocaml() {
        return;
    }
    if !rustix::process::geteuid().is_root() || !has("setpriv") {
        let _ = skip("only root can give a program to another user");
        return;
    }
    let (owner, caller) = (70_001, 70_002);
    // Where every user can go.
    let directory = tempfile::tempdir_in("/var/tmp").expect("a directory");
    let may = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    };
    may(directory.path(), 0o755);
    let source = directory.path().join("who.ml");
    std::fs::write(&source, "let () = print_int (Unix.geteuid ())\n").expect("a source");
    may(&source, 0o644);
    let home = directory.path().join("home");
    std::fs::create_dir(&home).expect("a directory");
    chown(&home, Some(owner), Some(owner)).expect("an owner");
    let started = |program: &std::path::Path| {
        let copy = directory.path().join("program");
        std::fs::copy(program, &copy).expect("a copy");
        chown(&copy, Some(owner), Some(owner)).expect("an owner");
        may(&copy, 0o4755);
        let user = [format!("--reuid={caller}"), format!("--regid={caller}")];
        let command = Command::new("setpriv").args(user).arg("--clear-groups");
        let command = command.arg(&copy).arg("run").arg(&source);
        command.without("XDG_CACHE_HOME").env("HOME", &home).run()
    };
    // Where there is no OCaml but that which it carries.
    let Some(jail) = Jail::new() else { return };
    let carrier = jail.path("carrier");
    std::fs::copy(standalone(), &carrier).expect("a copy");
    std::fs::copy(&source, jail.path("who.ml")).expect("a copy");
    chown(&carrier, Some(owner), Some(owner)).expect("an owner");
    may(&carrier, 0o4755);
    may(&jail.path(""), 0o755);
    may(&jail.path("tmp"), 0o1777);
    let users = [
        "--groups=".to_owned(),
        format!("--userspec={caller}:{caller}"),
    ];
    let command = Command::new("chroot").args(users).arg(jail.path(""));
    let command = command.args(["/carrier", "run", "/who.ml"]);
    let outcome = command.without("TMPDIR").without("XDG_CACHE_HOME").run();
    if outcome.stdout() == caller.to_string() {
        let _ = skip("the file system gives no rights away");
        return;
    }
    outcome.code(0).prints(&owner.to_string());
    // The caller's PATH names a compiler.
    let outcome = started(saddlebag());
    outcome
        .code(1)
        .prints_nothing()
        .says(&["no OCaml compiler found", "no place to look was given"]);
}
