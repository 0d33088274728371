//! META files: the syntax of package descriptions and of findlib's own configuration.
//!
//! Sources: `fl_meta.mll` and `fl_metascanner.ml` of findlib 1.9.

mod check;
mod error;
mod lexer;
mod lookup;
mod parser;
mod print;
mod serial;
mod stored;
mod view;

pub use error::{Error, Expectation, Position};
pub(crate) use lookup::lookup;
pub use view::{Definition, Flavour, Package, Predicate};

/// A parsed META file: a tree of packages, each with definitions of variables.
///
/// The file's bytes are kept once and everything else points into them, so a `Meta` costs a handful of allocations
/// whatever its size. Unknown variables are kept. [`Display`](std::fmt::Display) prints it back (see [`Meta::to_bytes`]),
/// and with serde it is a tree of plain data.
///
/// ```
/// use lib_resolve::{Predicates, meta};
/// let meta = meta::parse(br#"
///     version = "1.2"
///     requires = "unix"
///     requires(mt) += "threads"
///     package "ppx" ( ppx = "./ppx.exe" )
/// "#)?;
/// let main = meta.main();
/// assert_eq!(main.lookup("version", &Predicates::none()).as_deref(), Some(&b"1.2"[..]));
/// assert_eq!(main.lookup("requires", &Predicates::parse("mt")).as_deref(), Some(&b"unix threads"[..]));
/// assert_eq!(main.children().next().map(|child| child.name()), Some(&b"ppx"[..]));
/// # Ok::<(), meta::Error>(())
/// ```
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "serial::Tree", into = "serial::Tree")]
pub struct Meta {
    /// The source, followed by the values that held escapes, with the escapes undone.
    text: Vec<u8>,
    source_length: u32,
    packages: Vec<PackageNode>,
    definitions: Vec<DefinitionNode>,
    predicates: Vec<PredicateNode>,
}

/// Parses a META file.
///
/// Never panics and keeps to findlib's language, whatever the bytes: see the crate's tests and fuzz target.
///
/// # Errors
/// A syntax error, a second `=` definition of a variable for the same predicates, a second subpackage of one name, or a
/// subpackage whose name has a dot; each with its place.
pub fn parse(source: &[u8]) -> Result<Meta, Error> {
    parse_owned(source.to_vec())
}

/// As [`parse`], for bytes that nobody else needs.
pub(crate) fn parse_owned(source: Vec<u8>) -> Result<Meta, Error> {
    let meta = parser::parse(source)?;
    check::check(&meta).map_err(|kind| Error::check(meta.source(), kind))?;
    Ok(meta)
}

impl Meta {
    /// The package that the file itself describes.
    #[must_use]
    pub fn main(&self) -> Package<'_> {
        Package::new(self, 0)
    }

    /// Every package, parents before children and siblings in file order, as findlib flattens them.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = Package<'_>> {
        (0..self.packages.len()).map(|index| Package::new(self, index))
    }

    /// How many bytes this value holds on the heap.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.text.capacity()
            + self.packages.capacity() * size_of::<PackageNode>()
            + self.definitions.capacity() * size_of::<DefinitionNode>()
            + self.predicates.capacity() * size_of::<PredicateNode>()
    }

    /// The bytes that were parsed.
    #[must_use]
    pub fn source(&self) -> &[u8] {
        &self.text[..self.source_length as usize]
    }

    fn slice(&self, span: Span) -> &[u8] {
        &self.text[span.start as usize..span.end as usize]
    }
}

impl PartialEq for Meta {
    /// Two files are equal when they have the same packages and definitions in the same order, wherever they stand.
    fn eq(&self, other: &Meta) -> bool {
        self.packages.len() == other.packages.len()
            && self
                .packages()
                .zip(other.packages())
                .all(|(left, right)| left.same_as(right))
    }
}

impl Eq for Meta {}

impl std::fmt::Debug for Meta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Meta").field(&self.main()).finish()
    }
}

/// A half-open range of `Meta::text`.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn len(self) -> u32 {
        self.end - self.start
    }
}

#[derive(Debug, Clone, Copy)]
struct PackageNode {
    name: Span,
    /// Index of the parent; the main package is its own.
    parent: u32,
    /// Range of `Meta::definitions`.
    definitions: Span,
    /// Where the `package` token stands.
    offset: u32,
}

#[derive(Debug, Clone, Copy)]
struct DefinitionNode {
    /// Index of the package, by which definitions are sorted.
    package: u32,
    variable: Span,
    value: Span,
    /// Range of `Meta::predicates`.
    predicates: Span,
    appends: bool,
}

#[derive(Debug, Clone, Copy)]
struct PredicateNode {
    name: Span,
    negated: bool,
}
