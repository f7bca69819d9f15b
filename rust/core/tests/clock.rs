//! What a clock keeps to over any history of readings, messages and steps of the epoch.

use std::sync::atomic::{AtomicU64, Ordering};

use flocktime_core::layout::{HORIZON, MAX_EPOCH};
use flocktime_core::merge::OnDrift;
use flocktime_core::{Clock, ClockError, Config, EpochRefusal, ManualSource, SourceFailed, TimeSource, Timestamp};
use proptest::prelude::*;

static NODES: AtomicU64 = AtomicU64::new(1);

fn next_node() -> u64 {
    NODES.fetch_add(1, Ordering::Relaxed)
}

fn clock(start_us: i64) -> (ManualSource, Clock<ManualSource>) {
    let source = ManualSource::new(start_us).expect("in range");
    (source.clone(), Clock::new(source, Config::new(next_node)))
}

fn remote(physical: u64, epoch: u16) -> Timestamp {
    Timestamp::new(physical, 0, 0xFFFF_0000_0000, epoch).expect("in range")
}

#[derive(Clone, Debug)]
enum Act {
    Now,
    Many(usize),
    Update { ahead: i64, epoch_up: u16, on_drift: Option<OnDrift>, trusted: bool },
    Set(i64),
    Advance(u64),
    AdvanceEpoch,
}

fn act() -> impl Strategy<Value = Act> {
    let policy =
        prop_oneof![Just(None), Just(Some(OnDrift::Adopt)), Just(Some(OnDrift::Ignore)), Just(Some(OnDrift::Clamp))];
    let update = (-2_000_000..2_000_000_i64, 0..3_u16, policy, any::<bool>())
        .prop_map(|(ahead, epoch_up, on_drift, trusted)| Act::Update { ahead, epoch_up, on_drift, trusted });
    prop_oneof![
        4 => Just(Act::Now),
        1 => (0..9_000_usize).prop_map(Act::Many),
        4 => update,
        1 => (0..4_000_000_i64).prop_map(Act::Set),
        2 => (0..90_000_000_u64).prop_map(Act::Advance),
        1 => Just(Act::AdvanceEpoch),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever happens, all that is issued strictly increases, refusals change nothing, and what is adopted is exceeded.
    #[test]
    fn issued_timestamps_strictly_increase(acts in prop::collection::vec(act(), 1..60)) {
        let (source, clock) = clock(2_000_000);
        let mut last = Timestamp::MIN;
        for act in acts {
            let before = clock.last();
            let issued = match act {
                Act::Now => vec![clock.now().unwrap()],
                Act::Many(n) => clock.now_many(n).unwrap().collect(),
                Act::Set(us) => { source.set(us).unwrap(); vec![] }
                Act::Advance(us) => { source.advance(us).unwrap(); vec![] }
                Act::AdvanceEpoch => clock.advance_epoch("test", true).into_iter().collect(),
                Act::Update { ahead, epoch_up, on_drift, trusted } => {
                    let reading = 2_000_000_i64.max(ahead + 2_000_000) as u64;
                    let sent = remote(reading, clock.epoch().saturating_add(epoch_up));
                    let merged = clock.update(sent, on_drift, trusted);
                    if merged.is_err() {
                        prop_assert_eq!(clock.last(), before);
                    }
                    let whole = on_drift.is_none() || on_drift == Some(OnDrift::Adopt);
                    for issued in merged.iter().filter(|_| whole) {
                        prop_assert!(*issued > sent || sent.epoch() < issued.epoch());
                    }
                    merged.into_iter().collect()
                }
            };
            for ts in issued {
                prop_assert!(ts > last, "{:?} after {:?}", ts, last);
                last = ts;
            }
        }
    }
}

/// One reservation of n is what n calls would have issued, carries counted alike.
#[test]
fn a_reservation_equals_single_calls() {
    let source = ManualSource::new(5).expect("in range");
    let fixed = || Clock::new(source.clone(), Config { node: Some(7), ..Config::new(next_node) });
    let (one, many) = (fixed(), fixed());
    let singles: Vec<_> = (0..10_000).map(|_| one.now().unwrap()).collect();
    assert_eq!(many.now_many(10_000).unwrap().collect::<Vec<_>>(), singles);
    assert_eq!(many.stats(), one.stats());
    assert_eq!(one.stats().carries, 2);
    assert_eq!(many.now_many(0).unwrap().len(), 0);
}

/// A step to a higher epoch that nobody vouches for is spent by an adoption only, and comes back after a minute.
#[test]
fn the_minute_is_spent_by_an_adoption_only() {
    let (source, clock) = clock(1_000_000);
    clock.now().unwrap();
    let why = |result: Result<Timestamp, ClockError>| match result {
        Err(ClockError::Epoch { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(clock.update(remote(1_000_000, 2), None, false)), EpochRefusal::Jump);
    assert!(clock.update(remote(9_000_000, 1), None, false).is_err(), "too far ahead: no adoption, nothing spent");
    clock.update(remote(1_000_000, 1), None, false).unwrap();
    source.advance(59_999_999).unwrap();
    assert_eq!(why(clock.update(remote(1, 2), None, false)), EpochRefusal::TooSoon { wait_us: 1 });
    source.advance(1).unwrap();
    clock.update(remote(1, 2), None, false).unwrap();
    clock.update(remote(1, 900), None, true).unwrap();
    assert_eq!((clock.epoch(), clock.stats().epochs_adopted, clock.stats().refused_epoch), (900, 3, 2));
}

/// A newcomer joins at any epoch; a clock that loaded a timestamp is none.
#[test]
fn newcomers_join_anywhere() {
    let (source, newcomer) = clock(1_000);
    assert_eq!(newcomer.update(remote(1_000, 77), None, false).unwrap().epoch(), 77);
    let loaded = Clock::new(source, Config { last: Some(remote(0, 0)), ..Config::new(next_node) });
    assert!(matches!(loaded.update(remote(1_000, 77), None, false), Err(ClockError::Epoch { .. })));
}

/// A batch is all or nothing, and counts a step once.
#[test]
fn a_refused_batch_changes_nothing() {
    let (_, clock) = clock(1_000_000);
    let before = clock.now().unwrap();
    let batch = [remote(1_000_100, 0), remote(1_000_050, 1), remote(9_000_000, 0)];
    // The last one is of the lower epoch once the second is in: passed over, not refused.
    assert_eq!(clock.update_many(&batch, None, false).unwrap().epoch(), 1);
    let refused = [remote(1_000_100, 1), remote(9_000_000, 1)];
    let last = clock.last();
    assert!(matches!(clock.update_many(&refused, None, false), Err(ClockError::Drift { .. })));
    assert_eq!(clock.last(), last);
    assert!(last > Some(before));
}

/// Refusing three nodes within ten minutes makes a clock suspect itself; ten minutes later it has forgotten.
#[test]
fn who_refuses_everybody_suspects_itself() {
    let (source, clock) = clock(1_000_000);
    for node in [1, 2, 2, 3] {
        assert!(!clock.stats().suspect_self);
        let ahead = Timestamp::new(9_000_000, 0, node, 0).unwrap();
        assert!(clock.update(ahead, None, false).is_err());
    }
    assert_eq!((clock.stats().suspects, clock.stats().suspect_self), (vec![1, 2, 3], true));
    source.advance(600_000_000).unwrap();
    assert!(!clock.stats().suspect_self);
    for node in 10..40 {
        let _ = clock.update(Timestamp::new(HORIZON, 0, node, 0).unwrap(), None, false).unwrap_err();
    }
    assert_eq!(clock.stats().suspects, (24..40).collect::<Vec<_>>());
}

/// Jumps of the source are counted, either way; time passing and slewing are not.
#[test]
fn jumps_are_counted() {
    let (source, clock) = clock(1_000_000_000);
    clock.now().unwrap();
    source.advance(3_600_000_000).unwrap();
    clock.now().unwrap();
    assert_eq!((clock.stats().backward_jumps, clock.stats().forward_jumps), (0, 0));
    source.step_back(20_000).unwrap();
    assert_eq!((clock.stats().backward_jumps, clock.stats().forward_jumps), (1, 0));
    source.set(8_000_000_000).unwrap();
    clock.now().unwrap();
    assert_eq!((clock.stats().backward_jumps, clock.stats().forward_jumps), (1, 1));
}

/// A jump is more than 10 ms and 500 ppm of the time since the last comparison; less is slewing. Exact to the microsecond.
#[test]
fn small_moves_are_no_jumps() {
    for (elapsed, moved, counted) in
        [(0, 10_000, 0), (0, 10_001, 1), (20_000_000, 20_000, 0), (20_000_000, 20_001, 1), (2_000_000, 11_001, 1)]
    {
        let (source, clock) = clock(1_000_000_000);
        clock.now().unwrap();
        source.advance(elapsed).unwrap();
        source.step_back(moved).unwrap();
        assert_eq!(clock.stats().backward_jumps, counted, "{moved} us back after {elapsed}");
        source.advance(elapsed).unwrap();
        let now = 1_000_000_000 + 2 * elapsed - moved;
        source.set((now + moved) as i64).unwrap();
        assert_eq!(clock.stats().forward_jumps, counted, "{moved} us ahead after {elapsed}");
    }
}

/// A jump and its reversal are both seen where the clock is used in between, without anybody asking for the counters.
#[test]
fn a_jump_is_seen_when_the_clock_is_used() {
    let (source, clock) = clock(1_000_000_000);
    clock.now().unwrap();
    source.set(5_000_000_000).unwrap();
    clock.now().unwrap();
    source.set(1_000_000_000).unwrap();
    clock.now().unwrap();
    assert_eq!((clock.stats().forward_jumps, clock.stats().backward_jumps), (1, 1));
}

/// A source that must not be read behind its owner's back.
#[derive(Default)]
struct Scripted {
    us: AtomicU64,
    calls: AtomicU64,
    monotonic_ns: AtomicU64,
}

impl TimeSource for &Scripted {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(self.us.load(Ordering::Relaxed) as i64 * 1000)
    }

    fn monotonic_ns(&self) -> u64 {
        self.monotonic_ns.load(Ordering::Relaxed)
    }

    fn rereadable(&self) -> bool {
        false
    }
}

/// Such a source is read once a timestamp and never for the counters; its jumps are seen by the readings that are taken.
#[test]
fn a_scripted_source_is_read_once_a_timestamp() {
    let script = Scripted::default();
    script.us.store(1_000_000_000, Ordering::Relaxed);
    let clock = Clock::new(&script, Config::new(next_node));
    for round in 1..=5 {
        clock.now().unwrap();
        assert_eq!((clock.stats().backward_jumps, script.calls.load(Ordering::Relaxed)), (0, round));
        script.us.fetch_add(2_000_000, Ordering::Relaxed);
        script.monotonic_ns.fetch_add(2_000_000_000, Ordering::Relaxed);
    }
    script.us.fetch_sub(2_000_000 + 15_000, Ordering::Relaxed);
    clock.now().unwrap();
    assert_eq!((clock.stats().backward_jumps, clock.stats().forward_jumps), (1, 0));
}

/// Readings before 1970 and beyond the horizon are bent and counted, never fatal.
#[test]
fn unusable_readings_are_bent() {
    let (source, clock) = clock(-5);
    assert_eq!(clock.now().unwrap().physical_us(), 0);
    source.set(i64::try_from(HORIZON).unwrap()).unwrap();
    assert_eq!(clock.now().unwrap().physical_us(), HORIZON);
    assert_eq!(clock.stats().readings_out_of_range, 1, "the horizon itself is usable");
    source.set(i64::try_from(HORIZON).unwrap() + 1).unwrap();
    clock.now().unwrap();
    assert_eq!(clock.stats().readings_out_of_range, 2);
}

/// In the last epoch there is no way up, and without force there is none without a quorum.
#[test]
fn advancing_the_epoch_is_guarded() {
    let (_, clock) = clock(1_000);
    let why = |result: Result<Timestamp, ClockError>| match result {
        Err(ClockError::Epoch { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(clock.advance_epoch("test", false)), EpochRefusal::NeedsForce);
    assert_eq!(clock.advance_epoch("drill", true).unwrap().epoch(), 1);
    clock.update(remote(1_000, MAX_EPOCH), None, true).unwrap();
    assert_eq!(why(clock.advance_epoch("test", true)), EpochRefusal::Top);
    assert_eq!(clock.stats().last_advance.as_deref(), Some("drill"));
}

/// Looking moves nothing: how far a remote timestamp leads the source, and how far this clock does.
#[test]
fn looking_moves_nothing() {
    let (source, clock) = clock(5_000_000);
    assert_eq!((clock.last(), clock.ahead_by_us()), (None, Ok(0)));
    clock.update(remote(5_300_000, 0), None, false).unwrap();
    let last = clock.last();
    assert_eq!((clock.observe(remote(5_250_000, 0)), clock.observe(remote(1, 9))), (Ok(250_000), Ok(-4_999_999)));
    assert_eq!(clock.ahead_by_us(), Ok(300_000));
    source.advance(100_000).unwrap();
    assert_eq!((clock.ahead_by_us(), clock.last()), (Ok(200_000), last));
}
