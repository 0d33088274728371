//! Commands as lines for a POSIX shell.

use super::Invocation;
use std::ffi::OsStr;

pub(super) fn command_line(invocation: &Invocation) -> String {
    let mut words = Vec::new();
    // A shell by itself can neither remove a variable nor assign to one with an odd name.
    if invocation
        .get_envs()
        .any(|(name, value)| value.is_none() || !is_identifier(name))
        || invocation.clears_env()
    {
        words.push("env".to_owned());
    }
    if invocation.clears_env() {
        words.push("-i".to_owned());
    }
    for (name, _) in invocation.get_envs().filter(|(_, value)| value.is_none()) {
        words.extend(["-u".to_owned(), word(name)]);
    }
    for (name, value) in invocation.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", word(name), word_or_empty(value)));
        }
    }
    words.push(match invocation.program().to_str() {
        // Unquoted, `a=b` would be an assignment.
        Some(text) if text.contains('=') => single_quoted(text),
        _ => word(invocation.program().as_os_str()),
    });
    words.extend(invocation.get_args().map(word));
    let line = words.join(" ");
    match invocation.get_current_dir() {
        Some(dir) => format!("(cd {} && {line})", word(dir.as_os_str())),
        None => line,
    }
}

fn is_identifier(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    !bytes.first().is_none_or(u8::is_ascii_digit)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn word(text: &OsStr) -> String {
    if text.is_empty() {
        "''".to_owned()
    } else {
        word_or_empty(text)
    }
}

fn word_or_empty(text: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+=,./:@%".contains(byte);
    match text.to_str() {
        Some(text) if text.bytes().all(|byte| plain(&byte)) => text.to_owned(),
        Some(text) if !text.contains(|c: char| c.is_control()) => single_quoted(text),
        _ => dollar_quoted(text.as_encoded_bytes()),
    }
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn dollar_quoted(bytes: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => quoted.push_str(r"\n"),
                '\t' => quoted.push_str(r"\t"),
                '\'' | '\\' => quoted.extend(['\\', c]),
                c if c.is_control() => {
                    let mut buffer = [0; 4];
                    // Octal takes at most three digits, so that a digit after it stays itself.
                    quoted.extend(
                        c.encode_utf8(&mut buffer)
                            .bytes()
                            .map(|byte| format!("\\{byte:03o}")),
                    );
                }
                c => quoted.push(c),
            }
        }
        quoted.extend(chunk.invalid().iter().map(|byte| format!("\\{byte:03o}")));
    }
    quoted.push('\'');
    quoted
}
