//! Applying OCaml closures.
#![expect(unsafe_code, reason = "calls OCaml code")]

use std::ffi::c_int;

use super::abi::{self, Raw};
use super::failure;
use super::thread::Held;
use crate::call::Error;

/// Applies `closure` to `arguments`; the result may be an exception (`abi::is_exception`), and is good
/// until OCaml next runs or allocates.
///
/// `closure` and `arguments` are values, read just before from roots or from a frame, and the closure's
/// OCaml type fits the arguments (type).
#[inline(always)]
pub(crate) fn raw<const N: usize>(held: &Held, closure: Raw, mut arguments: [Raw; N]) -> Raw {
    let symbols = &held.image().symbols;
    match N {
        // SAFETY: lock held; closure and argument are live values of fitting types, see above.
        1 => unsafe { (symbols.caml_callback_exn)(closure, arguments[0]) },
        // SAFETY: as above.
        2 => unsafe { (symbols.caml_callback2_exn)(closure, arguments[0], arguments[1]) },
        // SAFETY: as above.
        3 => unsafe {
            (symbols.caml_callback3_exn)(closure, arguments[0], arguments[1], arguments[2])
        },
        // The array is a plain copy: the function registers it as roots itself (ocaml/ocaml#11045).
        // SAFETY: as above.
        _ => unsafe { (symbols.caml_callbackN_exn)(closure, N as c_int, arguments.as_mut_ptr()) },
    }
}

/// As [`raw`], with an exception described.
#[inline(always)]
pub(crate) fn apply<const N: usize>(
    held: &Held,
    closure: Raw,
    arguments: [Raw; N],
) -> Result<Raw, Error> {
    let result = raw(held, closure, arguments);
    if abi::is_exception(result) {
        return Err(failure::describe(held, result));
    }
    Ok(result)
}
