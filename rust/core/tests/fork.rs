//! Alone in its process, because it raises the process-wide fork generation.

use std::sync::atomic::{AtomicU64, Ordering};

use flocktime_core::merge::OnCollision;
use flocktime_core::{Clock, ClockError, Config, ManualSource, Timestamp, fork};

static NODES: AtomicU64 = AtomicU64::new(100);

fn next_node() -> u64 {
    NODES.fetch_add(1, Ordering::Relaxed)
}

/// In a forked child a random node is replaced; a fixed one is refused until the clock is reset.
#[test]
fn forked_children_do_not_repeat_their_parents() {
    let source = ManualSource::new(1_000).expect("in range");
    let random = Clock::new(source.clone(), Config::new(next_node));
    let fixed =
        Clock::new(source, Config { node: Some(7), on_collision: OnCollision::Adopt, ..Config::new(next_node) });
    let (before, parent) = (random.now().unwrap(), random.node());
    fixed.now().unwrap();
    fork::entered_child();
    assert_eq!(fixed.now(), Err(ClockError::Forked { node: 7 }));
    assert_eq!(fixed.update(Timestamp::new(1_000, 0, 1, 0).unwrap(), None, false), Err(ClockError::Forked { node: 7 }));
    assert_ne!(fixed.reset("forked").unwrap().node(), 7);
    assert!(fixed.now().is_ok());
    assert_ne!(random.node(), parent);
    assert!(random.now().unwrap() > before);
    assert_eq!((random.stats().forks, fixed.stats().forks), (1, 1));
}
