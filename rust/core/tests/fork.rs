//! Alone in its process, because it raises the process-wide fork generation.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use flocktime_core::merge::OnCollision;
use flocktime_core::{Clock, ClockError, Config, ManualSource, SourceFailed, TimeSource, Timestamp, fork};

static NODES: AtomicU64 = AtomicU64::new(100);
/// The generation is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn next_node() -> u64 {
    NODES.fetch_add(1, Ordering::Relaxed)
}

/// In a forked child a random node is replaced; a fixed one is refused until the clock is reset.
#[test]
fn forked_children_do_not_repeat_their_parents() {
    let _alone = ALONE.lock().unwrap();
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

/// A source that fails when told to, and that may fork in the middle of a reading, as one written in Python may.
struct Adventurous {
    inner: ManualSource,
    fails: Arc<AtomicBool>,
    forks: Arc<AtomicBool>,
}

impl TimeSource for Adventurous {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(SourceFailed::Raised);
        }
        if self.forks.swap(false, Ordering::Relaxed) {
            fork::entered_child();
        }
        self.inner.wall_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        self.inner.monotonic_ns()
    }
}

/// A reset that fails has changed nothing: in a forked child a fixed node stays refused. And where the reading itself forks,
/// the new identity is drawn after it, so that parent and child do not share it.
#[test]
fn a_reset_draws_its_node_after_the_reading() {
    let _alone = ALONE.lock().unwrap();
    let (fails, forks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let inner = ManualSource::new(1_000).expect("in range");
    let source = Adventurous { inner, fails: Arc::clone(&fails), forks: Arc::clone(&forks) };
    let drawn_after = Arc::new(AtomicU64::new(u64::MAX));
    let record = Arc::clone(&drawn_after);
    let fresh = move || {
        record.store(fork::generation().into(), Ordering::Relaxed);
        next_node()
    };
    let clock = Clock::new(source, Config { node: Some(7), ..Config::new(fresh) });
    clock.now().unwrap();

    fork::entered_child();
    fails.store(true, Ordering::Relaxed);
    assert_eq!(clock.reset("fails"), Err(ClockError::Source));
    fails.store(false, Ordering::Relaxed);
    assert_eq!(clock.now(), Err(ClockError::Forked { node: 7 }));

    forks.store(true, Ordering::Relaxed);
    clock.reset("forks").unwrap();
    assert_eq!(drawn_after.load(Ordering::Relaxed), u64::from(fork::generation()));
}
