//! Workers between two units.

use std::time::Duration;

use super::tests::bench;
use crate::compile::Goal;

/// What the process has used of a processor's time, in the clock ticks of proc(5).
fn processor_time(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = status[status.rfind(')').unwrap()..]
        .split_whitespace()
        .collect();
    // The first of these is the third of all, the state.
    let number = |field: usize| fields[field - 2].parse::<u64>().unwrap();
    number(14) + number(15)
}

#[test]
fn a_worker_that_has_nothing_to_do_sleeps() {
    let Some(bench) = bench(&[]) else { return };
    bench.ask(Goal::Load, "Alpha", "let x = 1", None).unwrap();
    let used = || processor_time(bench.process());
    // It tidies up and stays awake for a moment, which takes long where others have the processors.
    let mut before = used();
    let sleeps = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(200));
        used() == std::mem::replace(&mut before, used())
    });
    assert!(sleeps, "{before} ticks and more");
}
