//! Roto.

use roto::{FileTree, NoCtx, Package, RotoString, Runtime, TypedFunc};

use crate::engine::{Engine, FIB, Result, TEXT};

pub const NAME: &str = "roto";

type Function<F> = TypedFunc<NoCtx, F>;

pub struct Script {
    successor: Function<fn(i64) -> i64>,
    echo: Function<fn(RotoString) -> RotoString>,
    fib: Function<fn(i64) -> i64>,
    text: Function<fn(i64) -> RotoString>,
    _package: Package<NoCtx>,
}

fn compile(runtime: &Runtime<NoCtx>, source: &str) -> Result<Package<NoCtx>> {
    let tree = FileTree::test_file("kernels.roto", source, 0);
    tree.compile(runtime)
        .map_err(|report| report.to_string().into())
}

impl Script {
    pub fn new() -> Result<Script> {
        let mut package = compile(&Runtime::new(), include_str!("../kernels/kernels.roto"))?;
        let lacks = |error: &dyn std::fmt::Display| error.to_string();
        Ok(Script {
            successor: package
                .get_function("successor")
                .map_err(|error| lacks(&error))?,
            echo: package
                .get_function("echo")
                .map_err(|error| lacks(&error))?,
            fib: package.get_function("fib").map_err(|error| lacks(&error))?,
            text: package
                .get_function("text")
                .map_err(|error| lacks(&error))?,
            _package: package,
        })
    }
}

impl Engine for Script {
    fn name(&self) -> &'static str {
        NAME
    }

    fn successor(&mut self, n: i64) -> Result<i64> {
        Ok(self.successor.call(n))
    }

    fn echo(&mut self, text: &str) -> Result<String> {
        Ok(self.echo.call(RotoString::from(text)).into())
    }

    fn fib(&mut self) -> Result<i64> {
        Ok(self.fib.call(FIB))
    }

    // Its lists cannot be written to at an index.
    fn n_body(&mut self) -> Option<Result<f64>> {
        None
    }

    fn spectral_norm(&mut self) -> Option<Result<f64>> {
        None
    }

    fn text(&mut self) -> Option<Result<i64>> {
        Some(Ok(self.text.call(TEXT).len() as i64))
    }

    fn load(&mut self) -> Result<()> {
        let mut package = compile(&Runtime::new(), "fn successor(n: i64) -> i64 { n + 1 }")?;
        let successor: Function<fn(i64) -> i64> = package
            .get_function("successor")
            .map_err(|error| error.to_string())?;
        assert_eq!(successor.call(1), 2);
        Ok(())
    }

    fn load_four(&mut self) -> Option<Result<()>> {
        Some(Script::new().map(|script| assert_eq!(script.successor.call(1), 2)))
    }
}
