//! A parsed META file as fields of a cache file: reading them costs a fraction of parsing.

use super::{DefinitionNode, Meta, PackageNode, PredicateNode, Span};
use crate::cache::{Reader, Writer};

impl Meta {
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.text(&self.text);
        writer.short(self.source_length);
        writer.short(self.packages.len() as u32);
        for node in &self.packages {
            write_span(writer, node.name);
            writer.short(node.parent);
            write_span(writer, node.definitions);
            writer.short(node.offset);
        }
        writer.short(self.definitions.len() as u32);
        for node in &self.definitions {
            writer.short(node.package);
            write_span(writer, node.variable);
            write_span(writer, node.value);
            write_span(writer, node.predicates);
            writer.flag(node.appends);
        }
        writer.short(self.predicates.len() as u32);
        for node in &self.predicates {
            write_span(writer, node.name);
            writer.flag(node.negated);
        }
    }

    /// `None` for fields that no [`Meta`] has: nothing that is read panics later.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Meta> {
        let text = reader.text()?.to_vec();
        let length = u32::try_from(text.len()).ok()?;
        let source_length = reader.short().filter(|source| *source <= length)?;
        let packages = list(reader, |reader| {
            Some(PackageNode {
                name: read_span(reader, length)?,
                parent: reader.short()?,
                definitions: read_span(reader, u32::MAX)?,
                offset: reader.short().filter(|offset| *offset <= length)?,
            })
        })?;
        let definitions = list(reader, |reader| {
            Some(DefinitionNode {
                package: reader.short()?,
                variable: read_span(reader, length)?,
                value: read_span(reader, length)?,
                predicates: read_span(reader, u32::MAX)?,
                appends: reader.flag()?,
            })
        })?;
        let predicates = list(reader, |reader| {
            Some(PredicateNode {
                name: read_span(reader, length)?,
                negated: reader.flag()?,
            })
        })?;
        let main = packages.first()?;
        let has_parent = |(index, node): (usize, &PackageNode)| (node.parent as usize) < index;
        let within = |span: Span, length: usize| span.end as usize <= length;
        let sound = main.parent == 0
            && packages.iter().enumerate().skip(1).all(has_parent)
            && packages
                .iter()
                .all(|node| within(node.definitions, definitions.len()))
            && definitions
                .iter()
                .all(|node| within(node.predicates, predicates.len()));
        sound.then_some(Meta {
            text,
            source_length,
            packages,
            definitions,
            predicates,
        })
    }
}

fn list<T>(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = reader.short()? as usize;
    // Every item takes more than one byte, so that a wrong count asks for no memory.
    let mut items = Vec::with_capacity(count.min(reader.remaining()));
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Some(items)
}

fn write_span(writer: &mut Writer, span: Span) {
    writer.short(span.start);
    writer.short(span.end);
}

/// A range that ends at `length` or before.
fn read_span(reader: &mut Reader<'_>, length: u32) -> Option<Span> {
    let (start, end) = (reader.short()?, reader.short()?);
    (start <= end && end <= length).then_some(Span { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::parse;

    const SOURCE: &[u8] = br#"
        version = "1\"2" requires(mt,-byte) = "a" requires += "b"
        package "x" ( archive(byte) = "x.cma" package "y" ( ) )
    "#;

    fn stored() -> Vec<u8> {
        let mut writer = Writer::default();
        parse(SOURCE)
            .expect("the source is right")
            .write(&mut writer);
        writer.into_bytes()
    }

    #[test]
    fn what_is_written_comes_back() {
        let stored = stored();
        let mut reader = Reader::new(&stored);
        let meta = Meta::read(&mut reader).expect("nothing is damaged");
        assert!(reader.is_at_end());
        assert_eq!(meta, parse(SOURCE).expect("the source is right"));
        assert_eq!(meta.source(), SOURCE);
        assert_eq!(meta.to_bytes(), parse(SOURCE).expect("right").to_bytes());
    }

    #[test]
    fn damaged_fields_are_refused_or_give_a_file_that_can_be_used() {
        let whole = stored();
        for end in 0..whole.len() {
            assert!(Meta::read(&mut Reader::new(&whole[..end])).is_none());
        }
        for position in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff, whole[position] ^ 1] {
                let mut damaged = whole.clone();
                damaged[position] = value;
                if let Some(meta) = Meta::read(&mut Reader::new(&damaged)) {
                    for package in meta.packages() {
                        let _ = (
                            package.name(),
                            package.parent().is_some(),
                            package.children().count(),
                        );
                        let _ = (package.position(), format!("{package:?}"));
                    }
                    let _ = (meta.source(), meta.to_bytes());
                }
            }
        }
    }
}
