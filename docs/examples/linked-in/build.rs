//! Links the compiler of the installed OCaml toolchain into the program.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    embedded_compiler::build_script::link(&embedded_compiler::PackOptions::default())?;
    Ok(())
}
