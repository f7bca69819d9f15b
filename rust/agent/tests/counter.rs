//! The processor's real counter against the operating system's real clock.

use flocktime_agent::sys::Tsc;
use flocktime_core::{CountedSource, OsSource, TimeSource};

/// Counted readings lie between two of the operating system's, but for a few microseconds.
///
/// Where the counter is not to be trusted there is none, and nothing to compare.
#[test]
fn counted_readings_lie_between_two_of_the_clock() {
    let Some(tsc) = Tsc::trusted() else {
        println!("no trusted counter on this machine: nothing compared");
        return;
    };
    let source = CountedSource::new(OsSource, tsc);
    let mut errors = Vec::new();
    while errors.len() < 2_000_000 {
        let before = OsSource.wall_ns().unwrap();
        let counted = source.wall_ns().unwrap();
        let after = OsSource.wall_ns().unwrap();
        if source.is_counting() {
            errors.push((before - counted).max(counted - after).max(0));
        }
    }
    errors.sort_unstable();
    let at = |share: f64| errors[(share * (errors.len() - 1) as f64) as usize];
    println!("outside by: p50 {} ns, p99.9 {} ns, most {} ns", at(0.5), at(0.999), at(1.0));
    assert!(at(0.999) <= 1_000, "p99.9 is {} ns", at(0.999));
}
