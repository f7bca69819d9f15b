//! Time sources that users write in Python: any callable that returns nanoseconds.

use flocktime_core::{Bound as ErrorBound, SourceFailed, Vouched, Voucher};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyInt;

use crate::errors::{error_of_source, source_error};
use crate::source::Source;

impl Source {
    /// For the garbage collector.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Python(callable) => visit.call(callable),
            Self::Counted(_) | Self::Os(_) | Self::Steered(_) | Self::Paged(_) | Self::Manual(_) | Self::Skewed(_) => {
                Ok(())
            }
        }
    }
}

/// A reading of a Python source, and what it says that may be wrong by.
pub(crate) fn told(callable: &Bound<'_, PyAny>) -> PyResult<Vouched> {
    let wall_ns = read(callable)?;
    let Some(ask) = callable.getattr_opt("error_ns")? else { return Ok(Vouched::by_nobody(wall_ns)) };
    let answer = ask.call0()?;
    if answer.is_none() {
        return Ok(Vouched::by_nobody(wall_ns));
    }
    if !answer.is_exact_instance_of::<PyInt>() || answer.lt(0)? {
        return Err(error_of_source(&answer));
    }
    let error_ns = answer.extract().unwrap_or(u64::MAX);
    let bound = ErrorBound { error_ns, free_running: false, by: Voucher::Source };
    Ok(Vouched { wall_ns, bound: Some(bound) })
}

/// One call of a Python source. An int beyond 64 bits is a reading far out of range: as far as 64 bits go.
pub(crate) fn read(callable: &Bound<'_, PyAny>) -> PyResult<i64> {
    let reading = callable.call0()?;
    if !reading.is_exact_instance_of::<PyInt>() {
        return Err(source_error(&reading));
    }
    reading.extract().or_else(|_| Ok(if reading.lt(0)? { i64::MIN } else { i64::MAX }))
}

/// The error stays with the interpreter until the call that needed the reading has unwound to Python.
pub(crate) fn leave_to_interpreter(error: PyErr) -> SourceFailed {
    Python::attach(|py| error.restore(py));
    SourceFailed::Raised
}
