//! The registers' names in AT&T syntax.

/// How many bytes an integer operand has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Byte,
    Word,
    Double,
    Quad,
}

/// An integer register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Register {
    /// The number in the instruction's encoding, 0 to 15.
    pub(crate) number: u8,
    pub(crate) width: Width,
    /// `%ah`, `%ch`, `%dh` or `%bh`: numbers 4 to 7, which mean these only without a REX prefix.
    pub(crate) high: bool,
}

impl Register {
    /// `%spl`, `%bpl`, `%sil` and `%dil` exist only with a REX prefix.
    pub(crate) fn needs_rex(self) -> bool {
        self.width == Width::Byte && !self.high && (4..8).contains(&self.number)
    }
}

/// Any register that the language has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnyRegister {
    Integer(Register),
    /// `%xmm0` to `%xmm15`.
    Vector(u8),
    /// `%st` and `%st(0)` to `%st(7)`; the parenthesis is the caller's to read.
    Stack,
    InstructionPointer,
}

/// The register called `name`, without its `%`.
pub(crate) fn register(name: &[u8]) -> Option<AnyRegister> {
    use Width::{Byte, Double, Quad, Word};
    let integer = |number, width| {
        Some(AnyRegister::Integer(Register {
            number,
            width,
            high: false,
        }))
    };
    let high = |number| {
        Some(AnyRegister::Integer(Register {
            number,
            width: Byte,
            high: true,
        }))
    };
    match *name {
        [b'r', b'i', b'p'] => Some(AnyRegister::InstructionPointer),
        [b's', b't'] => Some(AnyRegister::Stack),
        [b'x', b'm', b'm', digit @ b'0'..=b'9'] => Some(AnyRegister::Vector(digit - b'0')),
        [b'x', b'm', b'm', b'1', digit @ b'0'..=b'5'] => {
            Some(AnyRegister::Vector(10 + digit - b'0'))
        }
        [b'r', ref rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => {
            let (number, suffix) = match *rest {
                [b'1', digit @ b'0'..=b'5', ref suffix @ ..] => (10 + digit - b'0', suffix),
                [digit @ b'8'..=b'9', ref suffix @ ..] => (digit - b'0', suffix),
                _ => return None,
            };
            let width = match suffix {
                [] => Quad,
                [b'd'] => Double,
                [b'w'] => Word,
                [b'b'] => Byte,
                _ => return None,
            };
            integer(number, width)
        }
        [b'r', a, b] => integer(legacy([a, b])?, Quad),
        [b'e', a, b] => integer(legacy([a, b])?, Double),
        [b'a', b'l'] => integer(0, Byte),
        [b'c', b'l'] => integer(1, Byte),
        [b'd', b'l'] => integer(2, Byte),
        [b'b', b'l'] => integer(3, Byte),
        [b's', b'p', b'l'] => integer(4, Byte),
        [b'b', b'p', b'l'] => integer(5, Byte),
        [b's', b'i', b'l'] => integer(6, Byte),
        [b'd', b'i', b'l'] => integer(7, Byte),
        [b'a', b'h'] => high(4),
        [b'c', b'h'] => high(5),
        [b'd', b'h'] => high(6),
        [b'b', b'h'] => high(7),
        [a, b] => integer(legacy([a, b])?, Word),
        _ => None,
    }
}

/// The number of one of the eight registers of the 8086, by its 16-bit name.
fn legacy(name: [u8; 2]) -> Option<u8> {
    Some(match &name {
        b"ax" => 0,
        b"cx" => 1,
        b"dx" => 2,
        b"bx" => 3,
        b"sp" => 4,
        b"bp" => 5,
        b"si" => 6,
        b"di" => 7,
        _ => return None,
    })
}

/// The number that call frame information uses for a 64-bit register, by its name.
///
/// Source: System V ABI, AMD64 supplement, figure 3.36 "DWARF Register Number Mapping".
pub(crate) fn dwarf_number(name: &[u8]) -> Option<u8> {
    const MAPPING: [u8; 8] = [0, 2, 1, 3, 7, 6, 4, 5];
    match register(name)? {
        AnyRegister::Integer(Register {
            number,
            width: Width::Quad,
            ..
        }) => Some(MAPPING.get(usize::from(number)).copied().unwrap_or(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_register_has_four_widths() {
        for (names, number) in [
            (["rax", "eax", "ax", "al"], 0),
            (["rdi", "edi", "di", "dil"], 7),
            (["r8", "r8d", "r8w", "r8b"], 8),
            (["r15", "r15d", "r15w", "r15b"], 15),
        ] {
            for (name, width) in
                names
                    .iter()
                    .zip([Width::Quad, Width::Double, Width::Word, Width::Byte])
            {
                assert_eq!(
                    register(name.as_bytes()),
                    Some(AnyRegister::Integer(Register {
                        number,
                        width,
                        high: false
                    })),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn near_misses_are_not_registers() {
        for name in [
            "", "r", "rp", "r7", "r16", "r1", "r8l", "r15bb", "eah", "xmm", "xmm16", "xmm01",
            "spll", "rsil",
        ] {
            assert_eq!(register(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn frame_information_numbers_differ_from_encoding_numbers() {
        assert_eq!(dwarf_number(b"rbx"), Some(3));
        assert_eq!(dwarf_number(b"rdx"), Some(1));
        assert_eq!(dwarf_number(b"rsp"), Some(7));
        assert_eq!(dwarf_number(b"r13"), Some(13));
        assert_eq!(dwarf_number(b"ebx"), None);
    }
}
