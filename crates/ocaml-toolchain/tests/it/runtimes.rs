//! The same future completes under every runtime.

use ocaml_toolchain::Invocation;

async fn body() {
    let command = Invocation::new("sh")
        .args(["-c", "cat; echo err >&2"])
        .stdin_bytes("in");
    let output = command.run().await.unwrap();
    assert_eq!(
        (&*output.stdout, &*output.stderr),
        (&b"in"[..], &b"err\n"[..])
    );
}

#[test]
fn a_command_runs_under_a_bare_block_on() {
    futures_lite::future::block_on(body());
}

#[test]
fn a_command_runs_under_tokio_without_its_drivers() {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(body());
}

#[test]
fn a_command_runs_on_a_tokio_task() {
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { tokio::spawn(body()).await.unwrap() });
}

#[test]
fn a_command_runs_under_smol() {
    smol::block_on(async { smol::spawn(body()).await });
}
