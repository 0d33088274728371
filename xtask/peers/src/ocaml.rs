//! OCaml, by the crate `saddlebag` and the installed compiler.

use futures_lite::future::block_on;
use saddlebag::runtime::call;
use saddlebag::runtime::types::Array;
use saddlebag::{Compiler, NeedsCleaning, Options, Runtime, Source, interface};

use crate::engine::{BODIES, BODY_STEPS, Engine, FIB, NORM, Result, TEXT};

#[interface]
trait Kernels {
    fn successor(&self, n: i64) -> call::Result<i64>;
    fn echo(&self, text: &str) -> call::Result<String>;
    fn fib(&self, n: i64) -> call::Result<i64>;
    fn n_body(&self, numbers: &Array<f64>, steps: i64) -> call::Result<f64>;
    fn spectral_norm(&self, n: i64) -> call::Result<f64>;
    fn text(&self, n: i64) -> call::Result<i64>;
}

#[interface]
trait Small {
    fn successor(&self, n: i64) -> call::Result<i64>;
}

#[allow(dead_code, reason = "as in the other engines, only one of the four is called")]
#[interface]
trait Four {
    fn successor(&self, n: i64) -> call::Result<i64>;
    fn echo(&self, text: &str) -> call::Result<String>;
    fn fib(&self, n: i64) -> call::Result<i64>;
    fn text(&self, n: i64) -> call::Result<String>;
}

pub struct Ocaml {
    compiler: NeedsCleaning,
    pub runtime: Runtime,
    kernels: KernelsPlugin,
    loads: u32,
}

impl Ocaml {
    pub fn new() -> Result<Ocaml> {
        let compiler = block_on(Compiler::create(Options::default()))?;
        let source = Source::text("kernels.ml", include_str!("../kernels/kernels.ml"));
        let kernels = block_on(compiler.load::<dyn Kernels>([source]))?;
        let runtime = block_on(compiler.loader().runtime())?;
        Ok(Ocaml {
            compiler,
            runtime,
            kernels,
            loads: 0,
        })
    }
}

impl Engine for Ocaml {
    fn name(&self) -> &'static str {
        "saddlebag"
    }

    fn successor(&mut self, n: i64) -> Result<i64> {
        Ok(self.kernels.successor(n)?)
    }

    fn echo(&mut self, text: &str) -> Result<String> {
        Ok(self.kernels.echo(text)?)
    }

    fn fib(&mut self) -> Result<i64> {
        Ok(self.kernels.fib(FIB)?)
    }

    fn n_body(&mut self) -> Option<Result<f64>> {
        let numbers = Array(BODIES.to_vec());
        Some(
            self.kernels
                .n_body(&numbers, BODY_STEPS)
                .map_err(Into::into),
        )
    }

    fn spectral_norm(&mut self) -> Option<Result<f64>> {
        Some(self.kernels.spectral_norm(NORM).map_err(Into::into))
    }

    fn text(&mut self) -> Option<Result<i64>> {
        Some(self.kernels.text(TEXT).map_err(Into::into))
    }

    fn load(&mut self) -> Result<()> {
        self.loads += 1;
        let text = format!("let successor n = n + 1 (* {} *)", self.loads);
        let source = Source::text("small.ml", text);
        // As the other engines, whose loads block.
        let small = self.compiler.load_blocking::<dyn Small>([source])?;
        assert_eq!(small.successor(1)?, 2);
        Ok(())
    }

    fn load_four(&mut self) -> Option<Result<()>> {
        self.loads += 1;
        let text = format!("{}(* {} *)", include_str!("../kernels/four.ml"), self.loads);
        let load = || {
            let source = Source::text("four.ml", text);
            let four = self.compiler.load_blocking::<dyn Four>([source])?;
            assert_eq!(four.successor(1)?, 2);
            Ok(())
        };
        Some(load())
    }
}
