//! Rows about finding libraries, timed by an example of `lib-resolve` that runs inside one process.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use super::{Bench, Row};
use crate::{Outcome, shell};

pub(super) fn rows(bench: &mut Bench, root: &Path) -> Outcome {
    eprintln!("   timing: libraries");
    let mut command = shell::cargo();
    command
        .current_dir(root)
        .args([
            "run",
            "--release",
            "--quiet",
            "-p",
            "lib-resolve",
            "--example",
            "bench-resolve",
            "--",
            "--tsv",
        ])
        .arg("--saddlebag")
        .arg(&bench.saddlebag);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("`{}` ended with {}", shell::line(&command), output.status).into());
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        // Figures without an anchor: how time and memory grow.
        if let Some(note) = line.strip_prefix("# ") {
            eprintln!("   {note}");
            continue;
        }
        bench
            .report
            .add(row(line).ok_or_else(|| format!("not a row: {line}"))?);
    }
    Ok(())
}

/// A line of tab-separated fields: row, goal, our name, our time, the anchor's name, its time; times in nanoseconds.
fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, goal, ours, our_time, anchor, anchor_time] = fields[..] else {
        return None;
    };
    let goal = if goal.is_empty() {
        None
    } else {
        Some(goal.parse().ok()?)
    };
    let time = |text: &str| text.parse().ok().map(Duration::from_nanos);
    Some(Row::new(
        name,
        ours,
        anchor,
        time(our_time)?,
        time(anchor_time)?,
        goal,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_six_fields_of_which_the_goal_may_be_empty() {
        assert!(row("a b\t0.05\tours\t12\ttheirs\t34").is_some());
        assert!(row("a b\t\tours\t12\ttheirs\t34").is_some());
        assert!(row("a b\tx\tours\t12\ttheirs\t34").is_none());
        assert!(row("a b\t\tours\t12").is_none());
    }
}
