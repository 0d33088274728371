//! The encoder against an independent disassembler: what iced-x86 reads in our bytes, assembled
//! again, gives the same bytes, and the operands that it sees are those that were written.

use iced_x86::{
    Decoder, DecoderOptions, Formatter, GasFormatter, Instruction, Mnemonic, OpKind, Register,
};
use ocaml_assembler::assemble;
use proptest::prelude::*;

const REGISTERS_64: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// The name of the register of this number and width, as x86_proc.ml spells it.
fn register(number: usize, width: char) -> String {
    let name = REGISTERS_64[number];
    let stem = &name[1..];
    match (number, width) {
        (_, 'q') => format!("%{name}"),
        (8.., 'l') => format!("%{name}d"),
        (8.., width) => format!("%{name}{width}"),
        (_, 'l') => format!("%e{stem}"),
        (_, 'w') => format!("%{stem}"),
        (0..4, _) => format!("%{}l", &stem[..1]),
        _ => format!("%{stem}l"),
    }
}

fn memory() -> impl Strategy<Value = String> {
    let displacement = prop_oneof![Just(0), -128..128i32, any::<i32>()];
    let show = |displacement: i32| {
        if displacement == 0 {
            String::new()
        } else {
            displacement.to_string()
        }
    };
    let index = (0..16usize).prop_filter("the stack pointer is no index", |&number| number != 4);
    prop_oneof![
        (displacement.clone(), 0..16usize).prop_map(move |(displacement, base)| {
            format!("{}(%{})", show(displacement), REGISTERS_64[base])
        }),
        (
            displacement.clone(),
            0..16usize,
            index,
            prop::sample::select(vec![1, 2, 4, 8])
        )
            .prop_map(move |(displacement, base, index, scale)| {
                format!(
                    "{}(%{},%{},{scale})",
                    show(displacement),
                    REGISTERS_64[base],
                    REGISTERS_64[index]
                )
            }),
        (
            displacement,
            5..16usize,
            prop::sample::select(vec![2, 4, 8])
        )
            .prop_map(move |(displacement, index, scale)| {
                format!("{}(,%{},{scale})", show(displacement), REGISTERS_64[index])
            }),
        (0..i32::MAX).prop_map(|address| address.to_string()),
    ]
}

fn integer_instruction() -> impl Strategy<Value = String> {
    let operation =
        prop::sample::select(vec!["add", "or", "and", "sub", "xor", "cmp", "mov", "test"]);
    let unary = prop::sample::select(vec!["inc", "dec", "neg", "idiv", "imul"]);
    let shift = prop::sample::select(vec!["sal", "sar", "shr"]);
    let condition = prop::sample::select(vec![
        "e", "ne", "b", "ae", "be", "a", "l", "ge", "le", "g", "s", "ns", "p", "np", "o", "no",
    ]);
    let width = prop::sample::select(vec!['q', 'l', 'w', 'b']);
    let number = 0..16usize;
    prop_oneof![
        (
            operation.clone(),
            width.clone(),
            number.clone(),
            number.clone()
        )
            .prop_map(|(name, width, a, b)| format!(
                "{name}{width}\t{}, {}",
                register(a, width),
                register(b, width)
            )),
        (operation.clone(), width.clone(), memory(), number.clone())
            .prop_map(|(name, width, a, b)| format!("{name}{width}\t{a}, {}", register(b, width))),
        (operation.clone(), width.clone(), number.clone(), memory())
            .prop_map(|(name, width, a, b)| format!("{name}{width}\t{}, {b}", register(a, width))),
        (operation.clone(), width.clone(), any::<i8>(), memory())
            .prop_map(|(name, width, value, b)| format!("{name}{width}\t${value}, {b}")),
        (operation, any::<i32>(), number.clone())
            .prop_map(|(name, value, b)| format!("{name}q\t${value}, {}", register(b, 'q'))),
        (unary, width.clone(), memory())
            .prop_map(|(name, width, place)| format!("{name}{width}\t{place}")),
        (shift.clone(), width, 0..64u8, memory())
            .prop_map(|(name, width, count, place)| format!("{name}{width}\t${count}, {place}")),
        (shift, number.clone())
            .prop_map(|(name, place)| format!("{name}q\t%cl, {}", register(place, 'q'))),
        (condition.clone(), number.clone(), number.clone()).prop_map(|(name, a, b)| format!(
            "cmov{name}\t{}, {}",
            register(a, 'q'),
            register(b, 'q')
        )),
        (condition, number.clone())
            .prop_map(|(name, place)| format!("set{name}\t{}", register(place, 'b'))),
        (any::<i64>(), number.clone())
            .prop_map(|(value, place)| format!("movabsq\t${value}, {}", register(place, 'q'))),
        (
            prop::sample::select(vec!["movzbq", "movsbq", "movzwq", "movswq", "movslq"]),
            memory(),
            number.clone()
        )
            .prop_map(|(name, a, b)| format!("{name}\t{a}, {}", register(b, 'q'))),
        (memory(), number.clone()).prop_map(|(a, b)| format!("leaq\t{a}, {}", register(b, 'q'))),
        (any::<i32>(), number.clone())
            .prop_map(|(value, b)| format!("imulq\t${value}, {}", register(b, 'q'))),
        (prop::sample::select(vec!["push", "pop"]), number)
            .prop_map(|(name, a)| format!("{name}q\t{}", register(a, 'q'))),
    ]
}

fn vector_instruction() -> impl Strategy<Value = String> {
    let operation = prop::sample::select(vec![
        "addsd",
        "subsd",
        "mulsd",
        "divsd",
        "sqrtsd",
        "comisd",
        "ucomisd",
        "andpd",
        "xorpd",
        "cvtsd2ss",
        "cvtss2sd",
        "movsd",
        "movss",
        "movapd",
        "cmpeqsd",
        "cmpltsd",
        "cmplesd",
        "cmpunordsd",
        "cmpneqsd",
        "cmpnltsd",
        "cmpnlesd",
        "cmpordsd",
    ]);
    let number = 0..16usize;
    prop_oneof![
        (operation.clone(), number.clone(), number.clone())
            .prop_map(|(name, a, b)| format!("{name}\t%xmm{a}, %xmm{b}")),
        (operation, memory(), number.clone())
            .prop_map(|(name, a, b)| format!("{name}\t{a}, %xmm{b}")),
        (
            prop::sample::select(vec!["movsd", "movss", "movapd", "movlpd"]),
            number.clone(),
            memory()
        )
            .prop_map(|(name, a, b)| format!("{name}\t%xmm{a}, {b}")),
        (number.clone(), number.clone())
            .prop_map(|(a, b)| format!("cvtsi2sdq\t{}, %xmm{b}", register(a, 'q'))),
        (number.clone(), number.clone())
            .prop_map(|(a, b)| format!("cvttsd2siq\t%xmm{a}, {}", register(b, 'q'))),
        (number.clone(), number.clone())
            .prop_map(|(a, b)| format!("movd\t%xmm{a}, {}", register(b, 'q'))),
        (0..4u8, number.clone(), number)
            .prop_map(|(mode, a, b)| format!("roundsd\t${mode}, %xmm{a}, %xmm{b}")),
    ]
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::with_ip(64, bytes, 0, DecoderOptions::NONE).decode()
}

/// The instruction in the words of iced-x86, adapted to those of x86_gas.ml.
fn describe(instruction: &Instruction) -> String {
    let mut formatter = GasFormatter::new();
    let options = formatter.options_mut();
    options.set_gas_show_mnemonic_size_suffix(true);
    options.set_space_after_operand_separator(true);
    let mut text = String::new();
    formatter.format(instruction, &mut text);
    let (mnemonic, operands) = text.split_once(' ').unwrap_or((&text, ""));
    let mnemonic = match mnemonic {
        "movabs" => "movabsq".to_owned(),
        name if instruction.mnemonic() == Mnemonic::Shl => name.replacen("shl", "sal", 1),
        // The instructions with a condition have no suffix in x86_gas.ml.
        name if name.starts_with("cmov") => name.strip_suffix('q').unwrap_or(name).to_owned(),
        name if name.starts_with("set") => name.strip_suffix('b').unwrap_or(name).to_owned(),
        name => name.to_owned(),
    };
    format!("\t{mnemonic}\t{}\n", operands.trim())
}

/// The registers that are written down in `line`, in order.
fn written_registers(line: &str) -> Vec<String> {
    line.split('%')
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect()
        })
        .collect()
}

/// The registers that iced-x86 sees, in AT&T order.
fn decoded_registers(instruction: &Instruction) -> Vec<String> {
    let mut registers = Vec::new();
    for index in (0..instruction.op_count()).rev() {
        match instruction.op_kind(index) {
            OpKind::Register => registers.push(instruction.op_register(index)),
            OpKind::Memory => {
                registers.extend([instruction.memory_base(), instruction.memory_index()])
            }
            _ => {}
        }
    }
    registers.retain(|&register| register != Register::None);
    registers
        .iter()
        .map(|register| format!("{register:?}").to_lowercase().replace("r8l", "r8b"))
        .map(byte_name)
        .collect()
}

/// iced-x86 calls the low bytes of the new registers `r8l`, and so on; x86_proc.ml `r8b`.
fn byte_name(name: String) -> String {
    match name.strip_suffix('l') {
        Some(stem) if stem.starts_with('r') && stem[1..].parse::<u8>().is_ok() => {
            format!("{stem}b")
        }
        _ => name,
    }
}

fn check(line: &str) -> Result<(), TestCaseError> {
    let object = assemble(&format!("\t{line}\n"))
        .map_err(|error| TestCaseError::fail(format!("{line}: {error}")))?;
    let bytes = object.section(".text").unwrap_or_default();
    let instruction = decode(bytes);
    prop_assert!(!instruction.is_invalid(), "{line}: {bytes:02x?}");
    prop_assert_eq!(instruction.len(), bytes.len(), "{}: {:02x?}", line, bytes);
    let again = describe(&instruction);
    let second = assemble(&again)
        .map_err(|error| TestCaseError::fail(format!("{line} became {again}: {error}")))?;
    prop_assert_eq!(
        second.section(".text").unwrap_or_default(),
        bytes,
        "{} became {}",
        line,
        again
    );
    let (mut written, mut decoded) = (written_registers(line), decoded_registers(&instruction));
    if instruction.mnemonic() == Mnemonic::Imul || instruction.mnemonic() == Mnemonic::Test {
        // The two-operand multiplication by a constant has three; `test` has no order.
        written.sort();
        decoded.sort();
        written.dedup();
        decoded.dedup();
    }
    prop_assert_eq!(written, decoded, "{} became {}", line, again);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn integer_instructions_mean_what_is_written(line in integer_instruction()) {
        check(&line)?;
    }

    #[test]
    fn vector_instructions_mean_what_is_written(line in vector_instruction()) {
        check(&line)?;
    }
}

#[test]
fn the_compilers_own_spelling_of_rounding_is_that_of_the_immediate() {
    for (mode, name) in ["near", "down", "up", "trunc"].iter().enumerate() {
        let own = assemble(&format!("\troundsd.{name}\t%xmm1, %xmm9\n")).expect("an instruction");
        let plain =
            assemble(&format!("\troundsd\t${mode}, %xmm1, %xmm9\n")).expect("an instruction");
        assert_eq!(own.section(".text"), plain.section(".text"));
        let instruction = decode(own.section(".text").expect("code"));
        assert_eq!(
            (instruction.mnemonic(), instruction.immediate8() as usize),
            (Mnemonic::Roundsd, mode)
        );
    }
}
