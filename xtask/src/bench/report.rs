//! The rows of a benchmark, as a table and as JSON.

use std::fmt::Write as _;
use std::time::Duration;

/// The rows so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

/// Our way against an anchor.
pub(crate) struct Row {
    name: String,
    ours: String,
    anchor: String,
    our_time: Duration,
    anchor_time: Duration,
    goal: Option<f64>,
}

impl Row {
    pub(crate) fn new(
        name: &str,
        ours: &str,
        anchor: &str,
        our_time: Duration,
        anchor_time: Duration,
        goal: Option<f64>,
    ) -> Row {
        let (name, ours, anchor) = (name.to_owned(), ours.to_owned(), anchor.to_owned());
        Row {
            name,
            ours,
            anchor,
            our_time,
            anchor_time,
            goal,
        }
    }

    fn ratio(&self) -> f64 {
        self.our_time.as_secs_f64() / self.anchor_time.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(crate) fn to_table(&self) -> String {
        let mut text = String::new();
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0);
        let _ = writeln!(
            text,
            "{:width$}  {:>10}  {:>10}  {:>6}  goal",
            "row", "ours", "anchor", "ratio"
        );
        for row in &self.rows {
            let goal = match row.goal {
                Some(goal) if row.ratio() <= goal => format!("<= {goal} met"),
                Some(goal) => format!("<= {goal} MISSED"),
                None => String::new(),
            };
            let (ours, anchor) = (show(row.our_time), show(row.anchor_time));
            let _ = writeln!(
                text,
                "{:width$}  {ours:>10}  {anchor:>10}  {:>6.2}  {goal}",
                row.name,
                row.ratio()
            );
            let _ = writeln!(text, "{:width$}    {} against {}", "", row.ours, row.anchor);
        }
        text
    }

    pub(crate) fn to_json(&self) -> String {
        let rows: Vec<serde_json::Value> = self
            .rows
            .iter()
            .map(|row| {
                serde_json::json!({
                    "row": row.name,
                    "ours": row.ours,
                    "anchor": row.anchor,
                    "ours_ns": row.our_time.as_nanos() as u64,
                    "anchor_ns": row.anchor_time.as_nanos() as u64,
                    "ratio": row.ratio(),
                    "goal": row.goal,
                })
            })
            .collect();
        let mut text = serde_json::to_string_pretty(&rows).unwrap_or_default();
        text.push('\n');
        text
    }
}

fn show(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match nanoseconds {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.2} us", n / 1e3),
        n if n < 1e9 => format!("{:.2} ms", n / 1e6),
        n => format!("{:.2} s", n / 1e9),
    }
}
