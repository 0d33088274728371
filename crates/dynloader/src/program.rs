//! A command with another program in its place.

use std::path::Path;

use ocaml_toolchain::Invocation;

/// The same arguments and environment for `program`.
pub(crate) fn with_program(invocation: &Invocation, program: &Path) -> Invocation {
    let mut other = Invocation::new(program);
    if invocation.clears_env() {
        other = other.env_clear();
    }
    for (name, value) in invocation.get_envs() {
        other = match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other.args(
        invocation
            .get_args()
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>(),
    )
}
