//! [`SteeredSource`]: a clock that follows what a flock has agreed on, as long as somebody steers it.

use std::sync::Arc;

use crate::discipline::Discipline;
use crate::fork;
use crate::interval::{Bound, DRIFT_PPB, Vouched, Voucher, grown};
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
    /// What the discipline may be wrong by against UTC where it begins, nanoseconds; `None`: nobody vouches for it.
    pub error_ns: Option<u64>,
    /// That is what an earlier round knew, grown: nobody vouches any more.
    pub free_running: bool,
}

impl Guidance {
    /// What it may be wrong by at this H, against UTC. It grows with its age: by what the line slews, and by what an oscillator may
    /// drift. `None` where nobody vouches, and before the line begins: H went back.
    ///
    /// Free running is also what has not been renewed for as long as a line slews, which is two rounds.
    pub fn bound_at(&self, h_ns: u64) -> Option<Bound> {
        let Discipline { h0_ns, s, u, slew_ns, .. } = self.discipline;
        let age_ns = h_ns.checked_sub(h0_ns)?;
        let slewed = (age_ns.min(slew_ns) as f64 * (s.abs() + u.abs())).ceil() as u64;
        let error_ns = grown(self.error_ns?.saturating_add(slewed), age_ns, DRIFT_PPB);
        Some(Bound { error_ns, free_running: self.free_running || age_ns > slew_ns, by: Voucher::Flock })
    }
}

const WORDS: usize = Discipline::WORDS + 2;
const IN_FORCE: u64 = 1;
const REFUSE: u64 = 2;
const FREE_RUNNING: u64 = 4;
/// No limit of its own. As a limit it would be none either: half a million years.
const NO_LIMIT: u64 = u64::MAX;
/// Nobody vouches. As an error it would be no help either.
const NO_ERROR: u64 = u64::MAX;

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
    let named = [(guidance.in_force, IN_FORCE), (guidance.refuse, REFUSE), (guidance.free_running, FREE_RUNNING)];
    let flags = named.iter().map(|&(set, flag)| u64::from(set) * flag).sum();
    [h0, l0, y, s, u, slew, guidance.error_ns.unwrap_or(NO_ERROR), flags]
}

/// All but the limit.
fn unpack(&[h0, l0, y, s, u, slew, error_ns, flags]: &[u64; WORDS]) -> Guidance {
    Guidance {
        discipline: Discipline::from_words([h0, l0, y, s, u, slew]),
        in_force: flags & IN_FORCE != 0,
        limit_us: None,
        refuse: flags & REFUSE != 0,
        error_ns: Some(error_ns).filter(|&error_ns| error_ns != NO_ERROR),
        free_running: flags & FREE_RUNNING != 0,
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

    /// What it shows, with the flock's bound where the flock has one, else with whatever `base` has to say.
    ///
    /// # Errors
    ///
    /// As [`TimeSource::wall_ns`].
    pub fn vouched_else(
        &self,
        base: impl FnOnce(&S) -> Result<Vouched, SourceFailed>,
    ) -> Result<Vouched, SourceFailed> {
        let by_flock = self.steering.guidance.read(|words| {
            let guidance = unpack(words);
            let raw_ns = self.base.raw_ns();
            let bound = guidance.bound_at(raw_ns).filter(|_| guidance.in_force && !self.steering.is_copied());
            bound.map(|bound| Vouched { wall_ns: guidance.discipline.at(raw_ns), bound: Some(bound) })
        });
        by_flock.map_or_else(|| base(&self.base), Ok)
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

    fn vouched(&self) -> Result<Vouched, SourceFailed> {
        self.vouched_else(S::vouched)
    }

    fn is_moved_by_hand(&self) -> bool {
        self.base.is_moved_by_hand()
    }
}
