//! Sources of time that tests and demonstrations move: `ManualSource` and `SkewedSource` for Python.

use std::sync::Arc;

use flocktime_core::{ManualSource, SkewedSource, TimeSource};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::convert::{Argument, checked_int, seconds_us};
use crate::errors::{wrong_type, wrong_value};
use crate::source::Source;

/// A time source that moves only when told to: for tests, replays and demonstrations.
///
/// Calling it gives its wall time in nanoseconds, so it is a source like any other callable; a clock reads it without
/// calling into Python. Any thread may move or read it at any time.
///
/// >>> source = ManualSource(1_000_000)
/// >>> clock = Clock(source=source)
/// >>> first = clock.now()
/// >>> source.step_back(500_000)
/// >>> clock.now() > first
/// True
#[pyclass(frozen, module = "flocktime", name = "ManualSource")]
pub(crate) struct PyManualSource(pub(crate) ManualSource);

#[pymethods]
impl PyManualSource {
    #[new]
    #[pyo3(signature = (start_us = Argument::Absent), text_signature = "(start_us=0)")]
    fn new(start_us: Argument<'_>) -> PyResult<Self> {
        let start = start_us.or(0, |value| bounded("start_us", value))?;
        ManualSource::new(start).map(Self).ok_or_else(left_range)
    }

    fn __call__(&self) -> i64 {
        wall(&self.0)
    }

    /// Nanoseconds that ``advance`` has let pass. Setting and stepping leave it alone.
    fn monotonic_ns(&self) -> u64 {
        self.0.monotonic_ns()
    }

    /// Set the wall time to so many microseconds since 1970, as an operator does.
    ///
    /// Raises:
    ///     ValueError: beyond 64 bits of nanoseconds; nothing has moved then.
    fn set(&self, us: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.set(bounded("us", us)?).ok_or_else(left_range)
    }

    /// Let so many microseconds pass.
    ///
    /// Raises:
    ///     ValueError: negative, or beyond 64 bits of nanoseconds; nothing has moved then.
    fn advance(&self, us: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.advance(not_negative("us", us)?).ok_or_else(left_range)
    }

    /// Set the wall time back by so many microseconds.
    ///
    /// Raises:
    ///     ValueError: negative, or beyond 64 bits of nanoseconds; nothing has moved then.
    fn step_back(&self, us: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.step_back(not_negative("us", us)?).ok_or_else(left_range)
    }

    /// Readings stand still until ``resume``, or the end of the ``with`` block; time passes on behind them.
    ///
    /// That is what a stopped process or a frozen machine sees. Pausing a paused source changes nothing.
    ///
    /// >>> source = ManualSource(10)
    /// >>> with source.pause():
    /// ...     source.advance(5)
    /// ...     source()
    /// 10000
    /// >>> source()
    /// 15000
    fn pause(&self) -> Paused {
        self.0.pause();
        Paused(self.0.clone())
    }

    /// Readings show the time that has passed meanwhile.
    fn resume(&self) {
        self.0.resume();
    }

    /// Say of all readings from now on what they may be wrong by: seconds or ``timedelta``; ``None``: nobody knows.
    ///
    /// Raises:
    ///     ValueError: negative, or more than 100 years.
    ///
    /// >>> source = ManualSource(1_000)
    /// >>> source.vouch(0.000_100)
    /// >>> Clock(source=source).interval().latest.physical_us
    /// 1100
    fn vouch(&self, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.0.vouch(error_ns(error)?);
        Ok(())
    }

    fn __repr__(&self) -> String {
        let paused = if self.0.is_paused() { ", paused" } else { "" };
        format!("<flocktime.ManualSource at {} us{paused}>", wall(&self.0).div_euclid(1000))
    }
}

/// What ``ManualSource.pause`` gives: the source resumes at the end of the ``with`` block.
#[pyclass(frozen, module = "flocktime")]
pub(crate) struct Paused(ManualSource);

#[pymethods]
impl Paused {
    #[allow(clippy::unused_self, reason = "the protocol of with")]
    fn __enter__(&self) {}

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyAny>) {
        self.0.resume();
    }
}

/// Another source seen through a wrong clock: a constant offset, and a rate error that grows from its creation on.
///
/// Args:
///     offset: seconds or ``timedelta``, at most 100 years either way; positive is ahead.
///     ppm: microseconds gained in each second of the source beneath, at most a million either way.
///     source: the source beneath: ``None`` for the operating system's clock, a ``ManualSource`` or a ``SkewedSource``.
///
/// >>> true = ManualSource(1_000_000)
/// >>> wrong = SkewedSource(offset=0.25, ppm=100, source=true)
/// >>> true.advance(1_000_000)
/// >>> wrong() - true()
/// 250100000
#[pyclass(frozen, module = "flocktime", name = "SkewedSource")]
pub(crate) struct PySkewedSource(pub(crate) Arc<SkewedSource<Source>>);

#[pymethods]
impl PySkewedSource {
    #[new]
    #[pyo3(signature = (offset = Argument::Absent, ppm = Argument::Absent, *, source = None), text_signature = "(offset=0.0, ppm=0.0, *, source=None)")]
    fn new(offset: Argument<'_>, ppm: Argument<'_>, source: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let ppm = ppm.or(0.0, parts_per_million)?;
        let offset_us = offset.or(0, |value| seconds_us("offset", value, true))?;
        let base = Source::from_python(source)?;
        if !base.rereadable() {
            return Err(PyTypeError::new_err("source must be None, a ManualSource or a SkewedSource"));
        }
        match SkewedSource::new(base, offset_us * 1000, ppm) {
            Ok(skewed) => Ok(Self(Arc::new(skewed))),
            Err(_) => Err(PyTypeError::new_err("the source beneath cannot be read")),
        }
    }

    fn __call__(&self) -> i64 {
        wall(&*self.0)
    }

    /// Monotonic nanoseconds of the source beneath.
    fn monotonic_ns(&self) -> u64 {
        self.0.monotonic_ns()
    }

    /// Nanoseconds of the oscillator: monotonic time with this rate error, and what ``step`` and ``freeze`` do to it.
    fn raw_ns(&self) -> u64 {
        self.0.raw_ns()
    }

    /// Let the oscillator jump by so many seconds, either way: readings and ``raw_ns`` move, as in a machine that was migrated.
    ///
    /// Raises:
    ///     ValueError: more than 100 years.
    fn step(&self, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.step(seconds_us("seconds", seconds, true)? * 1000);
        Ok(())
    }

    /// Set the wall clock by so many seconds, either way, as an operator does: readings move, ``raw_ns`` does not.
    ///
    /// Raises:
    ///     ValueError: more than 100 years.
    fn set_wall(&self, seconds: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.set_wall(seconds_us("seconds", seconds, true)? * 1000);
        Ok(())
    }

    /// Stop the oscillator: readings and ``raw_ns`` stand still, as in a paused machine. Freezing twice changes nothing.
    fn freeze(&self) -> PyResult<()> {
        self.0.freeze().map_err(|_| PyTypeError::new_err("the source beneath cannot be read"))
    }

    /// Let it go on from where it stands: it stays behind by the time it was frozen.
    fn thaw(&self) -> PyResult<()> {
        self.0.thaw().map_err(|_| PyTypeError::new_err("the source beneath cannot be read"))
    }

    /// Say of all readings from now on what they may be wrong by: seconds or ``timedelta``; ``None``: nobody knows.
    ///
    /// What the source beneath says does not count: it knows nothing of this one's errors.
    ///
    /// Raises:
    ///     ValueError: negative, or more than 100 years.
    fn vouch(&self, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        self.0.vouch(error_ns(error)?);
        Ok(())
    }

    /// Whether it is frozen.
    #[getter]
    fn frozen(&self) -> bool {
        self.0.is_frozen()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let ppm = PyFloat::new(py, self.0.ppm()).repr()?;
        Ok(format!("<flocktime.SkewedSource offset={} us, ppm={ppm}>", self.0.offset_ns() / 1000))
    }
}

/// What a source is told to vouch for.
fn error_ns(error: Option<&Bound<'_, PyAny>>) -> PyResult<Option<u64>> {
    error.map(|error| seconds_us("error", error, false).map(|us| us as u64 * 1000)).transpose()
}

/// Sources that call no Python do not fail.
fn wall(source: &impl TimeSource) -> i64 {
    source.wall_ns().unwrap_or_default()
}

fn left_range() -> PyErr {
    PyValueError::new_err("the source has left the range of 64 bits of nanoseconds")
}

fn bounded(name: &str, value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = checked_int(name, value)?;
    let fitting = number.extract::<i64>().ok().filter(|us| us.unsigned_abs() <= (i64::MAX / 1000) as u64);
    fitting.ok_or_else(|| wrong_value(&format!("{name} must fit 64 bits in nanoseconds"), &number))
}

fn not_negative(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let number = bounded(name, value)?;
    u64::try_from(number).map_err(|_| PyValueError::new_err(format!("{name} must not be negative, got {number}")))
}

fn parts_per_million(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_instance_of::<pyo3::types::PyBool>()
        || !(value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>())
    {
        return Err(wrong_type("ppm", "a number", value));
    }
    let ppm = value.extract::<f64>().ok().filter(|ppm| ppm.abs() <= 1_000_000.0);
    ppm.ok_or_else(|| wrong_value("ppm must lie within a million either way", value))
}
