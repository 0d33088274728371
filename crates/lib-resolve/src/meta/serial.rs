//! META as plain data for serde: a tree of packages.

use super::view::{Flavour, Package};
use super::{Error, Meta, lexer, parse};

/// A package with its definitions and subpackages. The main package has an empty name.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Tree {
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    name: Bytes,
    #[serde(default)]
    definitions: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    packages: Vec<Tree>,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Entry {
    variable: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    predicates: Vec<String>,
    flavour: Flavour,
    value: Bytes,
}

/// A byte string: text where it is UTF-8, else a list of numbers.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Raw(Vec<u8>),
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::Text(String::new())
    }
}

impl Bytes {
    fn new(bytes: &[u8]) -> Bytes {
        match std::str::from_utf8(bytes) {
            Ok(text) => Bytes::Text(text.to_owned()),
            Err(_) => Bytes::Raw(bytes.to_vec()),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Bytes::Text(text) => text.as_bytes(),
            Bytes::Raw(bytes) => bytes,
        }
    }

    fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<Meta> for Tree {
    fn from(meta: Meta) -> Tree {
        // Children are built before their parents take them, last package first.
        let mut trees: Vec<Tree> = meta.packages().map(alone).collect();
        for index in (1..trees.len()).rev() {
            if let Some(mut tree) = trees.pop() {
                tree.packages.reverse();
                let parent = meta.packages[index].parent as usize;
                trees[parent].packages.push(tree);
            }
        }
        let mut main = trees.pop().unwrap_or_else(|| alone(meta.main()));
        main.packages.reverse();
        main
    }
}

impl serde::Serialize for Package<'_> {
    /// The package's own definitions.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        alone(*self).definitions.serialize(serializer)
    }
}

fn alone(package: Package<'_>) -> Tree {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let predicate = |predicate: super::Predicate<'_>| {
        format!(
            "{}{}",
            if predicate.negated { "-" } else { "" },
            lossy(predicate.name)
        )
    };
    let definitions = package.definitions().map(|definition| Entry {
        variable: lossy(definition.variable()),
        predicates: definition.predicates().map(predicate).collect(),
        flavour: definition.flavour(),
        value: Bytes::new(definition.value()),
    });
    Tree {
        name: Bytes::new(package.name()),
        definitions: definitions.collect(),
        packages: Vec::new(),
    }
}

/// The error of reading META from plain data.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("`{0}` is not a name that META can write")]
    Name(String),
    #[error("the data is not a META file")]
    Parse(#[source] Error),
}

impl TryFrom<Tree> for Meta {
    type Error = ReadError;

    /// Goes through the printed form, so that the checks and the layout of the spans are the parser's.
    fn try_from(tree: Tree) -> Result<Meta, ReadError> {
        let mut source = Vec::new();
        write_definitions(&mut source, &tree)?;
        // Depth first, without recursion: a level is a package whose later siblings wait below it.
        let mut levels = vec![tree.packages.into_iter()];
        while let Some(level) = levels.last_mut() {
            let Some(child) = level.next() else {
                levels.pop();
                if !levels.is_empty() {
                    source.extend_from_slice(b")\n");
                }
                continue;
            };
            source.extend_from_slice(b"package ");
            super::print::quote(&mut source, child.name.as_bytes());
            source.extend_from_slice(b" (\n");
            write_definitions(&mut source, &child)?;
            levels.push(child.packages.into_iter());
        }
        parse(&source).map_err(ReadError::Parse)
    }
}

fn write_definitions(source: &mut Vec<u8>, tree: &Tree) -> Result<(), ReadError> {
    for entry in &tree.definitions {
        let variable = name(&entry.variable)?;
        let predicates = entry.predicates.iter().map(|text| {
            let (negated, text) = text
                .strip_prefix('-')
                .map_or((false, text.as_str()), |text| (true, text));
            Ok(super::Predicate {
                name: name(text)?,
                negated,
            })
        });
        let predicates: Vec<_> = predicates.collect::<Result<_, ReadError>>()?;
        if variable == b"package" {
            return Err(ReadError::Name(entry.variable.clone()));
        }
        source.extend_from_slice(&super::print::head(variable, predicates));
        source.extend_from_slice(match entry.flavour {
            Flavour::Set => b" = ",
            Flavour::Append => b" += ",
        });
        super::print::quote(source, entry.value.as_bytes());
        source.push(b'\n');
    }
    Ok(())
}

fn name(text: &str) -> Result<&[u8], ReadError> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || !bytes.iter().all(|byte| lexer::is_name_byte(*byte)) {
        return Err(ReadError::Name(text.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use crate::meta::{Meta, parse};

    #[test]
    fn a_meta_file_survives_json() {
        let meta = parse(
            b"v(a,-b) += \"x\\\"\" package \"p\" ( d = \"\xff\" package \"\" () ) package \"q\" ()",
        )
        .expect("right");
        let json = serde_json::to_string(&meta).expect("serializable");
        assert_eq!(
            serde_json::from_str::<Meta>(&json).expect("deserializable"),
            meta,
            "{json}"
        );
    }

    #[test]
    fn data_that_meta_cannot_write_is_refused() {
        for json in [
            r#"{"definitions":[{"variable":"a-b","flavour":"set","value":""}]}"#,
            r#"{"definitions":[{"variable":"package","flavour":"set","value":""}]}"#,
            r#"{"packages":[{"name":"a.b"}]}"#,
        ] {
            assert!(serde_json::from_str::<Meta>(json).is_err(), "{json}");
        }
    }
}
