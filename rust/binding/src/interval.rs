//! Intervals and commit waits for Python. Every rule is in `flocktime_core` and `flocktime_agent`.

use std::time::Duration;

use flocktime_agent::clockbound::{ClockBound, ClockBoundFault};
use flocktime_agent::commit_wait::{NotAwaited, wait_until};
use flocktime_agent::sys;
use flocktime_core::{Clock, EpochsDiffer, Interval, OsSource, SourceFailed, TimeSource, Timestamp, Vouched, Voucher};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::clock::PyClock;
use crate::convert::{delta, file_path, seconds_us};
use crate::errors::{build_from, refusal, subtraction, wrong_type};
use crate::source::Source;
use crate::stamp_object::stamp;
use crate::timestamp::PyTimestamp;

const MODULE: &str = "flocktime.intervals";

/// Who keeps the operating system's clock, as far as a clock was told.
#[derive(Default)]
pub(crate) struct Keeper(Option<ClockBound>);

impl Keeper {
    /// `None`: whoever tells the kernel.
    pub(crate) fn from_python(path: Option<&Bound<'_, PyAny>>, source: &Source) -> PyResult<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        if !source.is_on_os_clock() {
            return Err(PyTypeError::new_err(
                "clockbound is for clocks on the operating system's clock, or a flock's over it",
            ));
        }
        let py = path.py();
        let path = file_path("clockbound", path)?;
        let read = ClockBound::open(&path);
        read.map(|page| Self(Some(page))).map_err(|fault| refused(py, &path, &fault))
    }

    /// The operating system's clock, with what its keeper says.
    pub(crate) fn vouched(&self) -> Result<Vouched, SourceFailed> {
        let by_nobody = || OsSource.wall_ns().map(Vouched::by_nobody);
        let kernel = || sys::kernel_clock().map_or_else(by_nobody, Ok);
        self.0.as_ref().map_or_else(kernel, ClockBound::vouched)
    }
}

/// One look at a clock.
fn look(clock: &Clock<Source>, keeper: &Keeper) -> Result<Interval, SourceFailed> {
    let reading = clock.source().vouched_by(keeper)?;
    Ok(Interval::new(reading, clock.epoch()))
}

/// The same, as Python has it.
pub(crate) fn looked(py: Python<'_>, clock: &Clock<Source>, keeper: &Keeper) -> PyResult<Interval> {
    look(clock, keeper).map_err(|failed| refusal(py, failed.into()))
}

fn epochs(py: Python<'_>, differ: EpochsDiffer) -> PyErr {
    subtraction(py, differ.clock, differ.stamp)
}

fn timestamp(ts: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    ts.cast::<PyTimestamp>().map(|ts| ts.get().0).map_err(|_| wrong_type("ts", "a Timestamp", ts))
}

/// Microseconds; `None`: no end.
fn timeout_us(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u64>> {
    timeout.map(|timeout| seconds_us("timeout", timeout, false).map(|us| us as u64)).transpose()
}

/// Whether a timestamp lies outside of the interval, on one side.
pub(crate) fn judge(
    clock: &Clock<Source>,
    keeper: &Keeper,
    ts: &Bound<'_, PyAny>,
    outside: impl Fn(&Interval, Timestamp) -> Result<bool, EpochsDiffer>,
) -> PyResult<bool> {
    let (py, ts) = (ts.py(), timestamp(ts)?);
    outside(&looked(py, clock, keeper)?, ts).map_err(|differ| epochs(py, differ))
}

/// Waits with the interpreter released.
pub(crate) fn wait<'py>(
    clock: &Clock<Source>,
    keeper: &Keeper,
    ts: &Bound<'py, PyAny>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let (py, ts) = (ts.py(), timestamp(ts)?);
    let by_hand = clock.source().is_moved_by_hand();
    let timeout = timeout_us(timeout)?.map(Duration::from_micros);
    // What the handler of a signal raised stays with the interpreter until the wait has unwound to here.
    let interrupted = || Python::attach(|py| py.check_signals().map_err(|raised| raised.restore(py)).is_err());
    let waited = py.detach(|| wait_until(ts, timeout, by_hand, || look(clock, keeper), interrupted));
    let interval = waited.map_err(|why| match why {
        NotAwaited::TimedOut(left_ns) => timed_out(py, ts, left_ns),
        NotAwaited::Unknown => unknown(py, ts),
        NotAwaited::Epochs(differ) => epochs(py, differ),
        NotAwaited::Source(failed) => refusal(py, failed.into()),
        NotAwaited::Interrupted => {
            PyErr::take(py).unwrap_or_else(|| PyRuntimeError::new_err("the wait was interrupted without an error"))
        }
    })?;
    value(py, &interval)
}

/// The coroutine of `flocktime._commit_wait`.
pub(crate) fn wait_async<'py>(
    clock: &Bound<'py, PyClock>,
    ts: &Bound<'py, PyAny>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    static WAIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    WAIT.import(clock.py(), "flocktime._commit_wait", "wait")?.call1((clock, ts, timeout))
}

/// The interval, seconds left and those of the timeout, and whether time is moved by hand.
pub(crate) type Left<'py> = (Bound<'py, PyAny>, f64, Option<f64>, bool);

/// What that coroutine asks again and again.
pub(crate) fn left<'py>(
    clock: &Clock<Source>,
    keeper: &Keeper,
    ts: &Bound<'py, PyAny>,
    timeout: Option<&Bound<'py, PyAny>>,
) -> PyResult<Left<'py>> {
    let (py, ts, timeout_us) = (ts.py(), timestamp(ts)?, timeout_us(timeout)?);
    let interval = looked(py, clock, keeper)?;
    let known = interval.left_ns(ts).map_err(|differ| epochs(py, differ))?;
    let left_s = known.ok_or_else(|| unknown(py, ts))? as f64 / 1e9;
    let by_hand = clock.source().is_moved_by_hand();
    Ok((value(py, &interval)?, left_s, timeout_us.map(|us| us as f64 / 1e6), by_hand))
}

/// `flocktime.intervals.Interval` of this.
pub(crate) fn value<'py>(py: Python<'py>, interval: &Interval) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ends = [interval.earliest(), interval.latest()].map(|end| end.map(|end| stamp(py, end)));
    let [earliest, latest] = ends;
    let by = interval.voucher().map(Voucher::name);
    CLASS.import(py, MODULE, "Interval")?.call1((earliest, latest, interval.status(), by))
}

#[cold]
fn unknown(py: Python<'_>, ts: Timestamp) -> PyErr {
    static BUILDER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    build_from(py, &BUILDER, MODULE, "_unknown", (stamp(py, ts),))
}

#[cold]
fn timed_out(py: Python<'_>, ts: Timestamp, left_ns: u64) -> PyErr {
    static BUILDER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match delta(py, i64::try_from(left_ns.div_ceil(1000)).unwrap_or(i64::MAX)) {
        Ok(left) => build_from(py, &BUILDER, MODULE, "_timed_out", (stamp(py, ts), left)),
        Err(failure) => failure,
    }
}

#[cold]
fn refused(py: Python<'_>, path: &std::path::Path, fault: &ClockBoundFault) -> PyErr {
    static BUILDER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (why, number) = match fault {
        ClockBoundFault::Os(error) => ("os", i64::from(error.raw_os_error().unwrap_or(0))),
        ClockBoundFault::Size(bytes) => ("size", i64::try_from(*bytes).unwrap_or(i64::MAX)),
        ClockBoundFault::Foreign => ("foreign", 0),
        ClockBoundFault::Version(version) => ("version", i64::from(*version)),
        ClockBoundFault::Unwritten => ("unwritten", 0),
        ClockBoundFault::Unsettled => ("unsettled", 0),
        ClockBoundFault::Damaged => ("damaged", 0),
    };
    build_from(py, &BUILDER, MODULE, "_clockbound", (path, why, number))
}
