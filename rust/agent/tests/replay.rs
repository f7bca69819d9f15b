//! The replay window against a set of all that it has admitted.

use std::collections::BTreeSet;

use flocktime_agent::gossip::replay::{ReplayWindow, WIDTH};
use proptest::prelude::*;

/// Remembers everything.
#[derive(Default)]
struct Model {
    admitted: BTreeSet<u64>,
}

impl Model {
    fn admit(&mut self, sequence: u64) -> bool {
        let latest = self.admitted.last().copied().unwrap_or(0);
        sequence != 0 && latest.saturating_sub(sequence) < WIDTH && self.admitted.insert(sequence)
    }
}

/// Numbers near each other, at the edges of the window, and at both ends of what there is.
fn sequences() -> impl Strategy<Value = Vec<u64>> {
    let start = prop_oneof![Just(0), Just(1), Just(u64::MAX - 1000), any::<u64>()];
    let step = prop_oneof![
        8 => 0..300_u64,
        2 => prop::sample::select(vec![0, 1, 126, 127, 128, 129, 255, 256, 1000]),
        1 => any::<u64>(),
    ];
    (start, prop::collection::vec(step, 1..400))
        .prop_map(|(start, steps)| steps.into_iter().map(|step| start.saturating_add(step)).collect())
}

proptest! {
    /// It admits exactly what the model admits, which is everything new above or within the last 128.
    #[test]
    fn as_the_model(sequences in sequences()) {
        let (mut window, mut model) = (ReplayWindow::default(), Model::default());
        for sequence in sequences {
            prop_assert_eq!(window.admit(sequence), model.admit(sequence), "{}", sequence);
            prop_assert_eq!(window.latest(), model.admitted.last().copied().unwrap_or(0));
        }
    }

    /// Whatever came before, nothing is admitted twice.
    #[test]
    fn never_twice(sequences in sequences()) {
        let mut window = ReplayWindow::default();
        let admitted: Vec<u64> = sequences.into_iter().filter(|&sequence| window.admit(sequence)).collect();
        prop_assert_eq!(admitted.iter().collect::<BTreeSet<_>>().len(), admitted.len());
        prop_assert!(!admitted.into_iter().any(|sequence| window.admit(sequence)));
    }

    /// A window that begins at a proven number admits nothing up to it, and everything after it once.
    #[test]
    fn since_a_proven_number(proven in 1..=u64::MAX - 300, ahead in 1..300_u64, behind in 0..300_u64) {
        let mut window = ReplayWindow::since(proven);
        prop_assert!(!window.admit(proven.saturating_sub(behind)));
        prop_assert!(!window.admit(proven));
        prop_assert!(window.admit(proven + ahead));
        prop_assert!(!window.admit(proven));
        prop_assert_eq!(window.admit(proven + 1), ahead > 1 && ahead <= WIDTH);
    }
}

/// The ends: 0 never, the greatest number once, and a jump over all of them.
#[test]
fn ends() {
    let mut window = ReplayWindow::default();
    assert!(!window.admit(0));
    assert!(window.admit(1));
    assert!(!window.admit(1));
    assert!(window.admit(u64::MAX));
    assert!(!window.admit(u64::MAX));
    assert!(!window.admit(0) && !window.admit(1));
    assert!(window.admit(u64::MAX - WIDTH + 1));
    assert!(!window.admit(u64::MAX - WIDTH));
    assert_eq!(window.latest(), u64::MAX);
    assert_eq!(size_of::<ReplayWindow>(), 32);
}

/// 10,000 packets in any order within the window are all admitted once; then once more, none.
#[test]
fn reordered_within_the_window() {
    let mut window = ReplayWindow::default();
    let order: Vec<u64> = (0..10_000_u64).map(|i| i / WIDTH * WIDTH + WIDTH - i % WIDTH).collect();
    assert!(order.iter().all(|&sequence| window.admit(sequence)));
    assert!(!order.iter().any(|&sequence| window.admit(sequence)));
}
