//! Branch relaxation: every branch gets the shortest form that reaches its target.

use crate::section::{Item, Jump, SectionBuilder};
use crate::symbol::{SymbolId, SymbolTable};

/// A long branch that only the linker can resolve.
pub(crate) struct ExternalJump {
    /// The final offset of the four bytes of distance.
    pub(crate) offset: u32,
    pub(crate) target: SymbolId,
    pub(crate) source: u32,
}

/// Gives `section`, the one with this index, its final bytes. Returns the branches that leave it.
///
/// Where padding lies between a branch and its target, more than one choice of lengths is
/// consistent. To arrive at that of GNU as, this takes the same steps: all branches begin short,
/// and each pass moves through the section with what earlier items of the same pass have added
/// (`relax_segment` and `relax_frag` in binutils' `gas/write.c`). Branches only grow, so it ends.
pub(crate) fn relax(
    section: &mut SectionBuilder<'_>,
    index: u32,
    symbols: &SymbolTable<'_>,
) -> Vec<ExternalJump> {
    if section.items.is_empty() {
        return Vec::new();
    }
    for item in &mut section.items {
        if let Item::Jump(jump) = item {
            jump.long = !is_near(jump, index, symbols);
        }
    }
    let regions = measure(section);
    while pass(section, &regions, symbols) {}
    rebuild(section, index, symbols)
}

/// Whether the target is in the same section, and no other object can take its place.
fn is_near(jump: &Jump, index: u32, symbols: &SymbolTable<'_>) -> bool {
    symbols.position(jump.target).section == index
        && !(jump.replaceable && symbols.is_global(jump.target))
}

/// Computes how far each item is pushed by those before it, and how many paddings precede each.
fn measure(section: &mut SectionBuilder<'_>) -> Vec<u32> {
    let SectionBuilder { items, growth, .. } = section;
    let mut regions = Vec::with_capacity(items.len() + 1);
    growth.clear();
    growth.reserve(items.len() + 1);
    let (mut total, mut region) = (0u32, 0u32);
    for item in items.iter() {
        growth.push(total);
        regions.push(region);
        match item {
            Item::Jump(jump) => total += jump.growth(),
            Item::Align { offset, alignment } => {
                total += padding(offset + total, *alignment);
                region += 1;
            }
        }
    }
    growth.push(total);
    regions.push(region);
    regions
}

/// How many bytes are missing from `offset` to the next multiple of `alignment`.
fn padding(offset: u32, alignment: u32) -> u32 {
    offset.wrapping_neg() & (alignment - 1)
}

/// Moves every item by what those before it have grown, and makes long the branches that do not
/// reach their targets. Says whether anything changed.
fn pass(section: &mut SectionBuilder<'_>, regions: &[u32], symbols: &SymbolTable<'_>) -> bool {
    let SectionBuilder { items, growth, .. } = section;
    let (mut stretch, mut changed) = (0i64, false);
    for (number, item) in items.iter_mut().enumerate() {
        let before = growth[number];
        growth[number] = before.wrapping_add_signed(stretch as i32);
        let change = match item {
            Item::Align { offset, alignment } => {
                let old = padding(*offset + before, *alignment);
                let new = padding(*offset + growth[number], *alignment);
                i64::from(new) - i64::from(old)
            }
            Item::Jump(jump) => {
                if jump.long {
                    continue;
                }
                // The end of the opcode's first byte, from which GNU as measures.
                let place = i64::from(jump.offset + growth[number]) + 1;
                let position = symbols.position(jump.target);
                let mut target = i64::from(position.offset + growth[position.item as usize]);
                let ahead = position.item as usize > number;
                if ahead && stretch != 0 {
                    // What has not been reached in this pass probably moves as this item did,
                    // unless padding takes the movement up.
                    if stretch < 0 || regions[position.item as usize] == regions[number] {
                        target += stretch;
                    } else if target < place {
                        // A branch forwards must not seem to be one backwards.
                        continue;
                    }
                }
                if i8::try_from(target - place - 1).is_ok() {
                    continue;
                }
                jump.long = true;
                i64::from(jump.growth())
            }
        };
        stretch += change;
        changed |= change != 0;
    }
    if let Some(end) = growth.last_mut() {
        *end = end.wrapping_add_signed(stretch as i32);
    }
    changed
}

/// Writes the bytes with branches and padding in place.
fn rebuild(
    section: &mut SectionBuilder<'_>,
    index: u32,
    symbols: &SymbolTable<'_>,
) -> Vec<ExternalJump> {
    let is_code = section.is_code();
    let old = std::mem::take(&mut section.data);
    let growth = &section.growth;
    let added = growth.last().copied().unwrap_or(0) as usize;
    let mut new = Vec::with_capacity(old.len() + added);
    let mut external = Vec::new();
    let mut copied = 0;
    for (number, item) in section.items.iter().enumerate() {
        match item {
            Item::Align { offset, .. } => {
                new.extend_from_slice(&old[copied..*offset as usize]);
                copied = *offset as usize;
                let padding = (growth[number + 1] - growth[number]) as usize;
                if is_code {
                    pad_with_nops(&mut new, padding);
                } else {
                    new.resize(new.len() + padding, 0);
                }
            }
            Item::Jump(jump) => {
                new.extend_from_slice(&old[copied..jump.offset as usize]);
                copied = jump.offset as usize + 2;
                match (jump.long, jump.condition) {
                    (false, Jump::ALWAYS) => new.push(0xeb),
                    (false, condition) => new.push(0x70 | condition),
                    (true, Jump::ALWAYS) => new.push(0xe9),
                    (true, condition) => new.extend_from_slice(&[0x0f, 0x80 | condition]),
                }
                if !is_near(jump, index, symbols) {
                    let offset = new.len() as u32;
                    external.push(ExternalJump {
                        offset,
                        target: jump.target,
                        source: jump.source,
                    });
                    new.extend_from_slice(&[0; 4]);
                    continue;
                }
                let position = symbols.position(jump.target);
                let target = (position.offset + growth[position.item as usize]) as usize;
                let width = if jump.long { 4 } else { 1 };
                let distance = (target as i64 - (new.len() + width) as i64).to_le_bytes();
                new.extend_from_slice(&distance[..width]);
            }
        }
    }
    new.extend_from_slice(&old[copied..]);
    section.data = new;
    external
}

/// Appends instructions that do nothing, the ones that GNU as uses for generic 64-bit processors:
/// as few as possible, none longer than eleven bytes.
///
/// Source: Intel SDM volume 2, NOP, "Recommended Multi-Byte Sequence of NOP Instruction"; the two
/// longest have more operand-size prefixes.
fn pad_with_nops(data: &mut Vec<u8>, mut length: usize) {
    const NOPS: [&[u8]; 11] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0],
        &[0x0f, 0x1f, 0x44, 0, 0],
        &[0x66, 0x0f, 0x1f, 0x44, 0, 0],
        &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
        &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
    ];
    while length > 0 {
        let step = length.min(NOPS.len());
        data.extend_from_slice(NOPS[step - 1]);
        length -= step;
    }
}
