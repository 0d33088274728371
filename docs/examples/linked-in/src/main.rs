//! `cargo build` gives a file that compiles and runs OCaml anywhere: the compiler is part of the program's own data.

use saddlebag::{ChooseOptions, Choice, Compiler, Interface, Options, Source};

const RULES: &str = "let price quantity = if quantity >= 10 then quantity * 9 else quantity * 10";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let archive = embedded_archive::embed!()?;
    let choose = ChooseOptions::default().choice(Choice::Embedded).archive(archive);
    let interface = Interface::builder("Rules").function::<(i64,), i64>("price").build()?;
    futures_lite::future::block_on(async {
        let compiler = Compiler::create(Options::default().choose(choose)).await?;
        let rules = compiler.load_module(&interface, [Source::text("rules.ml", RULES)]).await?;
        let price = rules.function::<(i64,), i64>("price")?;
        println!("9 cost {}, 10 cost {}", price.call((9,))?, price.call((10,))?);
        compiler.clean().await?;
        Ok(())
    })
}
