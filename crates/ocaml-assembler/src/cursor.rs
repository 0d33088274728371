//! A position in the assembly text, and the lexical elements that can be read there.

/// What is wrong, and where in the text: the byte offset becomes a line and a column only once,
/// when the error leaves the crate.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) kind: crate::assemble::ErrorKind,
}

/// Reads the text from left to right. Never moves past a line's end by itself: at the end of a
/// line (and of the text) [`Cursor::peek`] is a line feed.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor { text, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next byte; a line feed at the end of the text.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.text
            .as_bytes()
            .get(self.offset)
            .copied()
            .unwrap_or(b'\n')
    }

    /// The byte after the next one; a line feed at the end of the text.
    pub(crate) fn peek_second(&self) -> u8 {
        self.text
            .as_bytes()
            .get(self.offset + 1)
            .copied()
            .unwrap_or(b'\n')
    }

    pub(crate) fn at_end_of_text(&self) -> bool {
        self.offset >= self.text.len()
    }

    #[inline]
    pub(crate) fn bump(&mut self) {
        self.offset += 1;
    }

    /// Takes `byte` if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte && !self.at_end_of_text();
        self.offset += usize::from(found);
        found
    }

    /// Takes `word` if it is next.
    pub(crate) fn take_word(&mut self, word: &str) -> bool {
        let found =
            self.text.as_bytes()[self.offset.min(self.text.len())..].starts_with(word.as_bytes());
        if found {
            self.offset += word.len();
        }
        found
    }

    /// Skips blanks and tabs.
    #[inline]
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.offset += 1;
        }
    }

    /// Takes the bytes up to the next one for which `stop` holds, or the end of the line.
    #[inline]
    pub(crate) fn take_until(&mut self, stop: impl Fn(u8) -> bool) -> &'a [u8] {
        let bytes = &self.text.as_bytes()[self.offset.min(self.text.len())..];
        let length = bytes
            .iter()
            .position(|&byte| byte == b'\n' || stop(byte))
            .unwrap_or(bytes.len());
        self.offset += length;
        &bytes[..length]
    }

    /// Takes a symbol: letters, digits, `_`, `$` and `.`, not beginning with a digit or `$`.
    #[inline]
    pub(crate) fn take_symbol(&mut self) -> Option<&'a str> {
        let first = self.peek();
        if first.is_ascii_digit() || first == b'$' || !is_symbol_byte(first) {
            return None;
        }
        let start = self.offset;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while end < bytes.len() && is_symbol_byte(bytes[end]) {
            end += 1;
        }
        self.offset = end;
        self.text.get(start..end)
    }

    /// Takes the name of a section: like a symbol, and `-` is allowed too (`.note.GNU-stack`).
    pub(crate) fn take_section_name(&mut self) -> Option<&'a str> {
        let start = self.offset;
        let name = self.take_until(|byte| !is_symbol_byte(byte) && byte != b'-');
        if name.first() == Some(&b'.') && name.len() > 1 {
            self.text.get(start..self.offset)
        } else {
            None
        }
    }

    /// Takes an unsigned number, decimal or hexadecimal with `0x`; `None` when there is no digit
    /// or the number needs more than 64 bits.
    pub(crate) fn take_magnitude(&mut self) -> Option<u64> {
        let hexadecimal = self.peek() == b'0' && matches!(self.peek_second(), b'x' | b'X');
        let radix = if hexadecimal { 16 } else { 10 };
        let start = self.offset + if hexadecimal { 2 } else { 0 };
        let mut end = start;
        let mut value = 0u64;
        let bytes = self.text.as_bytes();
        while let Some(digit) = bytes
            .get(end)
            .and_then(|&byte| char::from(byte).to_digit(radix))
        {
            value = value
                .checked_mul(u64::from(radix))?
                .checked_add(u64::from(digit))?;
            end += 1;
        }
        // GNU as reads a leading zero as octal; ocamlopt never prints one.
        let octal = !hexadecimal && end - start > 1 && bytes[start] == b'0';
        if end == start || octal {
            return None;
        }
        self.offset = end;
        Some(value)
    }

    /// Takes a number with an optional sign. Values from 2^63 to 2^64 - 1 wrap, as in GNU as.
    pub(crate) fn take_number(&mut self) -> Option<i64> {
        let start = self.offset;
        let negative = self.take(b'-');
        if !negative {
            self.take(b'+');
        }
        let value = self
            .take_magnitude()
            .and_then(|magnitude| signed(magnitude, negative));
        if value.is_none() {
            self.offset = start;
        }
        value
    }

    /// The rest of the line, for messages; cut short when it is long.
    pub(crate) fn excerpt(&self) -> String {
        let rest = &self.text.as_bytes()[self.offset.min(self.text.len())..];
        let end = rest
            .iter()
            .position(|&byte| byte == b'\n')
            .unwrap_or(rest.len())
            .min(48);
        String::from_utf8_lossy(&rest[..end]).trim_end().to_owned()
    }
}

/// The value of a magnitude and a sign; `None` when a negative number needs more than 64 bits.
pub(crate) fn signed(magnitude: u64, negative: bool) -> Option<i64> {
    match negative {
        false => Some(magnitude.cast_signed()),
        true if magnitude <= 1 << 63 => Some(magnitude.cast_signed().wrapping_neg()),
        true => None,
    }
}

#[inline]
pub(crate) fn is_symbol_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_sign_and_radix() {
        let read = |text| Cursor::new(text).take_number();
        assert_eq!(read("42,"), Some(42));
        assert_eq!(read("-129"), Some(-129));
        assert_eq!(read("0x7fffffffffffffff"), Some(i64::MAX));
        assert_eq!(read("0xffffffffffffffff"), Some(-1));
        assert_eq!(read("-9223372036854775808"), Some(i64::MIN));
    }

    #[test]
    fn numbers_that_do_not_fit_or_are_octal_are_refused() {
        for text in [
            "",
            "-",
            "0x",
            "x",
            "18446744073709551616",
            "-9223372036854775809",
            "017",
        ] {
            assert_eq!(Cursor::new(text).take_number(), None, "{text}");
        }
    }

    #[test]
    fn a_symbol_stops_at_the_first_other_byte() {
        let mut cursor = Cursor::new("camlA$3d.f_12@PLT");
        assert_eq!(cursor.take_symbol(), Some("camlA$3d.f_12"));
        assert_eq!(cursor.peek(), b'@');
        assert_eq!(Cursor::new("1a").take_symbol(), None);
    }
}
