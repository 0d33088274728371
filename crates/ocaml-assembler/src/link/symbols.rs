//! Which definition each symbol of each object means.

use rustc_hash::FxHashMap;

use super::Error;
use crate::elf;
use crate::object::{Object, Place, Symbol, Target};

/// A symbol of an object, by indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Definition {
    pub(super) object: u32,
    pub(super) symbol: u32,
}

/// What a symbol means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Meaning {
    /// The definition in one of the objects.
    Defined(Definition),
    /// The beginning of a section.
    Section { object: u32, section: u32 },
    /// The import with this index.
    Import(u32),
}

/// A symbol that the dynamic loader finds.
pub(super) struct Import<'o> {
    pub(super) name: &'o [u8],
    pub(super) binding: u8,
    pub(super) kind: u8,
}

/// The result of symbol resolution.
pub(super) struct Symbols<'o> {
    /// For each object, for each of its symbols; nothing for one that no relocation uses and no
    /// object defines.
    meanings: Vec<Vec<Option<Meaning>>>,
    /// Used and not defined, in the order of first use.
    pub(super) imports: Vec<Import<'o>>,
    /// Defined for others.
    pub(super) exports: Vec<(&'o [u8], Definition)>,
}

impl<'o> Symbols<'o> {
    /// Resolves the symbols of `objects`.
    pub(super) fn resolve(objects: &'o [Object]) -> Result<Symbols<'o>, Error> {
        let definitions = definitions(objects)?;
        let mut imports: Vec<Import<'o>> = Vec::new();
        let mut import_indices: FxHashMap<&[u8], u32> = FxHashMap::default();
        let mut meanings = Vec::with_capacity(objects.len());
        for (index, object) in objects.iter().enumerate() {
            let used = used_symbols(object);
            let mut list = Vec::with_capacity(object.symbols.len());
            for (number, symbol) in object.symbols.iter().enumerate() {
                let own = Definition {
                    object: index as u32,
                    symbol: number as u32,
                };
                if symbol.binding == elf::STB_LOCAL && symbol.place != Place::Undefined {
                    list.push(Some(Meaning::Defined(own)));
                    continue;
                }
                let name = object.name_bytes(symbol);
                if let Some(&definition) = definitions.get(name) {
                    list.push(Some(Meaning::Defined(definition)));
                } else if used[number] {
                    if symbol.visibility != elf::STV_DEFAULT {
                        let symbol = object.symbol_name(symbol).into();
                        return Err(Error::UndefinedSymbol {
                            symbol,
                            object: object.name().into(),
                        });
                    }
                    let import = *import_indices.entry(name).or_insert_with(|| {
                        imports.push(Import {
                            name,
                            binding: symbol.binding,
                            kind: symbol.kind,
                        });
                        imports.len() as u32 - 1
                    });
                    let known = &mut imports[import as usize];
                    // One strong use makes the symbol indispensable.
                    if symbol.binding == elf::STB_GLOBAL {
                        known.binding = elf::STB_GLOBAL;
                    }
                    list.push(Some(Meaning::Import(import)));
                } else {
                    list.push(None);
                }
            }
            meanings.push(list);
        }
        let visible =
            |symbol: &Symbol| matches!(symbol.visibility, elf::STV_DEFAULT | elf::STV_PROTECTED);
        let exports = definitions
            .into_iter()
            .filter(|(_, definition)| {
                visible(&objects[definition.object as usize].symbols[definition.symbol as usize])
            })
            .collect();
        Ok(Symbols {
            meanings,
            imports,
            exports,
        })
    }

    /// What a relocation of the object with this index refers to.
    pub(super) fn meaning(&self, object: usize, target: Target) -> Option<Meaning> {
        match target {
            Target::Section(section) => Some(Meaning::Section {
                object: object as u32,
                section,
            }),
            Target::Symbol(symbol) => self.meanings[object][symbol as usize],
        }
    }
}

/// The symbols that relocations of the object name.
fn used_symbols(object: &Object) -> Vec<bool> {
    let mut used = vec![false; object.symbols.len()];
    for relocation in object
        .sections
        .iter()
        .flat_map(|section| &section.relocations)
    {
        if let Target::Symbol(symbol) = relocation.target {
            used[symbol as usize] = true;
        }
    }
    used
}

/// How much a definition counts against another one of the same name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Weak,
    Common,
    Strong,
}

fn strength(symbol: &Symbol) -> Strength {
    match symbol {
        Symbol {
            binding: elf::STB_WEAK,
            ..
        } => Strength::Weak,
        Symbol {
            place: Place::Common,
            ..
        } => Strength::Common,
        _ => Strength::Strong,
    }
}

/// The definition of each global symbol.
fn definitions(objects: &[Object]) -> Result<FxHashMap<&[u8], Definition>, Error> {
    let count = objects.iter().map(|object| object.symbols.len()).sum();
    let mut definitions: FxHashMap<&[u8], Definition> = FxHashMap::default();
    definitions.reserve(count);
    for (index, object) in objects.iter().enumerate() {
        for (number, symbol) in object.symbols.iter().enumerate() {
            if symbol.binding == elf::STB_LOCAL || symbol.place == Place::Undefined {
                continue;
            }
            let new = Definition {
                object: index as u32,
                symbol: number as u32,
            };
            let name = object.name_bytes(symbol);
            let Some(&known) = definitions.get(name) else {
                definitions.insert(name, new);
                continue;
            };
            let known_object = &objects[known.object as usize];
            let known_symbol = &known_object.symbols[known.symbol as usize];
            let (old, fresh) = (strength(known_symbol), strength(symbol));
            if old == Strength::Strong && fresh == Strength::Strong {
                let symbol = object.symbol_name(symbol).into();
                let (first, second) = (known_object.name().into(), object.name().into());
                return Err(Error::DuplicateSymbol {
                    symbol,
                    first,
                    second,
                });
            }
            let greater = old == Strength::Common
                && fresh == Strength::Common
                && symbol.size > known_symbol.size;
            if fresh > old || greater {
                definitions.insert(name, new);
            }
        }
    }
    Ok(definitions)
}
