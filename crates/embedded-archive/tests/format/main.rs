//! Tests of the format through the public interface: golden archives and hostile bytes.
#![expect(clippy::unwrap_used, reason = "a panic fails the test")]
mod golden;
mod hostile;
