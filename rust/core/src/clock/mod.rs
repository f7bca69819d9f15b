//! [`Clock`]: the rules of [`crate::merge`] behind one compare-and-swap, joined to a source of time.

mod config;
mod identity;
mod looking;
mod reasons;
mod receive;
mod run;
mod word;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

pub use config::Config;
pub use run::Run;

use crate::blame::Blame;
use crate::counters::{Counters, count};
use crate::jumps::JumpWatch;
use crate::layout::{HORIZON, LOGICAL_BITS, LOGICAL_SHIFT, MAX_BATCH};
use crate::merge::{self, OnCollision, OnDrift};
use crate::shared_state::SharedPlace;
use crate::sync::Ordering;
use crate::time_source::TimeSource;
use crate::{ClockError, Timestamp, fork};
use reasons::Reasons;
use word::{Stopped, Word};

/// A clock that issues strictly increasing timestamps and merges those of others.
///
/// Every method takes `&self` and may be called from any thread. [`Clock::now`] and [`Clock::update`] are lock-free: one
/// reading of the source, then one compare-and-swap, tried again only when another thread was faster. Refusals and
/// jumps wait for nobody either; of two at one instant, on two threads, one may go unrecorded. Resets, steps to a new epoch and
/// snapshots take a lock for a few nanoseconds, never around a call of the source, and do without it in a forked child where
/// nobody is left to give it back.
///
/// ```
/// use flocktime_core::{Clock, Config, ManualSource};
/// let source = ManualSource::new(1_000_000).unwrap();
/// let clock = Clock::new(source.clone(), Config::new(|| 0x2a));
/// let first = clock.now()?;
/// source.step_back(400_000);
/// assert!(clock.now()? > first);
/// # Ok::<(), flocktime_core::ClockError>(())
/// ```
pub struct Clock<S> {
    /// The latest timestamp, issued or adopted, with this clock's node. Never goes back, but for `reset`.
    word: Word,
    /// The generation that `state`'s node belongs to.
    generation: AtomicU32,
    fixed_node: AtomicBool,
    source: S,
    jumps: JumpWatch,
    max_drift: Option<u64>,
    on_drift: OnDrift,
    on_collision: OnCollision,
    loaded: Option<Timestamp>,
    /// `loaded` is no longer where the clock stands: a reset may come by the same numbers once more.
    was_reset: AtomicBool,
    counters: Counters,
    /// Elsewhere: it is large, and no call that succeeds needs it.
    blame: Box<Blame>,
    reasons: Reasons,
    fresh_node: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl<S: TimeSource> Clock<S> {
    /// A clock on this source. `config.last` beyond the horizon and node bits above 48 are cut to what is usable: check
    /// them before where they come from outside.
    pub fn new(source: S, config: Config) -> Self {
        let node = config.node.unwrap_or_else(&config.fresh_node);
        let start = Timestamp::from_parts(0, 0, node, config.epoch);
        let last = config.last.map_or(start, |last| {
            Timestamp::from_parts(last.physical_us().min(HORIZON), last.logical(), node, last.epoch())
        });
        Self::on(Word::own(start.max(last)), source, config)
    }

    /// A clock whose state is that of `place`, which clocks of other processes advance too: no two of them issue the same timestamp,
    /// and all of them carry the node that the state has. What `config` says about node, epoch and beginning does not count, and
    /// [`Clock::reset`] is refused.
    pub fn sharing(place: Arc<dyn SharedPlace>, source: S, config: Config) -> Self {
        Self::on(Word::Shared(place), source, Config { node: None, last: None, ..config })
    }

    fn on(word: Word, source: S, config: Config) -> Self {
        Self {
            word,
            generation: AtomicU32::new(fork::generation()),
            fixed_node: AtomicBool::new(config.node.is_some()),
            source,
            jumps: JumpWatch::new(),
            max_drift: config.max_drift_us,
            on_drift: config.on_drift,
            on_collision: config.on_collision,
            loaded: config.last,
            was_reset: AtomicBool::new(false),
            counters: Counters::default(),
            blame: Box::new(Blame::new()),
            reasons: Reasons::new(),
            fresh_node: config.fresh_node,
        }
    }

    /// Stamps a local or send event.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] or [`ClockError::NotReady`] when the source fails, [`ClockError::Forked`] for a fixed node in a forked child.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path: what it returns is larger than a timestamp, 5 ns of 46")]
    pub fn now(&self) -> Result<Timestamp, ClockError> {
        let physical = self.read()?;
        let issued = self.issue(|state| Ok(merge::tick(state, physical)))?;
        self.count_carry(issued, physical);
        Ok(issued)
    }

    /// Reserves `n` consecutive timestamps with one swap.
    ///
    /// # Errors
    ///
    /// As [`Clock::now`]; `n` above [`MAX_BATCH`] is cut to it.
    pub fn now_many(&self, n: usize) -> Result<Run, ClockError> {
        let physical = self.read()?;
        let Some(more) = n.min(MAX_BATCH).checked_sub(1) else {
            return Ok(Run { first: Timestamp::MIN, count: 0 });
        };
        let mut first = Timestamp::MIN;
        let last = self.issue(|state| {
            let run = merge::run(state, physical, more).ok_or(ClockError::Exhausted { epoch: state.epoch() })?;
            first = run.0;
            Ok(run.1)
        })?;
        self.count_carry(first, physical);
        let full = |ts: Timestamp| ts.to_u128() >> (LOGICAL_SHIFT + LOGICAL_BITS);
        let carries = (full(last) - full(first)) as u64;
        if carries > 0 {
            self.counters.carries.fetch_add(carries, Ordering::Relaxed);
        }
        Ok(Run { first, count: more + 1 })
    }

    /// Stamps a receive event: merges the remote timestamp and ticks. `None`: the clock's own drift policy.
    ///
    /// # Errors
    ///
    /// As [`Clock::now`], and every refusal of [`merge::adopt`]; the state is then as before.
    #[inline]
    pub fn update(&self, remote: Timestamp, on_drift: Option<OnDrift>, trusted: bool) -> Result<Timestamp, ClockError> {
        let physical = self.read()?;
        let latest = merge::latest(physical, self.source.max_drift_us(self.max_drift));
        let common = self.word.advance(|state| {
            let adopted = merge::adopt_common(state, remote, latest).ok_or(Uncommon)?;
            Ok(merge::tick(adopted, physical))
        });
        match common {
            Ok(issued) => {
                self.count_carry(issued, physical);
                Ok(issued)
            }
            Err(Stopped::Refused(Uncommon) | Stopped::Beyond(_)) => {
                self.receive(&[remote], physical, on_drift, trusted)
            }
        }
    }

    /// Merges all of them and ticks once; all or nothing. At most [`MAX_BATCH`] are looked at.
    ///
    /// # Errors
    ///
    /// As [`Clock::update`], for the first one that is refused.
    pub fn update_many(
        &self,
        remotes: &[Timestamp],
        on_drift: Option<OnDrift>,
        trusted: bool,
    ) -> Result<Timestamp, ClockError> {
        let physical = self.read()?;
        self.receive(&remotes[..remotes.len().min(MAX_BATCH)], physical, on_drift, trusted)
    }

    fn state(&self) -> Timestamp {
        self.word.load()
    }

    /// Advances the state; what it becomes is what is issued.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn issue(&self, mut next: impl FnMut(Timestamp) -> Result<Timestamp, ClockError>) -> Result<Timestamp, ClockError> {
        match self.word.advance(&mut next) {
            Ok(issued) => Ok(issued),
            Err(Stopped::Refused(refusal)) => Err(refusal),
            Err(Stopped::Beyond(stamp)) => self.issue_beyond(stamp, &mut next),
        }
    }

    /// The same where the lease of shared memory has to be extended first.
    #[cold]
    fn issue_beyond(
        &self,
        mut stamp: Timestamp,
        next: &mut dyn FnMut(Timestamp) -> Result<Timestamp, ClockError>,
    ) -> Result<Timestamp, ClockError> {
        loop {
            self.make_room(stamp)?;
            match self.word.advance(&mut *next) {
                Ok(issued) => return Ok(issued),
                Err(Stopped::Refused(refusal)) => return Err(refusal),
                Err(Stopped::Beyond(further)) => stamp = further,
            }
        }
    }

    /// Where memory is shared: that its lease may reach so far.
    fn make_room(&self, stamp: Timestamp) -> Result<(), ClockError> {
        let Some(place) = self.word.shared() else { return Ok(()) };
        let leased_until = |why| ClockError::Unleased { stamp, leased: place.state().leased(), why };
        place.make_room(stamp).map_err(leased_until)
    }

    /// One physical reading, at most [`HORIZON`], taken before the swap begins.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn read(&self) -> Result<u64, ClockError> {
        let wall_us = self.source.wall_us()?;
        if self.is_copied() {
            self.enter_child()?; // after the reading: a source written in Python may itself fork
        }
        Ok(self.judged(wall_us))
    }

    /// A reading as a timestamp can hold it, watched for jumps.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn judged(&self, wall_us: i64) -> u64 {
        if self.jumps.is_due(wall_us) {
            self.jumps.compare(&self.source, Some(wall_us), &self.counters);
        }
        if wall_us as u64 > HORIZON {
            count(&self.counters.readings_out_of_range);
            return usable(wall_us);
        }
        wall_us as u64
    }

    fn reference(&self) -> Result<u64, ClockError> {
        Ok(usable(self.source.wall_us()?))
    }

    #[inline]
    fn count_carry(&self, issued: Timestamp, physical: u64) {
        if issued.physical_us() > physical && issued.logical() == 0 {
            count(&self.counters.carries);
        }
    }
}

/// The message needs all the rules.
struct Uncommon;

/// A reading bent into what a timestamp can hold.
fn usable(wall_us: i64) -> u64 {
    u64::try_from(wall_us).unwrap_or(0).min(HORIZON)
}
