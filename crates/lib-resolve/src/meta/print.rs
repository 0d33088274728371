//! Printing META back, in the layout of findlib's own printer.

use std::fmt;

use super::Meta;
use super::view::{Definition, Flavour, Package, Predicate};

impl Meta {
    /// The file printed back: parsing the result gives an equal `Meta`. Comments and layout are lost, and within a
    /// package the definitions come before the subpackages.
    ///
    /// ```
    /// use lib_resolve::meta;
    /// let meta = meta::parse(br#"v(-b , a)+="\\x" # comment"#)?;
    /// assert_eq!(meta.to_bytes(), b"v(-b,a) += \"\\\\x\"\n");
    /// assert_eq!(meta::parse(&meta.to_bytes())?, meta);
    /// # Ok::<(), meta::Error>(())
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.text.len());
        let mut open: Vec<usize> = Vec::new();
        for package in self.packages() {
            if let Some(parent) = package.parent() {
                while open.last().is_some_and(|last| *last != parent.index()) {
                    open.pop();
                    out.extend_from_slice(b")\n");
                }
                out.extend_from_slice(b"\npackage ");
                quote(&mut out, package.name());
                out.extend_from_slice(b" (\n");
                open.push(package.index());
            }
            definitions(&mut out, package);
        }
        for _ in open {
            out.extend_from_slice(b")\n");
        }
        out
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

fn definitions(out: &mut Vec<u8>, package: Package<'_>) {
    for definition in package.definitions() {
        out.extend_from_slice(&self::definition(definition));
        out.push(b'\n');
    }
}

pub(super) fn definition(definition: Definition<'_>) -> Vec<u8> {
    let mut out = head(definition.variable(), definition.predicates());
    out.extend_from_slice(match definition.flavour() {
        Flavour::Set => b" = ",
        Flavour::Append => b" += ",
    });
    quote(&mut out, definition.value());
    out
}

/// `variable(a,-b)`.
pub(super) fn head<'a>(
    variable: &[u8],
    predicates: impl IntoIterator<Item = Predicate<'a>>,
) -> Vec<u8> {
    let mut out = variable.to_vec();
    let mut separator = b'(';
    for predicate in predicates {
        out.push(separator);
        separator = b',';
        if predicate.negated {
            out.push(b'-');
        }
        out.extend_from_slice(predicate.name);
    }
    if separator == b',' {
        out.push(b')');
    }
    out
}

pub(super) fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
