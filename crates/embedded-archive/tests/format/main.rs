//! Tests of the format through the public interface: golden archives and hostile bytes.
mod golden;
mod hostile;
