//! WebAssembly text, by the crate `wasmtime`.

use wasmtime::{Engine as Wasmtime, Instance, Memory, Module, Store, TypedFunc};

use crate::engine::{BODIES, BODY_STEPS, Engine, FIB, NORM, Result};

pub const NAME: &str = "wasmtime";

/// Where texts are put.
const TEXTS: usize = 32_768;

pub struct Wasm {
    store: Store<()>,
    memory: Memory,
    successor: TypedFunc<i64, i64>,
    echo: TypedFunc<(i32, i32), (i32, i32)>,
    fib: TypedFunc<i64, i64>,
    n_body: TypedFunc<(i32, i32), f64>,
    spectral_norm: TypedFunc<i32, f64>,
}

impl Wasm {
    pub fn new() -> Result<Wasm> {
        let engine = Wasmtime::default();
        let module = Module::new(&engine, include_str!("../kernels/kernels.wat"))?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let memory = instance
            .get_memory(&mut store, "memory")
            .ok_or("no memory")?;
        Ok(Wasm {
            memory,
            successor: instance.get_typed_func(&mut store, "successor")?,
            echo: instance.get_typed_func(&mut store, "echo")?,
            fib: instance.get_typed_func(&mut store, "fib")?,
            n_body: instance.get_typed_func(&mut store, "n_body")?,
            spectral_norm: instance.get_typed_func(&mut store, "spectral_norm")?,
            store,
        })
    }
}

impl Engine for Wasm {
    fn name(&self) -> &'static str {
        NAME
    }

    fn successor(&mut self, n: i64) -> Result<i64> {
        Ok(self.successor.call(&mut self.store, n)?)
    }

    fn echo(&mut self, text: &str) -> Result<String> {
        self.memory.write(&mut self.store, TEXTS, text.as_bytes())?;
        let given = (TEXTS as i32, text.len() as i32);
        let (at, length) = self.echo.call(&mut self.store, given)?;
        let bytes = &self.memory.data(&self.store)[at as usize..][..length as usize];
        Ok(std::str::from_utf8(bytes)?.to_owned())
    }

    fn fib(&mut self) -> Result<i64> {
        Ok(self.fib.call(&mut self.store, FIB)?)
    }

    fn n_body(&mut self) -> Option<Result<f64>> {
        let bytes: Vec<u8> = BODIES
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        if let Err(error) = self.memory.write(&mut self.store, 0, &bytes) {
            return Some(Err(error.into()));
        }
        let result = self.n_body.call(&mut self.store, (5, BODY_STEPS as i32));
        Some(result.map_err(Into::into))
    }

    fn spectral_norm(&mut self) -> Option<Result<f64>> {
        let result = self.spectral_norm.call(&mut self.store, NORM as i32);
        Some(result.map_err(Into::into))
    }

    // It has no strings of its own.
    fn text(&mut self) -> Option<Result<i64>> {
        None
    }

    fn load(&mut self) -> Result<()> {
        let engine = Wasmtime::default();
        let text = r#"(module (func (export "successor") (param i64) (result i64)
            (i64.add (local.get 0) (i64.const 1))))"#;
        let module = Module::new(&engine, text)?;
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[])?;
        let successor: TypedFunc<i64, i64> = instance.get_typed_func(&mut store, "successor")?;
        assert_eq!(successor.call(&mut store, 1)?, 2);
        Ok(())
    }
}
