use std::cell::{Cell, RefCell};

use flocktime_agent::gossip::{Host, OsTime};
use flocktime_core::Timestamp;

use super::{Random, SECOND, START_NS};

/// One member's surroundings: an oscillator, and an OS clock that runs on it, whatever is done to H.
pub struct Surroundings {
    pub true_ns: Cell<u64>,
    pub boot_ns: Cell<i64>,
    /// H stands still at this.
    pub frozen: Cell<Option<u64>>,
    pub ppm: Cell<f64>,
    pub os_offset_ns: Cell<i64>,
    pub os_error_ns: Cell<Option<u64>>,
    pub merged: RefCell<Vec<(Timestamp, bool)>>,
    pub stamp: Cell<u128>,
    random: Random,
    back: Cell<bool>,
}

impl Surroundings {
    pub fn new(os_offset_ns: i64, random: &Random) -> Self {
        Self {
            true_ns: Cell::new(0),
            boot_ns: Cell::new((random.unit() * 1e15) as i64 + 20_000 * SECOND as i64),
            frozen: Cell::new(None),
            ppm: Cell::new(random.unit() * 100.0 - 50.0),
            os_offset_ns: Cell::new(os_offset_ns),
            os_error_ns: Cell::new(None),
            merged: RefCell::default(),
            stamp: Cell::new(1 << 64),
            random: Random::new(random.next()),
            back: Cell::new(false),
        }
    }

    pub fn raw(&self) -> u64 {
        self.frozen.get().unwrap_or_else(|| (self.oscillator_ns() + self.boot_ns.get()) as u64)
    }

    /// H from now on is so much more or less than it would have been.
    pub fn shift_h(&self, by_ns: i64) {
        self.boot_ns.set(self.boot_ns.get() + by_ns);
        self.back.set(by_ns < 0);
    }

    /// Whoever sleeps until some H wakes up late when H went back: the driver calls anyway.
    pub fn went_back(&self) -> bool {
        self.back.replace(false)
    }

    pub fn freeze(&self) {
        self.frozen.set(Some(self.raw()));
    }

    /// H goes on where it stood.
    pub fn thaw(&self) {
        let stood = self.frozen.take().unwrap() as i64;
        self.boot_ns.set(stood - self.oscillator_ns());
    }

    fn oscillator_ns(&self) -> i64 {
        let now = self.true_ns.get();
        now as i64 + (now as f64 * self.ppm.get() * 1e-6) as i64
    }
}

impl Host for Surroundings {
    fn raw_ns(&self) -> u64 {
        self.raw()
    }

    fn os(&self) -> OsTime {
        let wall_ns = self.oscillator_ns() + START_NS + self.os_offset_ns.get();
        OsTime { wall_ns, error_ns: self.os_error_ns.get() }
    }

    fn random(&self) -> u64 {
        self.random.next()
    }

    fn stamp(&self) -> Option<Timestamp> {
        Some(Timestamp::from_u128(self.stamp.get()))
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        self.merged.borrow_mut().push((remote, trusted));
    }
}
