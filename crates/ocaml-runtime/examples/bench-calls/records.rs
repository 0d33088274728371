//! The values that the bench sends.

use ocaml_runtime::OcamlValue;

#[derive(Debug, Clone, PartialEq, OcamlValue)]
pub(crate) enum Kind {
    Plain,
    Coded(i64),
    Named(String, f64),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
pub(crate) struct Record {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) score: f64,
    pub(crate) kind: Kind,
    pub(crate) tag: Option<String>,
}

pub(crate) fn sample(count: i64) -> Vec<Record> {
    let record = |id: i64| Record {
        id,
        name: format!("record number {id}"),
        score: id as f64 * 0.5,
        kind: match id % 3 {
            0 => Kind::Plain,
            1 => Kind::Coded(id),
            _ => Kind::Named(format!("k{id}"), id as f64),
        },
        tag: (id % 2 == 1).then(|| format!("t{id}")),
    };
    (0..count).map(record).collect()
}
