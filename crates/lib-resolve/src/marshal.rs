//! OCaml's marshalled values (`runtime/intern.c`), as far as compiled archives need them.

/// The magic numbers of a header of 20 bytes and of one of 32.
const SMALL: u32 = 0x8495_A6BE;
const BIG: u32 = 0x8495_A6BF;

/// A value that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i64),
    Object(usize),
}

#[derive(Debug)]
enum Object<'a> {
    Block(Vec<Value>),
    String(&'a [u8]),
    /// A number in a box, of which nothing is asked.
    Opaque,
}

/// A value with all that it holds.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    objects: Vec<Object<'a>>,
    root: Value,
}

impl<'a> Tree<'a> {
    /// Reads the value that `bytes` begin with; `None` if it is cut off, compressed, or holds what no archive has (functions, objects with
    /// methods of their own). Nothing is trusted: sizes are limited by what is there to read.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Tree<'a>> {
        let magic = u32::from_be_bytes(*bytes.first_chunk()?);
        let header = match magic {
            SMALL => 20,
            BIG => 32,
            _ => return None,
        };
        let mut parser = Parser {
            rest: bytes.get(header..)?,
            objects: Vec::new(),
            open: Vec::new(),
        };
        let root = parser.item()?;
        while let Some((object, missing)) = parser.open.last_mut() {
            let object = *object;
            *missing -= 1;
            if *missing == 0 {
                parser.open.pop();
            }
            let field = parser.item()?;
            if let Object::Block(fields) = &mut parser.objects[object] {
                fields.push(field);
            }
        }
        Some(Tree {
            objects: parser.objects,
            root,
        })
    }

    pub(crate) fn root(&self) -> Value {
        self.root
    }

    /// A field of a block.
    pub(crate) fn field(&self, value: Value, index: usize) -> Option<Value> {
        match value {
            Value::Object(object) => match &self.objects[object] {
                Object::Block(fields) => fields.get(index).copied(),
                _ => None,
            },
            Value::Int(_) => None,
        }
    }

    /// A string, for people: an archive's names are ASCII.
    pub(crate) fn string(&self, value: Value) -> Option<String> {
        match value {
            Value::Object(object) => match &self.objects[object] {
                Object::String(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                _ => None,
            },
            Value::Int(_) => None,
        }
    }

    /// The items of a list; `None` if it is none, or goes round in a circle.
    pub(crate) fn list(&self, mut value: Value) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        while value != Value::Int(0) {
            if items.len() > self.objects.len() {
                return None;
            }
            items.push(self.field(value, 0)?);
            value = self.field(value, 1)?;
        }
        Some(items)
    }
}

struct Parser<'a> {
    rest: &'a [u8],
    objects: Vec<Object<'a>>,
    /// Blocks that lack fields, and how many; the last one is filled first.
    open: Vec<(usize, usize)>,
}

impl<'a> Parser<'a> {
    fn item(&mut self) -> Option<Value> {
        let code = self.number::<1>()?;
        match code {
            0x80..=0xff => self.block(code >> 4 & 7),
            0x40..=0x7f => Some(Value::Int((code & 0x3f) as i64)),
            0x20..=0x3f => self.string(code & 0x1f),
            0x00 => Some(Value::Int(i64::from(self.number::<1>()? as i8))),
            0x01 => Some(Value::Int(i64::from(self.number::<2>()? as i16))),
            0x02 => Some(Value::Int(i64::from(self.number::<4>()? as i32))),
            0x03 => Some(Value::Int(self.number::<8>()? as i64)),
            0x04 => self.number::<1>().and_then(|back| self.shared(back)),
            0x05 => self.number::<2>().and_then(|back| self.shared(back)),
            0x06 => self.number::<4>().and_then(|back| self.shared(back)),
            0x14 => self.number::<8>().and_then(|back| self.shared(back)),
            0x08 => self
                .number::<4>()
                .and_then(|header| self.block(header >> 10)),
            0x13 => self
                .number::<8>()
                .and_then(|header| self.block(header >> 10)),
            0x09 => self.number::<1>().and_then(|length| self.string(length)),
            0x0a => self.number::<4>().and_then(|length| self.string(length)),
            0x15 => self.number::<8>().and_then(|length| self.string(length)),
            0x0b | 0x0c => self.opaque(8),
            0x0d | 0x0e => self.number::<1>().and_then(|count| self.doubles(count)),
            0x07 | 0x0f => self.number::<4>().and_then(|count| self.doubles(count)),
            0x16 | 0x17 => self.number::<8>().and_then(|count| self.doubles(count)),
            0x12 | 0x18 | 0x19 => self.custom(code),
            _ => None,
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A number of `WIDTH` bytes, the largest first.
    fn number<const WIDTH: usize>(&mut self) -> Option<u64> {
        let bytes = self.take(WIDTH)?;
        Some(
            bytes
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte)),
        )
    }

    fn add(&mut self, object: Object<'a>) -> Value {
        self.objects.push(object);
        Value::Object(self.objects.len() - 1)
    }

    fn block(&mut self, size: u64) -> Option<Value> {
        // Each field takes a byte at least.
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= self.rest.len())?;
        if size == 0 {
            // An atom is not counted among the objects.
            return Some(Value::Int(0));
        }
        let value = self.add(Object::Block(Vec::with_capacity(size)));
        self.open.push((self.objects.len() - 1, size));
        Some(value)
    }

    fn string(&mut self, length: u64) -> Option<Value> {
        let bytes = self.take(usize::try_from(length).ok()?)?;
        Some(self.add(Object::String(bytes)))
    }

    fn opaque(&mut self, length: usize) -> Option<Value> {
        self.take(length)?;
        Some(self.add(Object::Opaque))
    }

    fn doubles(&mut self, count: u64) -> Option<Value> {
        self.opaque(usize::try_from(count).ok()?.checked_mul(8)?)
    }

    /// The boxed integers; their bytes follow the name of their kind.
    fn custom(&mut self, code: u64) -> Option<Value> {
        let end = self.rest.iter().position(|byte| *byte == 0)?;
        let name = self.take(end)?;
        self.take(1)?;
        if code == 0x18 {
            self.take(12)?;
        }
        match name {
            b"_i" => self.opaque(4),
            b"_j" => self.opaque(8),
            b"_n" => {
                let wide = self.number::<1>()? == 2;
                self.opaque(if wide { 8 } else { 4 })
            }
            _ => None,
        }
    }

    fn shared(&mut self, back: u64) -> Option<Value> {
        let object = self
            .objects
            .len()
            .checked_sub(usize::try_from(back).ok()?)?;
        (object < self.objects.len()).then_some(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Marshal.to_string (let s = "ab" in [ (s, 1); (s, -300) ]) []` of OCaml 4.13.
    const SHARING: &[u8] = b"\x84\x95\xa6\xbe\x00\x00\x00\x0e\x00\x00\x00\x05\x00\x00\x00\x0e\x00\x00\x00\x0e\xa0\xa0\"abA\xa0\xa0\x04\x03\x01\xfe\xd4@";

    #[test]
    fn a_list_with_sharing_is_read_and_every_cut_of_it_is_refused() {
        let tree = Tree::parse(SHARING).expect("whole");
        let items = tree.list(tree.root()).expect("a list");
        let pairs: Vec<_> = items
            .iter()
            .map(|pair| {
                let name = tree.field(*pair, 0).and_then(|name| tree.string(name));
                (
                    name.expect("a string"),
                    tree.field(*pair, 1).expect("a number"),
                )
            })
            .collect();
        assert_eq!(
            pairs,
            [
                ("ab".to_owned(), Value::Int(1)),
                ("ab".to_owned(), Value::Int(-300))
            ]
        );
        for length in 0..SHARING.len() {
            assert!(Tree::parse(&SHARING[..length]).is_none(), "{length}");
        }
    }

    #[test]
    fn wrong_bytes_are_refused_or_read_and_never_a_panic() {
        for position in 20..SHARING.len() {
            for byte in 0..=255 {
                let mut bytes = SHARING.to_vec();
                bytes[position] = byte;
                if let Some(tree) = Tree::parse(&bytes) {
                    let items = tree.list(tree.root()).unwrap_or_default();
                    assert!(items.len() <= bytes.len());
                }
            }
        }
        // A size that no input can hold, and a list that is its own tail.
        let block = [&SHARING[..20], b"\x13\xff\xff\xff\xff\xff\xff\xff\x00"].concat();
        assert!(Tree::parse(&block).is_none());
        let circle = [&SHARING[..20], b"\xa0A\x04\x01"].concat();
        let circle = Tree::parse(&circle).expect("a block that holds itself");
        assert!(circle.list(circle.root()).is_none());
    }
}
