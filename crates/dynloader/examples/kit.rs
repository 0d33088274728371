//! Builds or finds the kit of the installed toolchain and says what it holds.

use dynloader::kit::{Kit, Need, SystemOptions, default_cache_directory};

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cache = default_cache_directory().ok_or("neither XDG_CACHE_HOME nor HOME is set")?;
    let started = std::time::Instant::now();
    let options = SystemOptions::new(cache).progress(|step| println!("building: {step:?}"));
    let kit = futures_lite::future::block_on(Kit::system(options))?;
    println!(
        "OCaml {} in {} ({:?})",
        kit.conf().version(),
        kit.directory(Need::Load).display(),
        started.elapsed()
    );
    if let Some(compiler) = kit.ocamlopt() {
        println!(
            "{}",
            compiler.args(kit.shared_link_arguments()).command_line()
        );
    }
    Ok(())
}
