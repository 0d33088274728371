//! What is said to a compile worker, and what it says (`ocaml/worker.ml`).

use std::io;
use std::time::Duration;

use ocaml_toolchain::invocation::Session;

use crate::compile::Goal;

/// The first bytes that a worker writes.
pub(super) const GREETING: [u8; 4] = *b"DSW3";

/// How many texts a unit is compiled to: its own assembly, and that of the code that makes a plugin of it.
const TEXTS: usize = 2;

/// The bytes of an answer before its messages.
const HEAD: usize = 17;

/// A unit to be compiled, or only to be looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) goal: Goal,
    pub(crate) name: &'a str,
    pub(crate) implementation: &'a [u8],
    /// How many bytes of it, from its start, only declare. They end at the end of a line, and what comes next says where it is.
    pub(crate) declarations: usize,
    pub(crate) interface: Option<&'a [u8]>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The compiler has no objections.
    Compiled,
    /// The compiler does not accept the unit.
    Refused,
    /// The worker is of no more use.
    Failed,
    /// Only a compiler that has just started can say.
    Unsure,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// The size of the worker's heap.
    pub(crate) heap_kib: u32,
    /// Processor time for reading what the unit needs, parsing and typing.
    pub(crate) typing: Duration,
    /// Processor time for generating code.
    pub(crate) generating: Duration,
    /// What a compiler would have printed on standard error.
    pub(crate) messages: Vec<u8>,
    /// The assembly of the unit, and that of its startup code; empty after a check.
    pub(crate) assembly: Vec<String>,
}

impl Request<'_> {
    /// The bytes to send. A text longer than its number can say is none that a compiler would take.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = vec![
            match self.goal {
                Goal::Check => b'C',
                Goal::Load => b'L',
                Goal::LoadHere => b'H',
            },
            if self.interface.is_some() { b'1' } else { b'0' },
        ];
        body.extend_from_slice(&number(self.declarations));
        let interface = self.interface.unwrap_or_default();
        for text in [self.name.as_bytes(), self.implementation, interface] {
            body.extend_from_slice(&length(text));
            body.extend_from_slice(text);
        }
        let mut bytes = length(&body).to_vec();
        bytes.append(&mut body);
        bytes
    }
}

fn length(bytes: &[u8]) -> [u8; 4] {
    number(bytes.len())
}

fn number(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}

/// Receives the answer to a request for `goal`.
pub(super) async fn receive(session: &mut Session, goal: Goal) -> io::Result<Answer> {
    let mut head = [0; HEAD];
    session.read_exact(&mut head).await?;
    let (mut answer, length) = parse_head(&head)?;
    answer.messages = vec![0; length];
    session.read_exact(&mut answer.messages).await?;
    if goal.loads() && answer.outcome == Outcome::Compiled {
        let mut texts = Texts::default();
        let mut buffer = vec![0; 1 << 14];
        while !texts.are_complete() {
            match session.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => texts.push(&buffer[..count]),
            }
        }
        answer.assembly = texts.finish()?;
    }
    Ok(answer)
}

/// An answer without messages and assembly, and the length of the messages.
fn parse_head(head: &[u8; HEAD]) -> io::Result<(Answer, usize)> {
    let number = |index: usize| {
        let bytes = &head[1 + 4 * index..5 + 4 * index];
        bytes
            .iter()
            .fold(0, |number: u32, byte| number << 8 | u32::from(*byte))
    };
    let outcome = match head[0] {
        b'k' => Outcome::Compiled,
        b'r' => Outcome::Refused,
        b'f' => Outcome::Failed,
        b'u' => Outcome::Unsure,
        other => return Err(invalid(format!("an outcome {other}"))),
    };
    let answer = Answer {
        outcome,
        heap_kib: number(0),
        typing: Duration::from_micros(number(1).into()),
        generating: Duration::from_micros(number(2).into()),
        messages: Vec::new(),
        assembly: Vec::new(),
    };
    Ok((answer, number(3) as usize))
}

/// Texts that end with a zero byte each, as they arrive.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let zeros = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0);
        self.ends.extend(zeros.map(|(index, _)| start + index));
    }

    fn are_complete(&self) -> bool {
        self.ends.len() >= TEXTS
    }

    fn finish(self) -> io::Result<Vec<String>> {
        if self.ends.last() != self.bytes.len().checked_sub(1).as_ref() {
            return Err(invalid("bytes after the answer".to_owned()));
        }
        let texts = self.bytes.split(|byte| *byte == 0).take(self.ends.len());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec());
        texts
            .map(|bytes| text(bytes).map_err(|error| invalid(error.to_string())))
            .collect()
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the compile worker sent {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_goal_interface_and_texts_with_their_lengths() {
        let request = Request {
            goal: Goal::Load,
            name: "A",
            implementation: b"let x = 1",
            declarations: 4,
            interface: Some(b""),
        };
        let expected = b"\0\0\0\x1cL1\0\0\0\x04\0\0\0\x01A\0\0\0\x09let x = 1\0\0\0\0";
        assert_eq!(request.encode(), expected);
        let check = Request {
            goal: Goal::Check,
            interface: None,
            ..request
        };
        assert_eq!(&check.encode()[4..6], b"C0");
        let here = Request {
            goal: Goal::LoadHere,
            ..request
        };
        assert_eq!(&here.encode()[4..6], b"H1");
    }

    #[test]
    fn the_head_of_an_answer_tells_outcome_memory_times_and_length() {
        let (answer, length) = parse_head(b"r\0\0\x01\0\0\0\0\x07\0\0\0\x08\0\0\x02\0").unwrap();
        assert_eq!(answer.outcome, Outcome::Refused);
        assert_eq!((answer.heap_kib, length), (256, 512));
        assert_eq!(answer.typing, Duration::from_micros(7));
        assert_eq!(answer.generating, Duration::from_micros(8));
        assert!(parse_head(&[b'?'; HEAD]).is_err());
    }

    #[test]
    fn texts_arrive_in_pieces() {
        let mut texts = Texts::default();
        for piece in [&b"ab"[..], b"c\0d", b"e\0"] {
            assert!(!texts.are_complete());
            texts.push(piece);
        }
        assert!(texts.are_complete());
        assert_eq!(texts.finish().unwrap(), ["abc", "de"]);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for bytes in [&b"a\0b\0c"[..], b"a\0\xff\0"] {
            let mut texts = Texts::default();
            texts.push(bytes);
            assert!(texts.finish().is_err());
        }
    }
}
