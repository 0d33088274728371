//! Operands of instructions: every kind that a form of instructions takes.

use std::fmt::{self, Display, Formatter};

use proptest::prelude::*;
use proptest::sample::select;

use crate::instruction::mnemonic::Form;
use crate::register::Width;

const QUAD: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// An operand as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Written {
    /// A register's name, of whatever kind.
    Register(String),
    Number(i64),
    Memory {
        base: Option<&'static str>,
        index: Option<&'static str>,
        scale: u32,
        displacement: i32,
    },
    /// A place that the linker knows, from the instruction pointer.
    Relative,
    /// A label so many bytes after the instruction's end, or before its beginning.
    Label(i32),
    /// The target of a call or jump, in a register or in memory.
    Star(Box<Written>),
}

impl Display for Written {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Written::Register(name) => match name.strip_prefix("st") {
                Some(number) => write!(f, "%st({number})"),
                None => write!(f, "%{name}"),
            },
            Written::Number(number) => write!(f, "${number}"),
            Written::Memory {
                base,
                index,
                scale,
                displacement,
            } => {
                if *displacement != 0 || (base, index) == (&None, &None) {
                    write!(f, "{displacement}")?;
                }
                match (base, index) {
                    (None, None) => Ok(()),
                    (Some(base), None) => write!(f, "(%{base})"),
                    (Some(base), Some(index)) => write!(f, "(%{base},%{index},{scale})"),
                    (None, Some(index)) => write!(f, "(,%{index},{scale})"),
                }
            }
            Written::Relative => write!(f, "place(%rip)"),
            Written::Label(_) => write!(f, ".L1"),
            Written::Star(target) => write!(f, "*{target}"),
        }
    }
}

/// The name of a register of this number and width, as x86_proc.ml spells it; from 16 on those of the high bytes.
pub(super) fn integer_name(number: usize, width: Width) -> String {
    if let Some(high) = number.checked_sub(QUAD.len()) {
        return ["ah", "ch", "dh", "bh"][high].to_owned();
    }
    let name = QUAD[number];
    let stem = &name[1..];
    match (number, width) {
        (_, Width::Quad) => name.to_owned(),
        (8.., Width::Double) => format!("{name}d"),
        (8.., Width::Word) => format!("{name}w"),
        (8.., Width::Byte) => format!("{name}b"),
        (_, Width::Double) => format!("e{stem}"),
        (_, Width::Word) => stem.to_owned(),
        (..4, Width::Byte) => format!("{}l", &stem[..1]),
        (_, Width::Byte) => format!("{stem}l"),
    }
}

fn integer(width: Width) -> BoxedStrategy<Written> {
    let count: usize = if width == Width::Byte { 20 } else { 16 };
    (0..count)
        .prop_map(move |number| Written::Register(integer_name(number, width)))
        .boxed()
}

fn vector() -> BoxedStrategy<Written> {
    (0..16)
        .prop_map(|number| Written::Register(format!("xmm{number}")))
        .boxed()
}

fn stack() -> BoxedStrategy<Written> {
    (0..8)
        .prop_map(|number| Written::Register(format!("st{number}")))
        .boxed()
}

fn memory() -> BoxedStrategy<Written> {
    let displacement = prop_oneof![Just(0), -130..130i32, any::<i32>()];
    let base = prop::option::weighted(0.8, select(&QUAD[..]));
    let index =
        select(&QUAD[..]).prop_filter("the stack pointer is no index", |&name| name != "rsp");
    let index = prop::option::of((index, select(vec![1, 2, 4, 8])));
    let registers =
        (displacement, base, index).prop_map(|(displacement, base, index)| Written::Memory {
            base,
            index: index.map(|(name, _)| name),
            scale: index.map_or(1, |(_, scale)| scale),
            displacement,
        });
    prop_oneof![9 => registers, 1 => Just(Written::Relative)].boxed()
}

fn label() -> BoxedStrategy<Written> {
    prop_oneof![-140..140i32, -70_000..70_000i32]
        .prop_map(Written::Label)
        .boxed()
}

/// Numbers of at most so many bits, signed or, below 64 bits, unsigned.
fn number(width: Width) -> BoxedStrategy<Written> {
    let any = match width {
        Width::Byte => (-0x80..0x100i64).boxed(),
        Width::Word => (-0x8000..0x1_0000i64).boxed(),
        Width::Double => (-0x8000_0000..0x1_0000_0000i64).boxed(),
        Width::Quad => (-0x8000_0000..0x8000_0000i64).boxed(),
    };
    prop_oneof![-0x80..0x80i64, any]
        .prop_map(Written::Number)
        .boxed()
}

/// One or the other.
fn either(first: BoxedStrategy<Written>, second: BoxedStrategy<Written>) -> BoxedStrategy<Written> {
    prop_oneof![first, second].boxed()
}

const ALL: &[Width] = &[Width::Byte, Width::Word, Width::Double, Width::Quad];
const ALL_BUT_BYTES: &[Width] = &[Width::Word, Width::Double, Width::Quad];
const LONG: &[Width] = &[Width::Double, Width::Quad];

/// Operands of the width that the suffix says, or of one of `widths`, which a register tells then: `operands` is given the
/// width, and what may stand where no register needs to.
fn sized<const N: usize>(
    suffix: Option<Width>,
    widths: &'static [Width],
    operands: impl Fn(Width, BoxedStrategy<Written>) -> Vec<[BoxedStrategy<Written>; N]> + 'static,
) -> BoxedStrategy<Vec<Written>> {
    let width = suffix.map_or_else(|| select(widths).boxed(), |width| Just(width).boxed());
    width
        .prop_flat_map(move |width| {
            let place = match suffix {
                Some(_) => either(integer(width), memory()),
                None => integer(width),
            };
            let alternatives = operands(width, place);
            (0..alternatives.len()).prop_flat_map(move |chosen| alternatives[chosen].to_vec())
        })
        .boxed()
}

fn of<const N: usize>(operands: [BoxedStrategy<Written>; N]) -> BoxedStrategy<Vec<Written>> {
    operands.to_vec().boxed()
}

/// The operands that instructions of this form take.
pub(super) fn operands(form: Form) -> BoxedStrategy<Vec<Written>> {
    use Width::{Byte, Double, Quad, Word};
    match form {
        Form::Fixed(_) => of([]),
        Form::Arithmetic(_, suffix) | Form::Test(suffix) => sized(suffix, ALL, |width, place| {
            vec![
                [integer(width), either(integer(width), memory())],
                [memory(), integer(width)],
                [number(width), place],
            ]
        }),
        Form::Move(Some(Quad)) => {
            let bits = [
                of([either(integer(Quad), memory()), vector()]),
                of([vector(), either(integer(Quad), memory())]),
                of([vector(), vector()]),
            ];
            prop_oneof![
                operands(Form::Arithmetic(0, Some(Quad))),
                select(bits.to_vec()).prop_flat_map(|bits| bits)
            ]
            .boxed()
        }
        Form::Move(suffix) => operands(Form::Arithmetic(0, suffix)),
        Form::Unary(_, _, suffix) => sized(suffix, ALL, |_, place| vec![[place]]),
        Form::Shift(_, suffix) => sized(suffix, ALL, |_, place| {
            let count = (0..256i64).prop_map(Written::Number).boxed();
            let one = Just(Written::Number(1)).boxed();
            let register = Just(Written::Register("cl".to_owned())).boxed();
            vec![
                [count, place.clone()],
                [one, place.clone()],
                [register, place],
            ]
        }),
        Form::Multiply(suffix @ (None | Some(Byte))) => {
            sized(suffix, ALL, |_, place| vec![[place]])
        }
        Form::Multiply(suffix) => {
            let one = sized(suffix, ALL_BUT_BYTES, |_, place| vec![[place]]);
            let two = sized(suffix, ALL_BUT_BYTES, |width, _| {
                vec![
                    [either(integer(width), memory()), integer(width)],
                    [number(width), integer(width)],
                ]
            });
            prop_oneof![one, two].boxed()
        }
        Form::MoveAbsolute => {
            let number = any::<i64>().prop_map(Written::Number).boxed();
            of([number, integer(Quad)])
        }
        Form::LoadAddress(suffix) => sized(suffix, ALL_BUT_BYTES, |width, _| {
            vec![[memory(), integer(width)]]
        }),
        Form::Push(Some(Word)) | Form::Pop(Some(Word)) => of([either(integer(Word), memory())]),
        Form::Pop(_) => of([either(integer(Quad), memory())]),
        Form::Push(_) => of([either(number(Quad), either(integer(Quad), memory()))]),
        Form::Extend(_, from, to) => of([either(integer(from), memory()), integer(to)]),
        Form::ByteSwap => sized(None, LONG, |width, _| vec![[integer(width)]]),
        // Twice the same register may be `nop`, which it says otherwise.
        Form::Exchange => sized(None, ALL, |width, _| {
            vec![
                [integer(width), either(integer(width), memory())],
                [memory(), integer(width)],
            ]
        })
        .prop_filter("different operands", |operands| operands[0] != operands[1])
        .boxed(),
        Form::SetCondition(_) => of([either(integer(Byte), memory())]),
        Form::MoveCondition(_) => sized(None, ALL_BUT_BYTES, |width, _| {
            vec![[either(integer(width), memory()), integer(width)]]
        }),
        Form::JumpCondition(_) => of([label()]),
        Form::Jump | Form::Call => {
            let target = either(integer(Quad), memory());
            let star = target.prop_map(|target| Written::Star(Box::new(target)));
            of([either(label(), star.boxed())])
        }
        Form::Vector(..) | Form::Compare(_) | Form::Round(Some(_)) => {
            of([either(vector(), memory()), vector()])
        }
        Form::Round(None) => {
            let mode = (0..4i64).prop_map(Written::Number).boxed();
            of([mode, either(vector(), memory()), vector()])
        }
        Form::VectorMove(..) => prop_oneof![
            of([either(vector(), memory()), vector()]),
            of([vector(), memory()])
        ]
        .boxed(),
        Form::VectorHalf => prop_oneof![of([memory(), vector()]), of([vector(), memory()])].boxed(),
        Form::VectorBits => {
            let place = || either(memory(), either(integer(Double), integer(Quad)));
            prop_oneof![of([place(), vector()]), of([vector(), place()])].boxed()
        }
        Form::FromInteger(suffix) => sized(suffix, LONG, |_, place| vec![[place, vector()]]),
        Form::ToInteger(_, suffix) => sized(suffix, LONG, |width, _| {
            vec![[either(vector(), memory()), integer(width)]]
        }),
        Form::StackMemory(..) => of([memory()]),
        Form::StackPop(_) => of([Just(Written::Register("st0".to_owned())).boxed(), stack()]),
        Form::StackMove(..) => of([either(stack(), memory())]),
        Form::StackExchange => of([stack()]),
        Form::StoreStatus => of([either(
            Just(Written::Register("ax".to_owned())).boxed(),
            memory(),
        )]),
    }
}
