//! `Clock` for Python. Every rule is in `flocktime_core::Clock`.

use std::sync::Arc;
use std::time::Duration;

use flocktime_agent::host_page::{HostPage, OnExpiry};
use flocktime_core::layout::MAX_EPOCH;
use flocktime_core::{Clock, ClockError, Interval, Timestamp};
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDelta, PyList, PyString, PyType};

use crate::clock_arguments::{collected, count, label, policies, start};
use crate::clock_stats::{shown_clock, snapshot};
use crate::convert::{Argument, checked_bool, delta, field, file_path, node_id, on_drift, reason};
use crate::errors::{refusal_on, wrong_type};
use crate::interval::{self, Keeper};
use crate::page;
use crate::source::Source;
use crate::stamp_object::stamp;
use crate::timestamp::PyTimestamp;

/// A clock that issues strictly increasing timestamps and merges those of others.
///
/// Whatever the wall clock does, each timestamp is greater than every one that this clock has issued or adopted before,
/// from any thread, across ``now`` and ``update``. Any thread may call any method at any time. A forked child gets a new
/// node id, or ``ForkedClock`` where the node was fixed. A call that raises has changed nothing.
///
/// Args:
///     name: a label for people; it is in no timestamp.
///     node: 48 bits as an int or 6 bytes; ``None``: random. Two clocks of one node issue equal timestamps.
///     max_drift: how far a remote timestamp may lead, inclusive, in seconds or as ``timedelta``; ``None``: no limit.
///     on_drift: beyond that ``"reject"`` (raise), ``"adopt"`` (take it), ``"ignore"`` or ``"clamp"`` (go on without it, or
///         with as much as is allowed: the result may then lie *below* the remote timestamp).
///     on_collision: a remote timestamp of this node from above: ``"reject"`` (raise) or ``"adopt"``.
///     source: ``None``: the operating system's clock; else a callable that returns ``int`` nanoseconds since 1970.
///     last: start after this timestamp.
///     epoch: start in this epoch.
///     clockbound: the file of a ClockBound daemon, whose word on the OS clock's error then counts instead of the kernel's.
///
/// Raises:
///     ValueError, TypeError: an argument that names no such thing. ClockBoundError: the file cannot be used.
///
/// >>> clock = Clock(name="billing")
/// >>> sent = clock.now()
/// >>> received = clock.update(sent)
/// >>> sent < received
/// True
#[pyclass(frozen, weakref, module = "flocktime", name = "Clock")]
pub(crate) struct PyClock {
    /// Apart from the Python object, which cannot be aligned as the clock asks for; shared with a flock that it is attached to.
    clock: Arc<Clock<Source>>,
    name: Option<Py<PyString>>,
    /// Where its state lies, if not in itself.
    page: Option<Arc<HostPage>>,
    /// Who says what the operating system's clock may be wrong by.
    keeper: Keeper,
}

impl PyClock {
    pub(crate) fn shared(&self) -> &Arc<Clock<Source>> {
        &self.clock
    }

    pub(crate) fn host_page(&self) -> Option<&Arc<HostPage>> {
        self.page.as_ref()
    }

    #[cold]
    fn refused(&self, py: Python<'_>, error: ClockError) -> PyErr {
        refusal_on(py, error, self.page.as_ref().map(|page| page.path()))
    }

    #[inline]
    fn issued<'py>(&self, py: Python<'py>, result: Result<Timestamp, ClockError>) -> Stamp<'py> {
        match result {
            Ok(ts) => Ok(stamp(py, ts)),
            Err(error) => Err(self.refused(py, error)),
        }
    }
}

type Stamp<'py> = PyResult<Bound<'py, PyTimestamp>>;

#[pymethods]
impl PyClock {
    #[new]
    #[pyo3(
        signature = (*, name = None, node = None, max_drift = Argument::Absent, on_drift = Argument::Absent, on_collision = Argument::Absent, source = None, last = None, epoch = Argument::Absent, clockbound = None),
        text_signature = "(*, name=None, node=None, max_drift=0.5, on_drift='reject', on_collision='reject', source=None, last=None, epoch=0, clockbound=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python signature")]
    #[allow(clippy::needless_pass_by_value, reason = "extracted for this call")]
    fn new(
        name: Option<&Bound<'_, PyAny>>,
        node: Option<&Bound<'_, PyAny>>,
        max_drift: Argument<'_>,
        on_drift: Argument<'_>,
        on_collision: Argument<'_>,
        source: Option<&Bound<'_, PyAny>>,
        last: Option<&Bound<'_, PyAny>>,
        epoch: Argument<'_>,
        clockbound: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let name = label(name)?;
        let node = node.map(node_id).transpose()?;
        let mut config = policies(max_drift, on_drift, on_collision)?;
        config.node = node;
        let source = Source::from_python(source)?;
        let keeper = Keeper::from_python(clockbound, &source)?;
        config.epoch = epoch.or(0, |epoch| field("epoch", epoch, MAX_EPOCH.into()))? as u16;
        config.last = last.map(start).transpose()?;
        Ok(Self { clock: Arc::new(Clock::new(source, config)), name, page: None, keeper })
    }

    /// Open the clock that all processes of a host share, in the file ``path``, and make it where there is none.
    ///
    /// No two processes issue the same timestamp, none goes back, and after a crash, whatever the OS clock shows then, every
    /// timestamp lies above all earlier ones: a bound is made durable ahead of them. All carry the node of the page. Any process may
    /// be killed at any time. A forked child shares the page by itself. The file belongs to one machine and is never copied.
    ///
    /// Where a member of a flock publishes on the page (``Flock(page=...)``, ``flocktime node --page``), the clock follows that,
    /// and goes on along its line for a minute where it falls silent; else the OS clock. ``page.discipline`` says which.
    ///
    /// Args:
    ///     path: the file, on a disk of this machine.
    ///     name, max_drift, on_drift, on_collision, clockbound: as for ``Clock``.
    ///     source: ``None``: as above; a ``SkewedSource``: that one in place of the OS clock. Any other is all that it follows.
    ///     lease: how far ahead the durable bound lies, 0.1 to 60 seconds or ``timedelta``. A thread renews it.
    ///     on_expiry: where that is late: ``"block"`` (wait for it), ``"extend"`` (renew it in the call) or ``"error"`` (raise).
    ///
    /// Raises:
    ///     PageError: the file is no page, is damaged, was copied, or the operating system refuses it.
    ///     ValueError, TypeError: an argument that names no such thing.
    ///
    /// >>> from tempfile import TemporaryDirectory
    /// >>> with TemporaryDirectory() as directory:
    /// ...     one, other = Clock.open(f"{directory}/page"), Clock.open(f"{directory}/page")
    /// ...     stamps = [one.now(), other.now(), one.now()]
    /// >>> stamps == sorted(set(stamps))
    /// True
    #[classmethod]
    #[pyo3(
        signature = (path, *, name = None, lease = Argument::Absent, on_expiry = Argument::Absent, max_drift = Argument::Absent, on_drift = Argument::Absent, on_collision = Argument::Absent, source = None, clockbound = None),
        text_signature = "($cls, path, *, name=None, lease=3.0, on_expiry='block', max_drift=0.5, on_drift='reject', on_collision='reject', source=None, clockbound=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python signature")]
    #[allow(clippy::needless_pass_by_value, reason = "extracted for this call")]
    fn open(
        class: &Bound<'_, PyType>,
        path: &Bound<'_, PyAny>,
        name: Option<&Bound<'_, PyAny>>,
        lease: Argument<'_>,
        on_expiry: Argument<'_>,
        max_drift: Argument<'_>,
        on_drift: Argument<'_>,
        on_collision: Argument<'_>,
        source: Option<&Bound<'_, PyAny>>,
        clockbound: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (path, name) = (file_path("path", path)?, label(name)?);
        let lease = lease.or(Duration::from_secs(3), page::lease)?;
        let on_expiry = on_expiry.or(OnExpiry::Block, page::on_expiry)?;
        let config = policies(max_drift, on_drift, on_collision)?;
        let keeper = Keeper::from_python(clockbound, &Source::from_python(source)?)?;
        let (page, source) = page::open(class.py(), &path, lease, source)?;
        let place = Arc::new(page::Place::new(Arc::clone(&page), on_expiry));
        let clock = Clock::sharing(place, source, config);
        Ok(Self { clock: Arc::new(clock), name, page: Some(page), keeper })
    }

    /// Stamp a local or send event.
    ///
    /// Returns:
    ///     A timestamp greater than all that this clock has issued or adopted.
    ///
    /// Raises:
    ///     ForkedClock: in a forked child, where the node was fixed. What a source written in Python raises passes through.
    ///     NotReady: its flock refuses until it has synchronised. LeaseExpired: it is on a page, whose lease has no room.
    fn now<'py>(&self, py: Python<'py>) -> Stamp<'py> {
        self.issued(py, self.clock.now())
    }

    /// Reserve ``n`` consecutive timestamps, ``0..=65536``, with one step: no other thread's lies between them.
    ///
    /// Raises:
    ///     ValueError: ``n`` out of range; else as ``now``.
    ///
    /// >>> stamps = Clock().now_many(3)
    /// >>> stamps == sorted(set(stamps))
    /// True
    fn now_many<'py>(&self, py: Python<'py>, n: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let n = count(n)?;
        let run = self.clock.now_many(n).map_err(|error| self.refused(py, error))?;
        PyList::new(py, run.map(|ts| stamp(py, ts)))
    }

    /// Stamp a receive event: merge the remote timestamp, tick, return.
    ///
    /// Hybrid logical clock (Kulkarni et al. 2014) inside an epoch; a higher epoch wins (after Moore 2015).
    ///
    /// Args:
    ///     ts: what came with the message.
    ///     on_drift: this call's policy instead of the clock's.
    ///     trusted: the caller vouches for the timestamp's epoch, whatever distance it jumps.
    ///
    /// Returns:
    ///     A timestamp greater than ``ts`` and than all before, but for ``"ignore"`` and ``"clamp"`` beyond the limit, and
    ///     for a timestamp of a lower epoch that still carries a later time.
    ///
    /// Raises:
    ///     DriftError: ``ts`` leads by more than the limit, or lies within the last day that can be represented (under every
    ///         policy). EpochError: its epoch is more than one step up, or the last step was less than a minute ago.
    ///     NodeCollision: it carries this clock's node and lies above it. Else as ``now``.
    ///
    /// >>> clock = Clock(max_drift=0.5)
    /// >>> clock.update(clock.now() + timedelta(hours=1))
    /// Traceback (most recent call last):
    ///     ...
    /// flocktime.errors.DriftError: ...
    #[pyo3(signature = (ts, *, on_drift = None, trusted = Argument::Absent), text_signature = "($self, ts, *, on_drift=None, trusted=False)")]
    fn update<'py>(
        &self,
        ts: &Bound<'py, PyAny>,
        on_drift: Option<&Bound<'py, PyAny>>,
        trusted: Argument<'py>,
    ) -> Stamp<'py> {
        let Ok(remote) = ts.cast::<PyTimestamp>() else { return Err(wrong_type("ts", "a Timestamp", ts)) };
        let on_drift = on_drift.map(self::on_drift).transpose()?;
        let trusted = trusted.or(false, |flag| checked_bool("trusted", flag))?;
        self.issued(ts.py(), self.clock.update(remote.get().0, on_drift, trusted))
    }

    /// Merge all of them and tick once: all or nothing. At most 65,536; of none it is ``now``.
    ///
    /// Raises:
    ///     ValueError: too many. For the first one that is refused as ``update``; none is adopted then.
    #[pyo3(signature = (timestamps, *, on_drift = None, trusted = Argument::Absent), text_signature = "($self, timestamps, *, on_drift=None, trusted=False)")]
    fn update_many<'py>(
        &self,
        timestamps: &Bound<'py, PyAny>,
        on_drift: Option<&Bound<'py, PyAny>>,
        trusted: Argument<'py>,
    ) -> Stamp<'py> {
        let remotes = collected(timestamps)?;
        let on_drift = on_drift.map(self::on_drift).transpose()?;
        let trusted = trusted.or(false, |flag| checked_bool("trusted", flag))?;
        self.issued(timestamps.py(), self.clock.update_many(&remotes, on_drift, trusted))
    }

    /// How far a remote timestamp leads this clock's time: positive when the remote is ahead. Moves and counts nothing.
    fn observe<'py>(&self, ts: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDelta>> {
        let Ok(remote) = ts.cast::<PyTimestamp>() else { return Err(wrong_type("ts", "a Timestamp", ts)) };
        let py = ts.py();
        delta(py, self.clock.observe(remote.get().0).map_err(|error| self.refused(py, error))?)
    }

    /// Where true time lies for certain: at some moment during the call it was neither before nor after these.
    ///
    /// The bound is the flock's where the clock follows one that has UTC, else that of ``clockbound``, else the kernel's
    /// (``adjtimex``), else what the source vouches for; see ``docs/intervals.md``. Where nobody vouches it is ``"unknown"``,
    /// without ends.
    ///
    /// Raises:
    ///     What a source written in Python raises passes through.
    ///
    /// >>> source = ManualSource(1_000_000)
    /// >>> source.vouch(0.25)
    /// >>> interval = Clock(source=source).interval()
    /// >>> interval.earliest.physical_us, interval.latest.physical_us, interval.status
    /// (750000, 1250000, 'synchronised')
    fn interval<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        interval::value(py, &interval::looked(py, &self.clock, &self.keeper)?)
    }

    /// Whether true time is past this timestamp for certain: it lies below the earliest. False while nobody knows.
    ///
    /// Raises:
    ///     EpochError: the clock is in another epoch.
    fn after(&self, ts: &Bound<'_, PyAny>) -> PyResult<bool> {
        interval::judge(&self.clock, &self.keeper, ts, Interval::is_after)
    }

    /// Whether true time has not come to this timestamp for certain: it lies above the latest. False while nobody knows.
    ///
    /// Raises:
    ///     EpochError: the clock is in another epoch.
    fn before(&self, ts: &Bound<'_, PyAny>) -> PyResult<bool> {
        interval::judge(&self.clock, &self.keeper, ts, Interval::is_before)
    }

    /// Wait until ``after(ts)``: TrueTime's commit wait. Never early; late by what the system takes to wake a thread.
    ///
    /// Other threads run meanwhile, and signals are handled. Nothing is polled: the thread sleeps to the moment, at most a second at
    /// a time. On a source that is moved by hand it looks every millisecond.
    ///
    /// Args:
    ///     ts: in the clock's epoch.
    ///     timeout: seconds or ``timedelta``; ``None``: as long as it takes.
    ///
    /// Returns:
    ///     The interval that proves it.
    ///
    /// Raises:
    ///     WaitTimeout: the timeout is over before. TimeUnknown: nobody vouches for the clock, so that it could never be certain.
    ///     EpochError: the clock is in another epoch. What a source written in Python or a signal's handler raises passes through.
    ///
    /// >>> source = SkewedSource()
    /// >>> source.vouch(0.001)
    /// >>> clock = Clock(source=source)
    /// >>> committed = clock.now()
    /// >>> clock.wait_until(committed, timeout=60).earliest > committed
    /// True
    #[pyo3(signature = (ts, timeout = None))]
    fn wait_until<'py>(
        &self,
        ts: &Bound<'py, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        interval::wait(&self.clock, &self.keeper, ts, timeout)
    }

    /// ``wait_until`` for a task: other tasks run meanwhile. The last milliseconds are waited for on a thread of the loop's.
    ///
    /// Never early; later than ``wait_until`` by what the loop takes to come to this task.
    #[pyo3(signature = (ts, timeout = None))]
    fn wait_until_async<'py>(
        own: &Bound<'py, Self>,
        ts: &Bound<'py, PyAny>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        interval::wait_async(own, ts, timeout)
    }

    /// For ``wait_until_async``: the interval, seconds left and those of the timeout, and whether time is moved by hand.
    #[pyo3(signature = (ts, timeout = None))]
    fn _look<'py>(&self, ts: &Bound<'py, PyAny>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<interval::Left<'py>> {
        interval::left(&self.clock, &self.keeper, ts, timeout)
    }

    /// The operator's way back from a poisoned future: go one epoch up, with wall time as the source shows it.
    ///
    /// Every timestamp of the new epoch beats every older one, so causality holds and the step spreads with ordinary
    /// messages. ``reason`` is kept in ``stats()``, its first 200 characters.
    ///
    /// Returns:
    ///     The first timestamp of the new epoch.
    ///
    /// Raises:
    ///     EpochError: without ``force=True`` while no quorum of a flock agrees, or in the last epoch.
    #[pyo3(signature = (reason, *, force = Argument::Absent), text_signature = "($self, reason, *, force=False)")]
    fn advance_epoch<'py>(&self, reason: &Bound<'py, PyAny>, force: Argument<'py>) -> Stamp<'py> {
        let (why, force) = (self::reason(reason)?, force.or(false, |flag| checked_bool("force", flag))?);
        self.issued(reason.py(), self.clock.advance_epoch(&why, force))
    }

    /// A new identity for a clock that has already stamped a wrong time: new random node, wall time as the source shows it.
    ///
    /// It is a new clock from here on: its first timestamp may lie *below* earlier ones of the old identity. ``reason`` is
    /// kept in ``stats()``, its first 200 characters.
    ///
    /// Returns:
    ///     The first timestamp of the new identity.
    ///
    /// Raises:
    ///     PageError: on a page, whose processes share the identity.
    fn reset<'py>(&self, reason: &Bound<'py, PyAny>) -> Stamp<'py> {
        let why = self::reason(reason)?;
        self.issued(reason.py(), self.clock.reset(&why))
    }

    /// The latest timestamp, issued, adopted or given as ``last=``; ``None`` before the first. The next one lies above it.
    #[getter]
    fn last<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyTimestamp>> {
        self.clock.last().map(|ts| stamp(py, ts))
    }

    /// The label, or ``None``.
    #[getter]
    fn name(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.name.as_ref().map(|name| name.clone_ref(py))
    }

    /// The node id, 48 bits.
    #[getter]
    fn node(&self) -> u64 {
        self.clock.node()
    }

    /// The epoch of the latest timestamp.
    #[getter]
    fn epoch(&self) -> u16 {
        self.clock.epoch()
    }

    /// How far the timestamps lead the source, a ``timedelta``; zero when they do not.
    #[getter]
    fn ahead_by<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDelta>> {
        delta(py, self.clock.ahead_by_us().map_err(|error| self.refused(py, error))? as i64)
    }

    /// The page that this clock shares with other processes, as ``PageStatus``; ``None`` for a clock of its own.
    #[getter]
    fn page<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.page.as_ref().map(|page| page::status(py, &page.status())).transpose()
    }

    /// The counters so far, as ``ClockStats``. Other threads may count on meanwhile.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot(py, self.clock.stats())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        shown_clock(py, self.name.as_ref(), &self.clock)
    }

    fn __reduce__(&self) -> PyResult<()> {
        let _ = self;
        Err(PyTypeError::new_err("cannot pickle 'flocktime.Clock' object: give the other process a clock of its own"))
    }

    #[allow(clippy::needless_pass_by_value, reason = "the protocol of the garbage collector")]
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.clock.source().visit(&visit)
    }
}
