//! `Clock` for Python. Every rule is in `flocktime_core::Clock`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flocktime_agent::host_page::{HostPage, OnExpiry};
use flocktime_agent::random::fresh_node;
use flocktime_core::layout::{HORIZON, MAX_BATCH, MAX_EPOCH};
use flocktime_core::{Clock, ClockError, Config, Stats, Timestamp};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDelta, PyDict, PyList, PyString, PyTuple, PyType};

use crate::convert::{
    Argument, checked_bool, checked_int, delta, field, node_id, on_collision, on_drift, reason, seconds_us,
};
use crate::errors::{invalid, refusal_on, shown, wrong_element, wrong_type};
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
///
/// Raises:
///     ValueError, TypeError: an argument that names no such thing.
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
        signature = (*, name = None, node = None, max_drift = Argument::Absent, on_drift = Argument::Absent, on_collision = Argument::Absent, source = None, last = None, epoch = Argument::Absent),
        text_signature = "(*, name=None, node=None, max_drift=0.5, on_drift='reject', on_collision='reject', source=None, last=None, epoch=0)"
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
    ) -> PyResult<Self> {
        let name = label(name)?;
        let node = node.map(node_id).transpose()?;
        let mut config = policies(max_drift, on_drift, on_collision)?;
        config.node = node;
        let source = Source::from_python(source)?;
        config.epoch = epoch.or(0, |epoch| field("epoch", epoch, MAX_EPOCH.into()))? as u16;
        config.last = last.map(start).transpose()?;
        Ok(Self { clock: Arc::new(Clock::new(source, config)), name, page: None })
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
    ///     name, max_drift, on_drift, on_collision: as for ``Clock``.
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
        signature = (path, *, name = None, lease = Argument::Absent, on_expiry = Argument::Absent, max_drift = Argument::Absent, on_drift = Argument::Absent, on_collision = Argument::Absent, source = None),
        text_signature = "($cls, path, *, name=None, lease=3.0, on_expiry='block', max_drift=0.5, on_drift='reject', on_collision='reject', source=None)"
    )]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments of the Python signature")]
    #[allow(clippy::needless_pass_by_value, reason = "extracted for this call")]
    fn open(
        class: &Bound<'_, PyType>,
        path: PathBuf,
        name: Option<&Bound<'_, PyAny>>,
        lease: Argument<'_>,
        on_expiry: Argument<'_>,
        max_drift: Argument<'_>,
        on_drift: Argument<'_>,
        on_collision: Argument<'_>,
        source: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let name = label(name)?;
        let lease = lease.or(Duration::from_secs(3), page::lease)?;
        let on_expiry = on_expiry.or(OnExpiry::Block, page::on_expiry)?;
        let config = policies(max_drift, on_drift, on_collision)?;
        let (page, source) = page::open(class.py(), &path, lease, source)?;
        let place = Arc::new(page::Place::new(Arc::clone(&page), on_expiry));
        let clock = Clock::sharing(place, source, config);
        Ok(Self { clock: Arc::new(clock), name, page: Some(page) })
    }

    /// Stamp a local or send event.
    ///
    /// Returns:
    ///     A timestamp greater than all that this clock has issued or adopted.
    ///
    /// Raises:
    ///     ForkedClock: in a forked child, where the node was fixed. What a source written in Python raises passes through.
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
        let count = checked_int("n", n)?;
        let Some(n) = count.extract::<usize>().ok().filter(|&n| n <= MAX_BATCH) else {
            return Err(PyValueError::new_err(format!("n must lie in 0..={MAX_BATCH}, got {}", shown(&count)?)));
        };
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
        let name = match &self.name {
            Some(name) => name.bind(py).repr()?.to_string_lossy().into_owned(),
            None => "None".to_owned(),
        };
        let (node, last) = self.clock.peek();
        let last = last.map_or_else(|| "None".to_owned(), |last| last.to_string());
        let epoch = self.clock.epoch();
        Ok(format!("<flocktime.Clock name={name} node=0x{node:012x} epoch={epoch} last={last}>"))
    }

    fn __reduce__(&self) -> PyResult<()> {
        let _ = self;
        Err(PyTypeError::new_err("cannot pickle 'flocktime.Clock' object: give the other process a clock of its own"))
    }

    #[allow(clippy::needless_pass_by_value, reason = "the protocol of the garbage collector")]
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.clock.source() {
            Source::Python(callable) => visit.call(callable),
            Source::Counted(_)
            | Source::Os(_)
            | Source::Steered(_)
            | Source::Paged(_)
            | Source::Manual(_)
            | Source::Skewed(_) => Ok(()),
        }
    }
}

fn label(name: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyString>>> {
    let checked = |name: &Bound<'_, PyAny>| match name.cast::<PyString>() {
        Ok(name) => Ok(name.clone().unbind()),
        Err(_) => Err(wrong_type("name", "a str", name)),
    };
    name.map(checked).transpose()
}

fn policies(max_drift: Argument<'_>, on_drift: Argument<'_>, on_collision: Argument<'_>) -> PyResult<Config> {
    let mut config = Config::new(fresh_node);
    config.max_drift_us = max_drift.or(config.max_drift_us, |limit| {
        if limit.is_none() { Ok(None) } else { seconds_us("max_drift", limit, false).map(|us| Some(us as u64)) }
    })?;
    config.on_drift = on_drift.or(config.on_drift, self::on_drift)?;
    config.on_collision = on_collision.or(config.on_collision, self::on_collision)?;
    Ok(config)
}

fn start(last: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let Ok(last) = last.cast::<PyTimestamp>() else { return Err(wrong_type("last", "a Timestamp", last)) };
    let ts = last.get().0;
    if ts.physical_us() > HORIZON {
        let physical = ts.physical_us().into_pyobject(last.py())?.into_any();
        return Err(invalid("fields", &format!("last must not lie beyond {HORIZON} us"), None, &physical));
    }
    Ok(ts)
}

fn collected(timestamps: &Bound<'_, PyAny>) -> PyResult<Vec<Timestamp>> {
    let objects: Vec<_> = timestamps.try_iter()?.take(MAX_BATCH + 1).collect::<PyResult<_>>()?;
    if objects.len() > MAX_BATCH {
        return Err(PyValueError::new_err(format!("at most {MAX_BATCH} timestamps at once")));
    }
    let stamps = objects.iter().map(|object| match object.cast::<PyTimestamp>() {
        Ok(ts) => Ok(ts.get().0),
        Err(_) => Err(wrong_element("timestamps", "Timestamp", object)),
    });
    stamps.collect()
}

/// `flocktime.stats.ClockStats` of these numbers.
fn snapshot(py: Python<'_>, stats: Stats) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let values = PyDict::new(py);
    let counters = [
        ("carries", stats.carries),
        ("backward_jumps", stats.backward_jumps),
        ("forward_jumps", stats.forward_jumps),
        ("readings_out_of_range", stats.readings_out_of_range),
        ("refused_drift", stats.refused_drift),
        ("refused_epoch", stats.refused_epoch),
        ("refused_collision", stats.refused_collision),
        ("adopted_beyond_limit", stats.adopted_beyond_limit),
        ("ignored", stats.ignored),
        ("clamped", stats.clamped),
        ("collisions_adopted", stats.collisions_adopted),
        ("epochs_adopted", stats.epochs_adopted),
        ("epochs_advanced", stats.epochs_advanced),
        ("resets", stats.resets),
        ("forks", stats.forks),
    ];
    for (name, value) in counters {
        values.set_item(name, value)?;
    }
    values.set_item("last_reset", stats.last_reset)?;
    values.set_item("last_advance", stats.last_advance)?;
    values.set_item("suspects", PyTuple::new(py, stats.suspects)?)?;
    values.set_item("suspect_self", stats.suspect_self)?;
    CLASS.import(py, "flocktime.stats", "ClockStats")?.call((), Some(&values))
}
