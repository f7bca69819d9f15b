//! Rust refusals as Python exceptions. The sentences are written in `flocktime.errors`, once for both backends.

use std::path::Path;

use flocktime_core::{ClockError, EpochRefusal, InvalidTimestamp, Unleased, lowest};
use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::convert::delta;
use crate::stamp_object::stamp;

/// A builder of `flocktime.errors`, looked up when it is first needed.
pub(crate) fn build<'py>(
    py: Python<'py>,
    cell: &PyOnceLock<Py<PyAny>>,
    name: &str,
    arguments: impl PyCallArgs<'py>,
) -> PyErr {
    build_from(py, cell, "flocktime.errors", name, arguments)
}

/// A builder of another module.
pub(crate) fn build_from<'py>(
    py: Python<'py>,
    cell: &PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
    arguments: impl PyCallArgs<'py>,
) -> PyErr {
    match cell.import(py, module, name).and_then(|builder| builder.call1(arguments)) {
        Ok(error) => PyErr::from_value(error),
        Err(failure) => failure,
    }
}

/// `flocktime.errors._show`: a `repr` that stays short and never raises.
pub(crate) fn shown(value: &Bound<'_, PyAny>) -> PyResult<String> {
    static SHOW: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    SHOW.import(value.py(), "flocktime.errors", "_show")?.call1((value,))?.extract()
}

pub(crate) fn invalid(form: &str, reason: &str, position: Option<usize>, value: &Bound<'_, PyAny>) -> PyErr {
    static INVALID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    build(value.py(), &INVALID, "_invalid", (form, reason, position, value))
}

pub(crate) fn not_a_timestamp(error: &InvalidTimestamp, value: &Bound<'_, PyAny>) -> PyErr {
    invalid(error.form.name(), &error.reason, error.position, value)
}

pub(crate) fn subtraction(py: Python<'_>, epoch: u16, other: u16) -> PyErr {
    epoch_error(py, "subtraction", epoch, other.into(), None, 0)
}

/// `TypeError`: `<name> must be <wanted>, not <type>`.
pub(crate) fn wrong_type(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    not_of_type(&format!("{name} must be {wanted}"), value)
}

/// `TypeError`: `<name> must hold <wanted>, not <type>`.
pub(crate) fn wrong_element(name: &str, wanted: &str, value: &Bound<'_, PyAny>) -> PyErr {
    not_of_type(&format!("{name} must hold {wanted}"), value)
}

fn not_of_type(complaint: &str, value: &Bound<'_, PyAny>) -> PyErr {
    match value.get_type().name() {
        Ok(found) => PyTypeError::new_err(format!("{complaint}, not {found}")),
        Err(failure) => failure,
    }
}

/// `ValueError`: `<complaint>, got <value>`.
pub(crate) fn wrong_value(complaint: &str, value: &Bound<'_, PyAny>) -> PyErr {
    match shown(value) {
        Ok(found) => PyValueError::new_err(format!("{complaint}, got {found}")),
        Err(failure) => failure,
    }
}

/// `SourceError`: a time source in Python returned something that is no int.
pub(crate) fn source_error(reading: &Bound<'_, PyAny>) -> PyErr {
    of_source("a time source must return int nanoseconds", reading)
}

/// The same for what it says that its readings may be wrong by.
pub(crate) fn error_of_source(error: &Bound<'_, PyAny>) -> PyErr {
    of_source("error_ns of a time source must return int nanoseconds or None", error)
}

fn of_source(complaint: &str, answer: &Bound<'_, PyAny>) -> PyErr {
    static SOURCE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match shown(answer) {
        Ok(found) => build(answer.py(), &SOURCE, "SourceError", (format!("{complaint}, got {found}"),)),
        Err(failure) => failure,
    }
}

#[cold]
pub(crate) fn refusal(py: Python<'_>, error: ClockError) -> PyErr {
    refusal_on(py, error, None)
}

/// The same where the clock is on a page.
#[cold]
pub(crate) fn refusal_on(py: Python<'_>, error: ClockError, page: Option<&Path>) -> PyErr {
    static UNLEASED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static SHARED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static DRIFT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static COLLISION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static FORKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static EXHAUSTED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static NOT_READY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match error {
        ClockError::Drift { remote, offset_us, limit_us } => match (delta(py, offset_us), delta(py, limit_us)) {
            (Ok(offset), Ok(limit)) => build(py, &DRIFT, "_drift", (stamp(py, remote), offset, limit)),
            (Err(failure), _) | (_, Err(failure)) => failure,
        },
        ClockError::Epoch { remote, epoch, proposed, why } => {
            let (why, wait_us) = match why {
                EpochRefusal::Jump => ("jump", 0),
                EpochRefusal::TooSoon { wait_us } => ("too soon", wait_us),
                EpochRefusal::NeedsForce => ("force", 0),
                EpochRefusal::Top => ("top", 0),
            };
            epoch_error(py, why, epoch, proposed, remote, wait_us)
        }
        ClockError::Collision { remote, last } => {
            build(py, &COLLISION, "_collision", (stamp(py, remote), stamp(py, last)))
        }
        ClockError::Forked { node } => build(py, &FORKED, "_forked", (node,)),
        ClockError::Exhausted { epoch } => build(py, &EXHAUSTED, "_exhausted", (epoch,)),
        ClockError::NotReady => build(py, &NOT_READY, "_not_ready", ()),
        ClockError::Unleased { why: Unleased::Interrupted, .. } => {
            PyErr::take(py).unwrap_or_else(|| PyRuntimeError::new_err("the wait for a lease was interrupted"))
        }
        ClockError::Unleased { stamp: refused, leased, why } => {
            let errno = if let Unleased::Failed(errno) = why { Some(errno) } else { None };
            let bound = stamp(py, lowest(leased, refused.node()));
            build_from(
                py,
                &UNLEASED,
                "flocktime.page_errors",
                "_lease_expired",
                (page, stamp(py, refused), bound, errno),
            )
        }
        ClockError::Shared { node } => build_from(py, &SHARED, "flocktime.page_errors", "_shared", (page, node)),
        // What a Python source raised was left with the interpreter; the operating system's clock never fails.
        ClockError::Source => {
            PyErr::take(py).unwrap_or_else(|| PyRuntimeError::new_err("the time source failed without an error"))
        }
    }
}

fn epoch_error(
    py: Python<'_>,
    why: &str,
    epoch: u16,
    proposed: u32,
    remote: Option<flocktime_core::Timestamp>,
    wait_us: u64,
) -> PyErr {
    static EPOCH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let remote = remote.map(|remote| stamp(py, remote));
    build(py, &EPOCH, "_epoch", (why, epoch, proposed, remote, wait_us as f64 / 1e6))
}
