//! Luau, by the crate `mlua`.

use mlua::{Function, Lua};

use crate::engine::{BODIES, BODY_STEPS, Engine, FIB, NORM, Result, TEXT};

pub const NAME: &str = "Luau";

pub struct Luau {
    lua: Lua,
    successor: Function,
    echo: Function,
}

impl Luau {
    pub fn new() -> Result<Luau> {
        let lua = Lua::new();
        lua.load(include_str!("../kernels/kernels.lua")).exec()?;
        let successor = lua.globals().get("successor")?;
        let echo = lua.globals().get("echo")?;
        Ok(Luau {
            lua,
            successor,
            echo,
        })
    }

    fn call<A: mlua::IntoLuaMulti, R: mlua::FromLuaMulti>(
        &self,
        name: &str,
        arguments: A,
    ) -> Result<R> {
        let function: Function = self.lua.globals().get(name)?;
        Ok(function.call(arguments)?)
    }
}

impl Engine for Luau {
    fn name(&self) -> &'static str {
        NAME
    }

    fn successor(&mut self, n: i64) -> Result<i64> {
        Ok(self.successor.call(n)?)
    }

    fn echo(&mut self, text: &str) -> Result<String> {
        Ok(self.echo.call(text)?)
    }

    fn fib(&mut self) -> Result<i64> {
        self.call("fib", FIB)
    }

    fn n_body(&mut self) -> Option<Result<f64>> {
        Some(self.call("n_body", (BODIES.to_vec(), BODY_STEPS)))
    }

    fn spectral_norm(&mut self) -> Option<Result<f64>> {
        Some(self.call("spectral_norm", NORM))
    }

    fn text(&mut self) -> Option<Result<i64>> {
        Some(self.call("text", TEXT))
    }

    fn load(&mut self) -> Result<()> {
        let lua = Lua::new();
        lua.load("function successor(n) return n + 1 end").exec()?;
        let successor: Function = lua.globals().get("successor")?;
        assert_eq!(successor.call::<i64>(1)?, 2);
        Ok(())
    }
}
