//! [`SkewedSource`]: another source seen through a wrong clock, for demonstrations and for tests on real processes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::interval::Vouched;
use crate::latest::Latest;
use crate::sync::{AtomicU64, Ordering};
use crate::time_source::{SourceFailed, TimeSource, told};

/// Another source seen through a wrong clock: a constant offset, a rate error that grows from now on, and what is done to it
/// while it runs. The rate error is that of its oscillator: the raw counter has it too.
///
/// Clones share what is done to them. Any thread may do it at any time; a reading shows all of it or nothing. Monotonic time
/// is the base's throughout.
#[derive(Clone, Debug)]
pub struct SkewedSource<S> {
    base: S,
    offset_ns: i64,
    ppm: f64,
    start_wall_ns: i64,
    start_raw_ns: u64,
    controls: Arc<Controls>,
}

#[derive(Debug)]
struct Controls {
    /// `wall shift | raw shift | frozen | wall held | raw held`, nanoseconds.
    state: Latest<5>,
    /// Whoever changes something holds this; readers do not.
    hand: Mutex<()>,
    /// What it was told to vouch for, or [`NOBODY`].
    error_ns: AtomicU64,
}

/// As an error that would be no help either.
const NOBODY: u64 = u64::MAX;

#[derive(Clone, Copy, Default)]
#[allow(clippy::struct_field_names, reason = "the unit stands last in every name")]
struct State {
    wall_shift_ns: i64,
    raw_shift_ns: i64,
    /// What a frozen source goes on showing, wall and raw.
    held_ns: Option<(i64, u64)>,
}

impl State {
    fn to_words(self) -> [u64; 5] {
        let (wall_ns, raw_ns) = self.held_ns.unwrap_or_default();
        [self.wall_shift_ns as u64, self.raw_shift_ns as u64, self.held_ns.is_some().into(), wall_ns as u64, raw_ns]
    }

    fn from_words(&[wall_shift, raw_shift, frozen, wall, raw]: &[u64; 5]) -> Self {
        let held_ns = (frozen != 0).then_some((wall as i64, raw));
        Self { wall_shift_ns: wall_shift as i64, raw_shift_ns: raw_shift as i64, held_ns }
    }
}

impl<S: TimeSource> SkewedSource<S> {
    /// Wrong by `offset_ns` from the start and by `ppm` microseconds more in each second of the base.
    ///
    /// # Errors
    ///
    /// [`SourceFailed`] when the base cannot be read.
    pub fn new(base: S, offset_ns: i64, ppm: f64) -> Result<Self, SourceFailed> {
        let (start_wall_ns, start_raw_ns) = (base.wall_ns()?, base.raw_ns());
        let controls = Controls {
            state: Latest::new(State::default().to_words()),
            hand: Mutex::default(),
            error_ns: AtomicU64::new(NOBODY),
        };
        Ok(Self { base, offset_ns, ppm, start_wall_ns, start_raw_ns, controls: Arc::new(controls) })
    }

    /// The constant part, nanoseconds.
    pub fn offset_ns(&self) -> i64 {
        self.offset_ns
    }

    /// The rate error, parts per million.
    pub fn ppm(&self) -> f64 {
        self.ppm
    }

    /// The oscillator jumps: wall and raw move by so much, either way. The raw counter may go back, to zero at most,
    /// which no real one does.
    pub fn step(&self, by_ns: i64) {
        self.change(|state| {
            state.wall_shift_ns = state.wall_shift_ns.saturating_add(by_ns);
            state.raw_shift_ns = state.raw_shift_ns.saturating_add(by_ns);
            let moved =
                |(wall_ns, raw_ns): (i64, u64)| (wall_ns.saturating_add(by_ns), raw_ns.saturating_add_signed(by_ns));
            state.held_ns = state.held_ns.map(moved);
        });
    }

    /// An operator sets the clock: the wall moves by so much, either way, and by that much more each time. The raw counter does
    /// not notice.
    pub fn set_wall(&self, by_ns: i64) {
        self.change(|state| {
            state.wall_shift_ns = state.wall_shift_ns.saturating_add(by_ns);
            state.held_ns = state.held_ns.map(|(wall_ns, raw_ns)| (wall_ns.saturating_add(by_ns), raw_ns));
        });
    }

    /// Wall and raw stand still until [`SkewedSource::thaw`], as in a paused virtual machine. Freezing what is frozen changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`SourceFailed`] when the base cannot be read; nothing is frozen then.
    pub fn freeze(&self) -> Result<(), SourceFailed> {
        let hand = self.hand();
        let mut state = self.state();
        if state.held_ns.is_none() {
            state.held_ns = Some((self.running_wall_ns(state)?, self.running_raw_ns(state)));
            self.put(&hand, state);
        }
        Ok(())
    }

    /// Wall and raw go on from where they stood, and stay behind by the time that has passed meanwhile.
    ///
    /// # Errors
    ///
    /// [`SourceFailed`] when the base cannot be read; it is frozen as before then.
    pub fn thaw(&self) -> Result<(), SourceFailed> {
        let hand = self.hand();
        let mut state = self.state();
        if let Some((wall_ns, raw_ns)) = state.held_ns.take() {
            let lost_wall = self.running_wall_ns(state)?.saturating_sub(wall_ns);
            let lost_raw = self.running_raw_ns(state).wrapping_sub(raw_ns) as i64;
            state.wall_shift_ns = state.wall_shift_ns.saturating_sub(lost_wall);
            state.raw_shift_ns = state.raw_shift_ns.saturating_sub(lost_raw);
            self.put(&hand, state);
        }
        Ok(())
    }

    /// From now on readings may be wrong by so much, as it says; `None`, as at first: nobody knows. What the base says does not
    /// count: it knows nothing of this one's errors.
    pub fn vouch(&self, error_ns: Option<u64>) {
        self.controls.error_ns.store(error_ns.unwrap_or(NOBODY), Ordering::Relaxed);
    }

    /// True between freeze and thaw.
    pub fn is_frozen(&self) -> bool {
        self.state().held_ns.is_some()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let hand = self.hand();
        let mut state = self.state();
        change(&mut state);
        self.put(&hand, state);
    }

    fn hand(&self) -> MutexGuard<'_, ()> {
        self.controls.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> State {
        self.controls.state.read(State::from_words)
    }

    fn put(&self, _hand: &MutexGuard<'_, ()>, state: State) {
        let written = self.controls.state.try_write(state.to_words());
        debug_assert!(written, "whoever writes holds the lock");
    }

    fn running_wall_ns(&self, state: State) -> Result<i64, SourceFailed> {
        let base = self.base.wall_ns()?;
        let drift = (base.saturating_sub(self.start_wall_ns) as f64 * self.ppm * 1e-6) as i64;
        Ok(base.saturating_add(self.offset_ns).saturating_add(drift).saturating_add(state.wall_shift_ns))
    }

    fn running_raw_ns(&self, state: State) -> u64 {
        let base = self.base.raw_ns();
        let drift = (base.wrapping_sub(self.start_raw_ns) as i64 as f64 * self.ppm * 1e-6) as i64;
        base.saturating_add_signed(drift).saturating_add_signed(state.raw_shift_ns)
    }
}

impl<S: TimeSource> TimeSource for SkewedSource<S> {
    #[inline]
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        self.controls.state.read(|words| {
            let state = State::from_words(words);
            state.held_ns.map_or_else(|| self.running_wall_ns(state), |(wall_ns, _)| Ok(wall_ns))
        })
    }

    fn monotonic_ns(&self) -> u64 {
        self.base.monotonic_ns()
    }

    fn raw_ns(&self) -> u64 {
        self.controls.state.read(|words| {
            let state = State::from_words(words);
            state.held_ns.map_or_else(|| self.running_raw_ns(state), |(_, raw_ns)| raw_ns)
        })
    }

    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        self.base.max_drift_us(configured)
    }

    fn rereadable(&self) -> bool {
        self.base.rereadable()
    }

    fn vouched(&self) -> Result<Vouched, SourceFailed> {
        let error_ns = self.controls.error_ns.load(Ordering::Relaxed);
        Ok(told(self.wall_ns()?, Some(error_ns).filter(|&error_ns| error_ns != NOBODY)))
    }

    fn is_moved_by_hand(&self) -> bool {
        self.base.is_moved_by_hand()
    }
}
