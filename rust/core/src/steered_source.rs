//! [`SteeredSource`]: a clock that follows what a flock has agreed on, as long as somebody steers it.

use std::sync::Arc;

use crate::discipline::Discipline;
use crate::fork;
use crate::latest::Latest;
use crate::sync::{AtomicU64, Ordering};
use crate::time_source::{Reading, SourceFailed, TimeSource};

/// What a flock says about time. The default: nothing yet, the base is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Guidance {
    /// The flock's time as this member has it.
    pub discipline: Discipline,
    /// Whether that is what the source shows; else it shows its base's wall time.
    pub in_force: bool,
    /// How far remote timestamps may lead, inclusive, microseconds, where that is less than what the clock was given.
    pub limit_us: Option<u64>,
    /// Whether the source fails with [`SourceFailed::NotReady`] as long as the discipline is not in force.
    pub refuse: bool,
}

const WORDS: usize = Discipline::WORDS + 1;
const IN_FORCE: u64 = 1;
const REFUSE: u64 = 2;
/// No limit of its own. As a limit it would be none either: half a million years.
const NO_LIMIT: u64 = u64::MAX;

/// The rudder of one flock: its agent publishes, any number of [`SteeredSource`]s follow.
///
/// Belongs to the process that made it. In a forked child, which has no agent, nothing steers: the child needs another one.
#[derive(Debug)]
pub struct Steering {
    guidance: Latest<WORDS>,
    /// Apart from the rest, because every received timestamp asks for it, and for nothing else.
    limit_us: AtomicU64,
    generation: u32,
}

impl Default for Steering {
    fn default() -> Self {
        Self::new()
    }
}

impl Steering {
    /// Nothing in force, nothing refused.
    pub fn new() -> Self {
        Self {
            guidance: Latest::new(pack(&Guidance::default())),
            limit_us: AtomicU64::new(NO_LIMIT),
            generation: fork::generation(),
        }
    }

    /// Puts this in place of what was published before. False, and nothing published: another thread is at it, which is a
    /// mistake where each flock has one agent.
    ///
    /// Readers see all of it or nothing; of `limit_us` they may see the next one first.
    #[must_use = "false: another thread was publishing, and nothing was published"]
    pub fn publish(&self, guidance: &Guidance) -> bool {
        let written = self.guidance.try_write(pack(guidance));
        if written {
            self.limit_us.store(guidance.limit_us.unwrap_or(NO_LIMIT), Ordering::Relaxed);
        }
        written
    }

    /// What was published last, also in a forked child, where nobody follows it.
    pub fn guidance(&self) -> Guidance {
        let limit_us = Some(self.limit_us.load(Ordering::Relaxed)).filter(|&limit| limit != NO_LIMIT);
        Guidance { limit_us, ..self.guidance.read(unpack) }
    }

    /// Whether a fork lies between this and the process that it belongs to.
    #[inline]
    pub fn is_copied(&self) -> bool {
        self.generation != fork::generation()
    }
}

fn pack(guidance: &Guidance) -> [u64; WORDS] {
    let [h0, l0, y, s, u, slew] = guidance.discipline.to_words();
    let flags = (u64::from(guidance.in_force) * IN_FORCE) | (u64::from(guidance.refuse) * REFUSE);
    [h0, l0, y, s, u, slew, flags]
}

/// All but the limit.
fn unpack(&[h0, l0, y, s, u, slew, flags]: &[u64; WORDS]) -> Guidance {
    Guidance {
        discipline: Discipline::from_words([h0, l0, y, s, u, slew]),
        in_force: flags & IN_FORCE != 0,
        limit_us: None,
        refuse: flags & REFUSE != 0,
    }
}

/// A source that shows a disciplined clock over its base's raw counter, where one is in force, and its base's wall time else.
///
/// Other threads may publish at any time: a reading follows one guidance, whole, and the counter is read while that holds.
/// In a forked child of the process that made the [`Steering`] it shows its base's wall time, whatever was published.
#[derive(Clone, Debug)]
pub struct SteeredSource<S> {
    base: S,
    steering: Arc<Steering>,
}

impl<S: TimeSource> SteeredSource<S> {
    /// Follows `steering` over the raw counter of `base`.
    pub fn new(base: S, steering: Arc<Steering>) -> Self {
        Self { base, steering }
    }

    /// What it follows.
    pub fn steering(&self) -> &Arc<Steering> {
        &self.steering
    }

    /// What it shows where nothing is in force.
    pub fn base(&self) -> &S {
        &self.base
    }

    /// `Ok(None)`: the base is in force.
    fn disciplined(&self) -> Result<Option<Reading>, SourceFailed> {
        if self.steering.is_copied() {
            return Ok(None);
        }
        self.steering.guidance.read(|words| {
            let Guidance { discipline, in_force, refuse, .. } = unpack(words);
            if !in_force {
                return if refuse { Err(SourceFailed::NotReady) } else { Ok(None) };
            }
            let raw_ns = self.base.raw_ns();
            Ok(Some(Reading {
                wall_ns: discipline.at(raw_ns),
                slope: discipline.slope_at(raw_ns),
                holds_ns: discipline.holds_ns(raw_ns),
            }))
        })
    }
}

impl<S: TimeSource> TimeSource for SteeredSource<S> {
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        match self.disciplined()? {
            Some(reading) => Ok(reading.wall_ns),
            None => self.base.wall_ns(),
        }
    }

    fn reading(&self) -> Result<Reading, SourceFailed> {
        match self.disciplined()? {
            Some(reading) => Ok(reading),
            // Against the raw counter the base's clock runs as fast as the operating system disciplines it: near enough.
            None => Ok(Reading { slope: 1.0, ..self.base.reading()? }),
        }
    }

    fn steady_ns(&self) -> u64 {
        self.base.raw_ns()
    }

    fn monotonic_ns(&self) -> u64 {
        self.base.monotonic_ns()
    }

    fn raw_ns(&self) -> u64 {
        self.base.raw_ns()
    }

    #[inline]
    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        let configured = self.base.max_drift_us(configured);
        if self.steering.is_copied() {
            return configured;
        }
        let limit = self.steering.limit_us.load(Ordering::Relaxed);
        configured.map(|configured| configured.min(limit))
    }

    fn rereadable(&self) -> bool {
        self.base.rereadable()
    }
}
