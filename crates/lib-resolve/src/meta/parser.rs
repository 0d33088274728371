//! The grammar of META, with an explicit stack: nesting costs no stack space of the thread.

use super::error::{Enclosing, Error, Expectation};
use super::lexer::{Kind, Lexer, Token};
use super::{DefinitionNode, Meta, PackageNode, PredicateNode, Span};

/// Half of what a `u32` counts is left for the values that are unescaped behind the source.
const MAXIMUM_LENGTH: usize = 1 << 30;

pub(super) fn parse(mut source: Vec<u8>) -> Result<Meta, Error> {
    if source.len() > MAXIMUM_LENGTH {
        return Err(Error::too_large());
    }
    let mut packages = Vec::with_capacity(4);
    packages.push(PackageNode {
        name: EMPTY,
        parent: 0,
        definitions: EMPTY,
        offset: 0,
    });
    let mut parser = Parser {
        source: &source,
        lexer: Lexer::new(&source),
        unescaped: Vec::new(),
        packages,
        // A definition takes some 30 bytes.
        definitions: Vec::with_capacity(source.len() / 32 + 4),
        predicates: Vec::with_capacity(source.len() / 64 + 4),
        open: Vec::new(),
    };
    parser.file()?;
    parser.order_definitions();
    let Parser {
        unescaped,
        packages,
        definitions,
        predicates,
        ..
    } = parser;
    let source_length = source.len() as u32;
    source.extend_from_slice(&unescaped);
    Ok(Meta {
        text: source,
        source_length,
        packages,
        definitions,
        predicates,
    })
}

const EMPTY: Span = Span { start: 0, end: 0 };

struct Parser<'a> {
    source: &'a [u8],
    lexer: Lexer<'a>,
    /// Values that held escapes; they go behind the source.
    unescaped: Vec<u8>,
    packages: Vec<PackageNode>,
    definitions: Vec<DefinitionNode>,
    predicates: Vec<PredicateNode>,
    /// The packages whose `)` has not come yet, outermost first.
    open: Vec<u32>,
}

impl Parser<'_> {
    fn file(&mut self) -> Result<(), Error> {
        loop {
            let token = self.lexer.next();
            match token.kind {
                Kind::Name(name) if self.bytes(name) == b"package" => self.package(token)?,
                Kind::Name(name) => self.definition(token, name)?,
                Kind::RightParenthesis if self.open.is_empty() => {
                    return Err(self.error(token, Expectation::FileEnd, None));
                }
                Kind::RightParenthesis => {
                    self.open.pop();
                }
                Kind::End if self.open.is_empty() => return Ok(()),
                Kind::End => return Err(self.error(token, Expectation::PackageEnd, None)),
                _ => return Err(self.error(token, Expectation::Definition, None)),
            }
        }
    }

    fn package(&mut self, keyword: Token) -> Result<(), Error> {
        let token = self.lexer.next();
        let Kind::Text(name, escaped) = token.kind else {
            return Err(self.error(token, Expectation::PackageName, None));
        };
        let token = self.lexer.next();
        let Kind::LeftParenthesis = token.kind else {
            return Err(self.error(token, Expectation::PackageBody, None));
        };
        let name = self.unescape(name, escaped);
        let parent = self.open.last().copied().unwrap_or(0);
        self.open.push(self.packages.len() as u32);
        self.packages.push(PackageNode {
            name,
            parent,
            definitions: EMPTY,
            offset: keyword.offset,
        });
        Ok(())
    }

    fn definition(&mut self, name: Token, variable: Span) -> Result<(), Error> {
        let fail = |parser: &Self, token, expectation| {
            Err(parser.error(token, expectation, Some(name.offset)))
        };
        let first_predicate = self.predicates.len() as u32;
        let mut token = self.lexer.next();
        if let Kind::LeftParenthesis = token.kind {
            loop {
                token = self.lexer.next();
                let negated = matches!(token.kind, Kind::Minus);
                if negated {
                    token = self.lexer.next();
                }
                let Kind::Name(predicate) = token.kind else {
                    let expectation = if negated {
                        Expectation::NegatedPredicate
                    } else {
                        Expectation::Predicate
                    };
                    return fail(self, token, expectation);
                };
                self.add_predicate(
                    first_predicate,
                    PredicateNode {
                        name: predicate,
                        negated,
                    },
                );
                token = self.lexer.next();
                match token.kind {
                    Kind::Comma => {}
                    Kind::RightParenthesis => break,
                    _ => return fail(self, token, Expectation::PredicateEnd),
                }
            }
            token = self.lexer.next();
            if !matches!(token.kind, Kind::Equal | Kind::PlusEqual) {
                return fail(self, token, Expectation::Flavour);
            }
        }
        let appends = match token.kind {
            Kind::Equal => false,
            Kind::PlusEqual => true,
            _ => return fail(self, token, Expectation::Assignment),
        };
        token = self.lexer.next();
        let Kind::Text(value, escaped) = token.kind else {
            return fail(self, token, Expectation::Value);
        };
        let value = self.unescape(value, escaped);
        let package = self.open.last().copied().unwrap_or(0);
        let predicates = Span {
            start: first_predicate,
            end: self.predicates.len() as u32,
        };
        self.definitions.push(DefinitionNode {
            package,
            variable,
            value,
            predicates,
            appends,
        });
        Ok(())
    }

    /// A predicate that is in the list twice counts once.
    fn add_predicate(&mut self, first: u32, predicate: PredicateNode) {
        let same = |other: &PredicateNode| {
            other.negated == predicate.negated
                && self.bytes(other.name) == self.bytes(predicate.name)
        };
        if !self.predicates[first as usize..].iter().any(same) {
            self.predicates.push(predicate);
        }
    }

    fn unescape(&mut self, span: Span, escaped: bool) -> Span {
        if !escaped {
            return span;
        }
        let start = self.source.len() + self.unescaped.len();
        let mut bytes = self.source[span.start as usize..span.end as usize].iter();
        while let Some(byte) = bytes.next() {
            // The lexer has seen that a backslash is followed by the byte it stands for.
            let byte = if *byte == b'\\' {
                bytes.next().unwrap_or(byte)
            } else {
                byte
            };
            self.unescaped.push(*byte);
        }
        Span {
            start: start as u32,
            end: (self.source.len() + self.unescaped.len()) as u32,
        }
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.source[span.start as usize..span.end as usize]
    }

    fn error(&self, token: Token, expectation: Expectation, definition: Option<u32>) -> Error {
        let package = self
            .open
            .first()
            .map(|index| self.packages[*index as usize].offset);
        Error::syntax(
            self.source,
            token.offset,
            expectation,
            Enclosing {
                package,
                definition,
            },
        )
    }

    /// Brings the definitions of each package together.
    fn order_definitions(&mut self) {
        if !self
            .definitions
            .is_sorted_by_key(|definition| definition.package)
        {
            // Stable: within a package the order is the file's.
            self.definitions
                .sort_by_key(|definition| definition.package);
        }
        let mut start = 0;
        for (index, package) in self.packages.iter_mut().enumerate() {
            let own = self.definitions[start..]
                .iter()
                .take_while(|definition| definition.package == index as u32);
            let end = start + own.count();
            package.definitions = Span {
                start: start as u32,
                end: end as u32,
            };
            start = end;
        }
    }
}
