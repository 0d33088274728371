//! From a raised OCaml exception to an error as data.

use super::abi::{self, Raw};
use super::apply;
use super::cancellation;
use super::reader::Ref;
use super::root::Root;
use super::thread::Held;
use crate::call::{Error, Exception, Kind};
use crate::value::Value;

/// Describes the exception in `result`, which a callback just returned. It has to be the first thing done,
/// as the backtrace is that of the last exception raised.
#[cold]
pub(crate) fn describe(held: &Held, result: Raw) -> Error {
    let image = held.image();
    let exception = Root::new(held, abi::exception(result));
    // The handler must not raise once more while the exception it raised is being described.
    let _quiet = cancellation::quiet();
    let described = apply::raw(held, image.closures.describe.get(), [exception.get(held)]);
    let kind = if abi::is_exception(described) {
        Kind::Exception(Exception::unknown())
    } else {
        let fields = Ref::new(held, described);
        read(fields).unwrap_or_else(|_| Kind::Exception(Exception::unknown()))
    };
    Error::raised(kind, Value::from_root(exception))
}

/// Reads the record `description` of `ocaml/saddlebag_host.ml`.
fn read(description: Ref<'_>) -> Result<Kind, crate::convert::Error> {
    let [kind, code, name, message, backtrace] = description.fields(0)?;
    let text = |value: Ref<'_>| {
        value
            .bytes()
            .map(|b| String::from_utf8_lossy(b).into_owned())
    };
    Ok(match kind.int()? {
        1 => Kind::StackOverflow,
        2 => Kind::OutOfMemory,
        3 => Kind::Exit {
            code: code.int()? as i32,
        },
        4 if cancellation::deadline_passed() => Kind::DeadlineExceeded,
        4 => Kind::Cancelled,
        5 => Kind::HostPanic {
            message: text(message)?,
        },
        6 => Kind::HostError {
            message: text(message)?,
        },
        _ => Kind::Exception(Exception::new(
            text(name)?,
            text(message)?,
            text(backtrace)?,
        )),
    })
}
