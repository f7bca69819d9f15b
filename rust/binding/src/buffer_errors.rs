//! What an event buffer refuses, as Python exceptions. The sentences are written in `flocktime.buffer_errors`.

use flocktime_core::Refused;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyTuple};

use crate::errors::refusal;
use crate::python_call::call;
use crate::stamp_object::stamp;

/// `flocktime.buffer_errors.<name>(...)`.
fn build<'py>(
    py: Python<'py>,
    cell: &PyOnceLock<Py<PyAny>>,
    name: &str,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>,
) -> PyErr {
    match cell.import(py, "flocktime.buffer_errors", name).and_then(|builder| call(builder, arguments, None)) {
        Ok(error) => PyErr::from_value(error),
        Err(failure) => failure,
    }
}

/// Nothing is inside, and nothing will be.
#[cold]
pub(crate) fn closed_and_empty(py: Python<'_>) -> PyErr {
    static CLOSED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    build(py, &CLOSED, "_closed_and_empty", ())
}

/// Why these events, or the watermark where there are none, were refused.
#[cold]
pub(crate) fn refused(py: Python<'_>, why: &Refused, events: &Bound<'_, PyList>) -> PyErr {
    static FULL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static CLOSED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static LATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static ORDERED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static WENT_BACK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match *why {
        Refused::Full { capacity, unwritten } => build(py, &FULL, "_full", (events, capacity, unwritten)),
        Refused::Closed => build(py, &CLOSED, "_closed", (events,)),
        Refused::Late { timestamp, watermark } => {
            build(py, &LATE, "_late", (events, stamp(py, timestamp), stamp(py, watermark)))
        }
        Refused::Ordered => build(py, &ORDERED, "_order_promised", (events,)),
        Refused::ClockReset { timestamp, last } => {
            build(py, &WENT_BACK, "_clock_went_back", (events, stamp(py, timestamp), stamp(py, last)))
        }
        Refused::Clock(error) => refusal(py, error),
    }
}

/// The same for those that are left of many, of which the first `pushed` were taken in.
#[cold]
pub(crate) fn refused_rest(py: Python<'_>, why: &Refused, pushed: usize, rest: &Bound<'_, PyList>) -> PyErr {
    static MANY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let error = refused(py, why, rest);
    build(py, &MANY, "_of_many", (error.into_value(py), pushed, rest))
}
