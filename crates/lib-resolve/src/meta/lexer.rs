//! Tokens of META, by longest match as `fl_meta.mll` has them.

use super::Span;

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Offset of the token's first byte.
    pub(super) offset: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Name(Span),
    /// The bytes between the quotes, and whether there are escapes to undo.
    Text(Span, bool),
    LeftParenthesis,
    RightParenthesis,
    Equal,
    PlusEqual,
    Comma,
    Minus,
    /// A byte that starts no token.
    Unknown,
    End,
}

pub(super) struct Lexer<'a> {
    source: &'a [u8],
    offset: usize,
    /// Line of the next token, counting line-feed tokens only, as findlib does.
    line: u32,
    /// Offset just after the last line-feed token.
    line_start: usize,
}

impl<'a> Lexer<'a> {
    /// The caller has checked that offsets fit in 32 bits.
    pub(super) fn new(source: &'a [u8]) -> Lexer<'a> {
        Lexer {
            source,
            offset: 0,
            line: 1,
            line_start: 0,
        }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Token {
        loop {
            let start = self.offset;
            let Some(&byte) = self.source.get(start) else {
                return token(Kind::End, start);
            };
            if is_name_byte(byte) {
                let rest = &self.source[start..];
                let length = rest.iter().position(|byte| !is_name_byte(*byte));
                self.offset = start + length.unwrap_or(rest.len());
                return token(Kind::Name(span(start, self.offset)), start);
            }
            self.offset = start + 1;
            let kind = match byte {
                b' ' | b'\t' | b'\r' => continue,
                b'\n' => {
                    self.end_line();
                    self.skip_blanks();
                    continue;
                }
                b'#' => {
                    if !self.skip_comment() {
                        return token(Kind::End, start);
                    }
                    continue;
                }
                b'(' => Kind::LeftParenthesis,
                b')' => Kind::RightParenthesis,
                b'=' => Kind::Equal,
                b',' => Kind::Comma,
                b'-' => Kind::Minus,
                b'+' if self.source.get(self.offset) == Some(&b'=') => {
                    self.offset += 1;
                    Kind::PlusEqual
                }
                b'"' => self.text(start),
                _ => Kind::Unknown,
            };
            return token(kind, start);
        }
    }

    /// findlib's line and position of a token: the position counts from the last line-feed token, and a line feed inside a
    /// string is none.
    pub(super) fn findlib_position(source: &[u8], offset: u32) -> (u32, u32) {
        let mut lexer = Lexer::new(source);
        loop {
            let token = lexer.next();
            if token.offset >= offset || matches!(token.kind, Kind::End) {
                return (
                    lexer.line,
                    token.offset.saturating_sub(lexer.line_start as u32),
                );
            }
        }
    }

    /// A string token. An unknown escape or a missing quote means that no string starts here.
    fn text(&mut self, quote: usize) -> Kind {
        let start = quote + 1;
        let mut escaped = false;
        let mut index = start;
        loop {
            let rest = &self.source[index..];
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                return Kind::Unknown;
            };
            index += length;
            if self.source[index] == b'"' {
                self.offset = index + 1;
                return Kind::Text(span(start, index), escaped);
            }
            if !matches!(self.source.get(index + 1), Some(b'"' | b'\\')) {
                return Kind::Unknown;
            }
            escaped = true;
            index += 2;
        }
    }

    /// Indentation is long in META files, so its bytes take no turn of [`Lexer::next`] each.
    fn skip_blanks(&mut self) {
        let rest = &self.source[self.offset..];
        let length = rest.iter().position(|byte| *byte != b' ');
        self.offset += length.unwrap_or(rest.len());
    }

    /// Skips to the start of the next line; false when the comment is the end of the file.
    fn skip_comment(&mut self) -> bool {
        let rest = &self.source[self.offset..];
        match memchr::memchr(b'\n', rest) {
            Some(length) => {
                self.offset += length + 1;
                self.end_line();
                true
            }
            None => {
                self.offset = self.source.len();
                false
            }
        }
    }

    fn end_line(&mut self) {
        self.line += 1;
        self.line_start = self.offset;
    }
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES[byte as usize]
}

/// By byte. Reading META spends most of its time on this question.
static NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let name = byte as u8;
        table[byte] = name.is_ascii_alphanumeric() || name == b'_' || name == b'.';
        byte += 1;
    }
    table
};

fn token(kind: Kind, offset: usize) -> Token {
    Token {
        kind,
        offset: offset as u32,
    }
}

fn span(start: usize, end: usize) -> Span {
    Span {
        start: start as u32,
        end: end as u32,
    }
}
