//! A source that follows a flock: what is in force when, and what the clock on it refuses.

use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError};
use std::thread;

use flocktime_core::{
    Clock, ClockError, Config, Discipline, Guidance, ManualSource, OsSource, SourceFailed, SteeredSource, Steering,
    TimeSource, Timestamp, Vouched, fork,
};

const BASE_US: i64 = 1_800_000_000_000_000;
const FLOCK_NS: i64 = 1_900_000_000_000_000_000;

/// The fork generation is the process's: who raises it is alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn steered() -> (ManualSource, Arc<Steering>, SteeredSource<ManualSource>) {
    let base = ManualSource::new(BASE_US).unwrap();
    let steering = Arc::new(Steering::new());
    (base.clone(), Arc::clone(&steering), SteeredSource::new(base, steering))
}

fn flock(s: f64) -> Guidance {
    let discipline = Discipline { h0_ns: 0, l0_ns: FLOCK_NS, s, slew_ns: 2_000_000_000, ..Discipline::default() };
    Guidance { discipline, in_force: true, ..Guidance::default() }
}

/// What is published is what is read back, all of it.
#[test]
fn guidance_goes_through() {
    let steering = Steering::default();
    assert_eq!(steering.guidance(), Guidance::default());
    for limit_us in [None, Some(0), Some(5_000)] {
        for (in_force, refuse) in [(false, false), (false, true), (true, false), (true, true)] {
            let discipline = Discipline { h0_ns: 1, l0_ns: -2, y: 3e-4, s: -0.05, u: 6e-6, slew_ns: 7 };
            let (error_ns, free_running) = (limit_us.map(|limit_us| 3 * limit_us), refuse);
            let guidance = Guidance { discipline, in_force, limit_us, refuse, error_ns, free_running };
            assert!(steering.publish(&guidance));
            assert_eq!(steering.guidance(), guidance);
        }
    }
}

/// The base is in force until the flock is, and again when it no longer is.
#[test]
fn the_flock_is_in_force_when_it_says_so() {
    let _alone = alone();
    let (base, steering, source) = steered();
    assert_eq!(source.wall_ns(), base.wall_ns());
    assert!(steering.publish(&Guidance { in_force: false, ..flock(0.05) }));
    assert_eq!(source.wall_ns(), base.wall_ns());
    assert!(steering.publish(&flock(0.05)));
    assert_eq!(source.wall_ns(), Ok(FLOCK_NS));
    base.advance(3_000_000).unwrap();
    assert_eq!(source.wall_ns(), Ok(FLOCK_NS + 3_100_000_000), "two seconds of 5 %, one without");
    base.set(0).unwrap();
    assert_eq!(source.wall_ns(), Ok(FLOCK_NS + 3_100_000_000), "whoever sets the base's clock");
    assert!(steering.publish(&Guidance::default()));
    assert_eq!(source.wall_ns(), base.wall_ns());
}

/// Told to refuse, the clock says that it is not ready, in every call that needs the time, and issues as soon as it is.
#[test]
fn until_it_is_ready_it_may_refuse() {
    let _alone = alone();
    let (_, steering, source) = steered();
    assert!(steering.publish(&Guidance { refuse: true, ..Guidance::default() }));
    assert_eq!(source.wall_ns(), Err(SourceFailed::NotReady));
    let clock = Clock::new(source, Config::new(|| 1));
    let remote = Timestamp::new(1, 0, 2, 0).unwrap();
    assert_eq!(clock.now(), Err(ClockError::NotReady));
    assert_eq!(clock.now_many(3).map(|_| ()), Err(ClockError::NotReady));
    assert_eq!(clock.update(remote, None, false), Err(ClockError::NotReady));
    assert_eq!(clock.reset("test"), Err(ClockError::NotReady));
    assert_eq!(clock.observe(remote), Err(ClockError::NotReady));
    assert_eq!((clock.last(), clock.stats().resets), (None, 0), "nothing has changed");
    assert!(steering.publish(&Guidance { refuse: true, ..flock(0.0) }));
    assert_eq!(clock.now().map(Timestamp::physical_us), Ok(FLOCK_NS as u64 / 1000));
}

/// The drift limit is the smaller of the clock's and the flock's, in every way to merge, and it is the one that is reported.
/// A clock without a limit stays without one.
#[test]
fn the_flock_tightens_the_drift_limit() {
    let _alone = alone();
    let (_, steering, source) = steered();
    let clock = Clock::new(source.clone(), Config { max_drift_us: Some(500_000), ..Config::new(|| 1) });
    let boundless = Clock::new(source, Config { max_drift_us: None, ..Config::new(|| 2) });
    for (limit_us, in_force) in [(None, 500_000), (Some(5_000), 5_000), (Some(0), 0), (Some(900_000), 500_000)] {
        assert!(steering.publish(&Guidance { limit_us, ..flock(0.0) }));
        let ahead = |us: u64| Timestamp::new(FLOCK_NS as u64 / 1000 + us, 0, 9, 0).unwrap();
        let refused = |result| match result {
            Err(ClockError::Drift { offset_us, limit_us, .. }) => (offset_us, limit_us),
            other => panic!("{other:?}"),
        };
        let beyond = ahead(in_force + 1);
        let expected = (in_force as i64 + 1, in_force as i64);
        assert_eq!(refused(clock.update(beyond, None, false)), expected);
        assert_eq!(refused(clock.update_many(&[ahead(0), beyond], None, false)), expected);
        assert!(clock.update(ahead(in_force), None, false).is_ok(), "the limit is inclusive");
        assert!(boundless.update(ahead(10_000_000), None, false).is_ok());
    }
}

/// In a forked child nobody steers: the base is in force whatever was published, with the clock's own limit; what the child
/// makes for itself works.
#[test]
fn a_forked_child_is_not_steered() {
    let _alone = alone();
    let (base, steering, source) = steered();
    assert!(steering.publish(&Guidance { limit_us: Some(5_000), refuse: true, ..flock(0.05) }));
    assert_eq!((source.wall_ns(), source.max_drift_us(Some(500_000))), (Ok(FLOCK_NS), Some(5_000)));
    fork::entered_child();
    assert!(steering.is_copied());
    assert_eq!((source.wall_ns(), source.max_drift_us(Some(500_000))), (base.wall_ns(), Some(500_000)));
    assert_eq!(source.reading().map(|reading| reading.slope), Ok(1.0));
    assert!(steering.publish(&Guidance { refuse: true, ..Guidance::default() }), "nobody is left to be in the way");
    assert_eq!(source.wall_ns(), base.wall_ns(), "nor does it refuse");
    let own = SteeredSource::new(base, Arc::new(Steering::new()));
    assert!(own.steering().publish(&flock(0.0)));
    assert_eq!(own.wall_ns(), Ok(FLOCK_NS));
}

/// Beside a thread that publishes, no reading is made of two guidances: each goes on where the last one was, 5 % too fast or
/// too slow, and so no reading lies further from the counter than that.
#[test]
fn readings_follow_one_guidance_whole() {
    let _alone = alone();
    let steering = Arc::new(Steering::new());
    let source = SteeredSource::new(OsSource, Arc::clone(&steering));
    let begun = OsSource.raw_ns();
    let mut line = Discipline { h0_ns: begun, l0_ns: FLOCK_NS, ..Discipline::default() };
    assert!(steering.publish(&Guidance { discipline: line, in_force: true, ..Guidance::default() }));
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            start.wait();
            for round in 0..50_000 {
                let s = if round % 2 == 0 { 0.05 } else { -0.05 };
                line = line.rebased(OsSource.raw_ns(), 0.0, s, 0.0, 2_000_000_000);
                assert!(steering.publish(&Guidance { discipline: line, in_force: true, ..Guidance::default() }));
            }
        });
        start.wait();
        while !publisher.is_finished() {
            let before = OsSource.raw_ns();
            let shown = source.wall_ns().unwrap() - FLOCK_NS;
            let elapsed = |raw: u64| (raw - begun) as f64;
            let (least, most) = (elapsed(before) * 0.94, elapsed(OsSource.raw_ns()) * 1.06);
            assert!((least..=most).contains(&(shown as f64)), "{shown} lies outside {least}..={most}");
        }
    });
}

/// A bound grows with its age, by what the line slews and what an oscillator may drift; a source has it only as long as the flock is
/// in force and somebody vouches.
#[test]
fn bounds_grow_with_age() {
    let _alone = alone();
    let (base, steering, source) = steered();
    let vouched = Guidance { error_ns: Some(1_000), ..flock(0.05) };
    let error_ns = |h_ns| vouched.bound_at(h_ns).map(|bound| (bound.error_ns, bound.free_running));
    assert_eq!(error_ns(0), Some((1_000, false)));
    assert_eq!(error_ns(1_000_000_000), Some((50_000_000 + 200_000 + 1_000, false)));
    assert_eq!(error_ns(3_000_000_000), Some((100_000_000 + 600_000 + 1_000, true)), "slews end after two seconds");
    let begun = Guidance { discipline: Discipline { h0_ns: 5, ..vouched.discipline }, ..vouched };
    assert_eq!(begun.bound_at(4), None, "H went back");
    assert_eq!(source.vouched(), Ok(Vouched::by_nobody(base.wall_ns().unwrap())));
    assert!(steering.publish(&vouched));
    assert_eq!(source.vouched(), Ok(Vouched { wall_ns: FLOCK_NS, bound: vouched.bound_at(0) }));
    base.vouch(Some(7));
    for silent in [Guidance { error_ns: None, ..vouched }, Guidance { in_force: false, ..vouched }] {
        assert!(steering.publish(&silent));
        assert_eq!(source.vouched(), base.vouched(), "then what is beneath counts");
    }
}
