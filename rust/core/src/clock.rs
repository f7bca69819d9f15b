//! [`Clock`]: the rules of [`crate::merge`] behind one compare-and-swap, joined to a source of time.

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Mutex, MutexGuard, PoisonError};

use portable_atomic::AtomicU128;

use crate::blame::{Blame, ENOUGH};
use crate::counters::{Counters, Stats, count};
use crate::epoch_gate::StepRecord;
use crate::fork;
use crate::jumps::JumpWatch;
use crate::layout::{HORIZON, LOGICAL_BITS, LOGICAL_SHIFT, MAX_BATCH, MAX_EPOCH, UNIT};
use crate::merge::{self, EpochGate, OnCollision, OnDrift, Rules};
use crate::sync::{Ordering, advance};
use crate::time_source::TimeSource;
use crate::{ClockError, EpochRefusal, Timestamp};

/// What a clock is made with. `Config::new` gives the defaults.
pub struct Config {
    /// The node id; `None`: one of `fresh_node`, and another one after a fork.
    pub node: Option<u64>,
    /// Gives a random node id of 48 bits. Randomness is a parameter here.
    pub fresh_node: Box<dyn Fn() -> u64 + Send + Sync>,
    /// How far remote timestamps may lead, inclusive, microseconds; `None`: no limit.
    pub max_drift_us: Option<u64>,
    /// Beyond that.
    pub on_drift: OnDrift,
    /// A remote timestamp of one's own node from above.
    pub on_collision: OnCollision,
    /// Start after this timestamp; at most [`HORIZON`].
    pub last: Option<Timestamp>,
    /// Start in this epoch, unless `last` is of a higher one.
    pub epoch: u16,
}

impl Config {
    /// A random node, half a second of drift, everything else refused.
    pub fn new(fresh_node: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            node: None,
            fresh_node: Box::new(fresh_node),
            max_drift_us: Some(500_000),
            on_drift: OnDrift::Reject,
            on_collision: OnCollision::Reject,
            last: None,
            epoch: 0,
        }
    }
}

/// A clock that issues strictly increasing timestamps and merges those of others.
///
/// Every method takes `&self` and may be called from any thread. [`Clock::now`] and [`Clock::update`] are lock-free: one
/// reading of the source, then one compare-and-swap, tried again only when another thread was faster. Refusals, jumps and
/// snapshots take a lock for a few nanoseconds, never around a call of the source.
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
    state: Alone<AtomicU128>,
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
    steps: StepRecord,
    counters: Counters,
    blame: Mutex<Blame>,
    reasons: Mutex<Reasons>,
    fresh_node: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// In a cache line of its own (two, where the processor fetches them in pairs): another thread's swap must not take away the
/// settings beside it, which every call reads.
#[repr(align(128))]
struct Alone<T>(T);

#[derive(Clone, Debug, Default)]
struct Reasons {
    reset: Option<String>,
    advance: Option<String>,
}

/// A reservation: consecutive timestamps of one call.
#[derive(Clone, Debug)]
pub struct Run {
    first: Timestamp,
    count: usize,
}

impl Iterator for Run {
    type Item = Timestamp;

    #[inline]
    fn next(&mut self) -> Option<Timestamp> {
        self.count = self.count.checked_sub(1)?;
        let next = self.first;
        self.first = Timestamp::from_u128(next.to_u128().wrapping_add(UNIT));
        Some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl ExactSizeIterator for Run {}

impl<S: TimeSource> Clock<S> {
    /// A clock on this source. `config.last` beyond the horizon and node bits above 48 are cut to what is usable: check
    /// them before where they come from outside.
    pub fn new(source: S, config: Config) -> Self {
        let node = config.node.unwrap_or_else(&config.fresh_node);
        let start = Timestamp::from_parts(0, 0, node, config.epoch);
        let last = config.last.map_or(start, |last| {
            Timestamp::from_parts(last.physical_us().min(HORIZON), last.logical(), node, last.epoch())
        });
        Self {
            state: Alone(AtomicU128::new(start.max(last).to_u128())),
            generation: AtomicU32::new(fork::generation()),
            fixed_node: AtomicBool::new(config.node.is_some()),
            source,
            jumps: JumpWatch::new(),
            max_drift: config.max_drift_us,
            on_drift: config.on_drift,
            on_collision: config.on_collision,
            loaded: config.last,
            was_reset: AtomicBool::new(false),
            steps: StepRecord::default(),
            counters: Counters::default(),
            blame: Mutex::default(),
            reasons: Mutex::default(),
            fresh_node: config.fresh_node,
        }
    }

    /// Stamps a local or send event.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] when the source fails, [`ClockError::Forked`] for a fixed node in a forked child.
    #[inline]
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
        let latest = merge::latest(physical, self.max_drift);
        let common = advance(&self.state.0, |state| {
            let adopted = merge::adopt_common(Timestamp::from_u128(state), remote, latest).ok_or(Uncommon)?;
            Ok(merge::tick(adopted, physical).to_u128())
        });
        match common.map(Timestamp::from_u128) {
            Ok(issued) => {
                self.count_carry(issued, physical);
                Ok(issued)
            }
            Err(Uncommon) => self.receive(&[remote], physical, on_drift, trusted),
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

    /// All the rules, for any number of messages; the common one never gets here.
    #[cold]
    fn receive(
        &self,
        remotes: &[Timestamp],
        physical: u64,
        on_drift: Option<OnDrift>,
        trusted: bool,
    ) -> Result<Timestamp, ClockError> {
        let rules = Rules {
            reference: physical,
            max_drift: self.max_drift,
            on_drift: on_drift.unwrap_or(self.on_drift),
            on_collision: self.on_collision,
        };
        let mut unusual = Vec::new();
        let mut raised = false;
        let issued = self.issue(|state| {
            unusual.clear();
            let mut adopted = state;
            for &remote in remotes {
                let (next, what) = merge::adopt(adopted, remote, &rules, || self.gate(state, trusted))?;
                adopted = next;
                unusual.extend(what);
            }
            raised = adopted.epoch() > state.epoch();
            if raised && !self.take_step(state, adopted.epoch(), trusted) {
                let highest = remotes.iter().copied().max().unwrap_or(adopted);
                return Err(self.too_soon(highest, state, trusted));
            }
            Ok(merge::tick(adopted, physical))
        });
        let issued = issued.map_err(|refusal| self.refused(refusal))?;
        self.count_carry(issued, physical);
        for what in unusual {
            self.counters.unusual(what);
        }
        if raised {
            count(&self.counters.epochs_adopted);
        }
        Ok(issued)
    }

    /// How far a remote timestamp leads this clock's time, microseconds; moves nothing.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] when the source fails.
    pub fn observe(&self, remote: Timestamp) -> Result<i64, ClockError> {
        Ok(remote.physical_us() as i64 - self.reference()? as i64)
    }

    /// The operator's way back from a poisoned future: one epoch up, wall time as the source shows it.
    ///
    /// # Errors
    ///
    /// As [`Clock::now`]; [`EpochRefusal::Top`] in the last epoch, [`EpochRefusal::NeedsForce`] without `force`.
    pub fn advance_epoch(&self, reason: &str, force: bool) -> Result<Timestamp, ClockError> {
        let physical = self.read()?;
        let issued = self.issue(|state| {
            let epoch = state.epoch();
            let refuse = |why| ClockError::Epoch { remote: None, epoch, proposed: u32::from(epoch) + 1, why };
            if epoch == MAX_EPOCH {
                return Err(refuse(EpochRefusal::Top));
            }
            if !force {
                return Err(refuse(EpochRefusal::NeedsForce));
            }
            Ok(merge::tick(Timestamp::from_parts(physical, 0, state.node(), epoch + 1), physical))
        })?;
        count(&self.counters.epochs_advanced);
        locked(&self.reasons).advance = Some(reason.to_owned());
        Ok(issued)
    }

    /// A new identity for a clock that has already stamped the wrong time: new node id, wall time as the source shows it.
    /// Its first timestamp may lie below earlier ones of the old identity.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] when the source fails.
    pub fn reset(&self, reason: &str) -> Result<Timestamp, ClockError> {
        let wall_us = self.source.wall_us().map_err(|_| ClockError::Source)?;
        // From here on nothing fails. The node is drawn after the reading: a source written in Python may itself fork, and
        // a node that was drawn before would then be in two processes.
        self.fixed_node.store(false, Ordering::Relaxed);
        if self.is_copied() {
            self.become_child();
        }
        self.was_reset.store(true, Ordering::Relaxed);
        let physical = self.judged(wall_us);
        let node = (self.fresh_node)();
        let issued =
            self.issue(|state| Ok(merge::tick(Timestamp::from_parts(physical, 0, node, state.epoch()), physical)))?;
        count(&self.counters.resets);
        locked(&self.blame).clear();
        locked(&self.reasons).reset = Some(reason.to_owned());
        Ok(issued)
    }

    /// The latest timestamp, issued, adopted or loaded; `None` before the first. The next one lies above it.
    pub fn last(&self) -> Option<Timestamp> {
        let state = self.state();
        match self.loaded {
            Some(loaded)
                if !self.was_reset.load(Ordering::Relaxed) && loaded.without_node() == state.without_node() =>
            {
                Some(loaded)
            }
            _ => (state.physical_us() > 0 || state.logical() > 0).then_some(state),
        }
    }

    /// Node and latest timestamp as they stand, without the new node that a use after a fork brings: for people to look at.
    pub fn peek(&self) -> (u64, Option<Timestamp>) {
        (self.state().node(), self.last())
    }

    /// This clock's node. After a fork it is a new one, unless it was fixed.
    pub fn node(&self) -> u64 {
        if self.is_copied() && !self.fixed_node.load(Ordering::Relaxed) {
            self.become_child();
        }
        self.state().node()
    }

    /// The epoch of the latest timestamp.
    pub fn epoch(&self) -> u16 {
        self.state().epoch()
    }

    /// How far the timestamps lead the source, microseconds; zero when they do not.
    ///
    /// # Errors
    ///
    /// [`ClockError::Source`] when the source fails.
    pub fn ahead_by_us(&self) -> Result<u64, ClockError> {
        Ok(self.state().physical_us().saturating_sub(self.reference()?))
    }

    /// The counters. A source that may be read is compared with monotonic time first, for the jumps since the last comparison.
    pub fn stats(&self) -> Stats {
        self.jumps.compare(&self.source, None, &self.counters);
        let now_ns = self.source.monotonic_ns();
        let suspects = locked(&self.blame).suspects(now_ns);
        let reasons = locked(&self.reasons).clone();
        Stats {
            last_reset: reasons.reset,
            last_advance: reasons.advance,
            suspect_self: suspects.len() >= ENOUGH,
            suspects,
            ..self.counters.snapshot()
        }
    }

    /// The source that this clock reads.
    pub fn source(&self) -> &S {
        &self.source
    }

    fn state(&self) -> Timestamp {
        Timestamp::from_u128(self.state.0.load(Ordering::Acquire))
    }

    /// Advances the state; what it becomes is what is issued.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn issue(&self, mut next: impl FnMut(Timestamp) -> Result<Timestamp, ClockError>) -> Result<Timestamp, ClockError> {
        advance(&self.state.0, |state| next(Timestamp::from_u128(state)).map(Timestamp::to_u128))
            .map(Timestamp::from_u128)
    }

    /// One physical reading, at most [`HORIZON`], taken before the swap begins.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the hot path")]
    fn read(&self) -> Result<u64, ClockError> {
        let wall_us = self.source.wall_us().map_err(|_| ClockError::Source)?;
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
        self.source.wall_us().map(usable).map_err(|_| ClockError::Source)
    }

    #[inline]
    fn is_copied(&self) -> bool {
        self.generation.load(Ordering::Relaxed) != fork::generation()
    }

    /// First use after a fork.
    #[cold]
    fn enter_child(&self) -> Result<(), ClockError> {
        if self.fixed_node.load(Ordering::Relaxed) {
            return Err(ClockError::Forked { node: self.state().node() });
        }
        self.become_child();
        Ok(())
    }

    /// Threads of the child may come here at once: each then gives the clock another fresh node, all of them unique.
    fn become_child(&self) {
        let node = (self.fresh_node)();
        let renamed =
            advance(&self.state.0, |state| Ok::<_, ClockError>(Timestamp::from_u128(state).with_node(node).to_u128()));
        debug_assert!(renamed.is_ok(), "renaming refuses nothing");
        self.generation.store(fork::generation(), Ordering::Relaxed);
        count(&self.counters.forks);
    }

    /// Neither issued nor loaded anything: a newcomer must be able to join at any epoch.
    fn is_fresh(&self, state: Timestamp) -> bool {
        self.loaded.is_none() && state.physical_us() == 0 && state.logical() == 0
    }

    fn gate(&self, state: Timestamp, trusted: bool) -> EpochGate {
        if trusted || self.is_fresh(state) {
            EpochGate::Open
        } else {
            self.steps.gate(state.epoch(), self.source.monotonic_ns())
        }
    }

    /// Spends the minute, where one has to be spent.
    fn take_step(&self, state: Timestamp, to: u16, trusted: bool) -> bool {
        trusted || self.is_fresh(state) || self.steps.take(to, self.source.monotonic_ns())
    }

    /// Another thread took a step between the look and the step.
    fn too_soon(&self, remote: Timestamp, state: Timestamp, trusted: bool) -> ClockError {
        let wait_us = match self.gate(state, trusted) {
            EpochGate::Shut { wait_us, .. } => wait_us,
            EpochGate::Open | EpochGate::Step { .. } => 0,
        };
        ClockError::Epoch {
            remote: Some(remote),
            epoch: state.epoch(),
            proposed: remote.epoch().into(),
            why: EpochRefusal::TooSoon { wait_us },
        }
    }

    #[cold]
    fn refused(&self, refusal: ClockError) -> ClockError {
        match refusal {
            ClockError::Drift { remote, .. } => {
                count(&self.counters.refused_drift);
                let now_ns = self.source.monotonic_ns();
                locked(&self.blame).refused(remote.node(), now_ns);
            }
            ClockError::Epoch { .. } => count(&self.counters.refused_epoch),
            ClockError::Collision { .. } => count(&self.counters.refused_collision),
            ClockError::Forked { .. } | ClockError::Exhausted { .. } | ClockError::Source => {}
        }
        refusal
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

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
