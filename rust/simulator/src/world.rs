//! What one process sees of the world: its readings, its randomness, and its clock.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use flocktime_agent::gossip::{Host, OsTime};
use flocktime_core::merge::{OnCollision, OnDrift};
use flocktime_core::{Clock, ClockError, Config, SourceFailed, SteeredSource, Steering, TimeSource, Timestamp};

use crate::random::Stream;

/// The readings of one machine, which the engine sets before it lets anybody look. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimTime(Arc<Readings>);

#[derive(Debug, Default)]
struct Readings {
    raw_ns: AtomicU64,
    wall_ns: AtomicI64,
}

impl SimTime {
    fn set(&self, raw_ns: u64, wall_ns: i64) {
        self.0.raw_ns.store(raw_ns, Ordering::Relaxed);
        self.0.wall_ns.store(wall_ns, Ordering::Relaxed);
    }
}

impl TimeSource for SimTime {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        Ok(self.0.wall_ns.load(Ordering::Relaxed))
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.raw_ns.load(Ordering::Relaxed)
    }
}

/// What was seen of a process's stamps since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StampTally {
    /// How many.
    pub(crate) stamps: u64,
    /// The greatest distance of one from the flock's time, microseconds.
    pub(crate) error_us: Option<i64>,
    /// How far one that was judged led its own source at most, microseconds.
    pub(crate) lead_us: i64,
    /// How many led their own source by more than the configured drift limit.
    pub(crate) beyond_limit: u64,
    /// How many were not above the one before.
    pub(crate) backward: u64,
    /// Calls that the clock refused for another reason than drift.
    pub(crate) failed: u64,
}

/// One process's surroundings.
pub(crate) struct World {
    clock: Clock<SteeredSource<SimTime>>,
    time: SimTime,
    os: Cell<OsTime>,
    random: RefCell<Stream>,
    max_drift_us: i64,
    last: Cell<Timestamp>,
    /// The flock's time now, nanoseconds since 1970, where stamps are to be judged.
    expected_ns: Cell<Option<i64>>,
    tally: Cell<StampTally>,
    /// Packets whose stamp was refused for drift.
    refused: Cell<u64>,
}

impl World {
    /// A clock that follows `steering`.
    pub(crate) fn new(steering: Arc<Steering>, node: u64, max_drift_us: u64, random: Stream) -> Self {
        let time = SimTime::default();
        let config = Config {
            node: Some(node),
            fresh_node: Box::new(move || node),
            max_drift_us: Some(max_drift_us),
            on_drift: OnDrift::Reject,
            on_collision: OnCollision::Reject,
            last: None,
            epoch: 0,
        };
        Self {
            clock: Clock::new(SteeredSource::new(time.clone(), steering), config),
            time,
            os: Cell::new(OsTime { wall_ns: 0, error_ns: None }),
            random: RefCell::new(random),
            max_drift_us: max_drift_us as i64,
            last: Cell::new(Timestamp::MIN),
            expected_ns: Cell::new(None),
            tally: Cell::default(),
            refused: Cell::new(0),
        }
    }

    /// The next instant: whatever is read from now on is read there.
    pub(crate) fn set(&self, raw_ns: u64, os: OsTime, expected_ns: Option<i64>) {
        self.time.set(raw_ns, os.wall_ns);
        self.os.set(os);
        self.expected_ns.set(expected_ns);
    }

    /// The process's clock.
    pub(crate) fn clock(&self) -> &Clock<SteeredSource<SimTime>> {
        &self.clock
    }

    /// Stamps an event of the application.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        self.judged(self.clock.now()).ok()
    }

    /// The physical part that the next stamp would have now, microseconds; moves nothing.
    pub(crate) fn next_us(&self) -> Option<i64> {
        let wall_us = self.clock.source().wall_us().ok()?;
        let last_us = self.clock.last().map_or(i64::MIN, |last| last.physical_us() as i64);
        Some(wall_us.max(last_us))
    }

    /// Takes in a message of the application.
    ///
    /// # Errors
    ///
    /// What the clock says.
    pub(crate) fn update(&self, remote: Timestamp, trusted: bool) -> Result<Timestamp, ClockError> {
        self.judged(self.clock.update(remote, None, trusted))
    }

    /// What the stamps were like since the last call.
    pub(crate) fn take_tally(&self) -> StampTally {
        self.tally.take()
    }

    /// Stamps in gossip that were refused for drift, since the start.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.get()
    }

    fn judged(&self, issued: Result<Timestamp, ClockError>) -> Result<Timestamp, ClockError> {
        let mut tally = self.tally.get();
        match issued {
            Ok(stamp) => {
                let wall_us = self.clock.source().wall_us().unwrap_or(i64::MAX);
                let lead_us = (stamp.physical_us() as i64).saturating_sub(wall_us);
                tally.stamps += 1;
                tally.backward += u64::from(stamp <= self.last.replace(stamp));
                tally.beyond_limit += u64::from(lead_us > self.max_drift_us);
                if let Some(expected_ns) = self.expected_ns.get() {
                    let error_us = (stamp.physical_us() as i64).saturating_sub(expected_ns.div_euclid(1000)).abs();
                    tally.error_us = tally.error_us.max(Some(error_us));
                    tally.lead_us = tally.lead_us.max(lead_us);
                }
            }
            Err(ClockError::Drift { .. }) => {}
            Err(_) => tally.failed += 1,
        }
        self.tally.set(tally);
        issued
    }
}

impl Host for World {
    fn raw_ns(&self) -> u64 {
        self.time.raw_ns()
    }

    fn os(&self) -> OsTime {
        self.os.get()
    }

    fn random(&self) -> u64 {
        self.random.borrow_mut().word()
    }

    fn stamp(&self) -> Option<Timestamp> {
        self.now()
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        if let Err(ClockError::Drift { .. }) = self.update(remote, trusted) {
            self.refused.set(self.refused.get() + 1);
        }
    }
}
