//! Rhai.

use rhai::{AST, Dynamic, Engine as Rhai, FuncArgs, Scope};

use crate::engine::{BODIES, BODY_STEPS, Engine, FIB, NORM, Result, TEXT};

pub struct Script {
    engine: Rhai,
    ast: AST,
}

impl Script {
    pub fn new() -> Result<Script> {
        let mut engine = Rhai::new();
        // Deep enough for the kernels.
        engine.set_max_call_levels(1000);
        let ast = engine.compile(include_str!("../kernels/kernels.rhai"))?;
        Ok(Script { engine, ast })
    }

    fn call<R: Clone + Send + Sync + 'static>(
        &self,
        name: &str,
        arguments: impl FuncArgs,
    ) -> Result<R> {
        Ok(self
            .engine
            .call_fn(&mut Scope::new(), &self.ast, name, arguments)?)
    }
}

impl Engine for Script {
    fn name(&self) -> &'static str {
        "rhai"
    }

    fn successor(&mut self, n: i64) -> Result<i64> {
        self.call("successor", (n,))
    }

    fn echo(&mut self, text: &str) -> Result<String> {
        self.call("echo", (text.to_owned(),))
    }

    fn fib(&mut self) -> Result<i64> {
        self.call("fib", (FIB,))
    }

    fn n_body(&mut self) -> Option<Result<f64>> {
        let numbers: Vec<Dynamic> = BODIES.iter().map(|number| Dynamic::from(*number)).collect();
        Some(self.call("n_body", (numbers, BODY_STEPS)))
    }

    fn spectral_norm(&mut self) -> Option<Result<f64>> {
        Some(self.call("spectral_norm", (NORM,)))
    }

    fn text(&mut self) -> Option<Result<i64>> {
        Some(self.call("text", (TEXT,)))
    }

    fn load(&mut self) -> Result<()> {
        let engine = Rhai::new();
        let ast = engine.compile("fn successor(n) { n + 1 }")?;
        let two: i64 = engine.call_fn(&mut Scope::new(), &ast, "successor", (1i64,))?;
        assert_eq!(two, 2);
        Ok(())
    }
}
