//! What an empty buffer takes: resident memory before and after some are made. Linux only.

use std::fs;
use std::hint::black_box;

use crossbeam_queue::ArrayQueue;

use crate::contenders;

const CAPACITY: usize = 65_536;
const BUFFERS: usize = 32;
const MOST_MIB: f64 = 4.0;

/// Prints the figures, and returns how many bars are missed.
pub(crate) fn report() -> usize {
    println!("\nmemory of an empty buffer of {CAPACITY}, by resident pages\n");
    let Some(ours) = mib_each(|| contenders::buffer(CAPACITY)) else {
        println!("this system does not say");
        return 1;
    };
    let verdict = if ours <= MOST_MIB { "met" } else { "MISSED" };
    println!("{:38} {ours:6.2} MiB <= {MOST_MIB} {verdict}", "flocktime, events of 8 bytes");
    if let Some(theirs) = mib_each(|| ArrayQueue::<(u128, u64)>::new(CAPACITY)) {
        println!("{:38} {theirs:6.2} MiB", "ArrayQueue of (u128, u64)");
    }
    usize::from(ours > MOST_MIB)
}

fn mib_each<T>(make: impl Fn() -> T) -> Option<f64> {
    let before = resident_bytes()?;
    let kept: Vec<T> = (0..BUFFERS).map(|_| make()).collect();
    let after = resident_bytes()?;
    drop(black_box(kept));
    Some(after.saturating_sub(before) as f64 / BUFFERS as f64 / f64::from(1 << 20))
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}
