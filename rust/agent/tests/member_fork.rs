//! Alone in its process, because it raises the process-wide fork generation.

mod members;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flocktime_agent::member::{MemberConfig, Stamps, Status, Unavailable};
use flocktime_core::flocking::State;
use flocktime_core::{SteeredSource, TimeSource, Timestamp, fork};
use members::*;

struct Told(Arc<AtomicBool>);

impl Stamps for Told {
    fn node(&self) -> u64 {
        1
    }

    fn stamp(&self) -> Option<Timestamp> {
        None
    }

    fn merge(&self, _: Timestamp, _: bool) {}
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// In a forked child a member is detached: nothing waits, nothing is sent, the source shows its base again, and what the parent
/// gave it is not dropped.
#[test]
fn a_forked_childs_member_is_detached() {
    let mut members = flock(4, loopback());
    for (member, _) in &members {
        reach(member, State::Synchronised);
    }
    let (member, base) = members.remove(0);
    let dropped = Arc::new(AtomicBool::new(false));
    member.attach(Arc::new(Told(Arc::clone(&dropped)))).expect("it runs");
    let source = SteeredSource::new(base.clone(), Arc::clone(member.steering()));
    let away = |source: &dyn TimeSource| source.wall_ns().expect("a time") - base.wall_ns().expect("a time");
    assert!(!member.is_detached() && away(&source).abs() > 10_000_000, "the flock is elsewhere than its base");

    fork::entered_child();
    let began = Instant::now();
    assert!(member.is_detached() && (0..1_000_000).contains(&-away(&source)), "its base, read a moment later");
    assert_eq!((member.status(), member.latest()), (Status::Detached, None));
    assert_eq!(member.wait_state(0, PATIENCE), []);
    let report = member.report();
    assert_eq!((report.status, report.flock, report.names), (Status::Detached, None, vec![]));
    assert_eq!(report.local_address, member.local_address());
    assert_eq!(member.rotate(keyring(1)), Err(Unavailable::Detached));
    assert_eq!(member.attach(Arc::new(Told(Arc::default()))), Err(Unavailable::Detached));
    assert!(member.header("peer").is_err() && member.take_header("", None).is_err());
    assert_eq!(member.set_peer_names(&["localhost:7".to_owned()]), Ok(()));
    member.stop();
    drop((member, members));
    assert!(began.elapsed() < Duration::from_secs(2) && !dropped.load(Ordering::Relaxed));

    // A child that wants one starts its own.
    let own = start(MemberConfig { base: None, ..config(5, &base) });
    assert!(!own.is_detached());
    own.attach(Arc::new(Told(Arc::clone(&dropped)))).expect("it runs");
    own.stop();
    assert!(!dropped.load(Ordering::Relaxed));
    drop(own);
    assert!(dropped.load(Ordering::Relaxed), "by whoever dropped the member, when that was over");
}
