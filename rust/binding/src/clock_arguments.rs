//! What clocks are given, checked.

use flocktime_agent::random::fresh_node;
use flocktime_core::layout::{HORIZON, MAX_BATCH};
use flocktime_core::{Config, Timestamp};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{Argument, checked_int, on_collision, on_drift, seconds_us};
use crate::errors::{invalid, shown, wrong_element, wrong_type};
use crate::timestamp::PyTimestamp;

pub(crate) fn label(name: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Py<PyString>>> {
    let checked = |name: &Bound<'_, PyAny>| match name.cast::<PyString>() {
        Ok(name) => Ok(name.clone().unbind()),
        Err(_) => Err(wrong_type("name", "a str", name)),
    };
    name.map(checked).transpose()
}

pub(crate) fn policies(max_drift: Argument<'_>, drift: Argument<'_>, collision: Argument<'_>) -> PyResult<Config> {
    let mut config = Config::new(fresh_node);
    config.max_drift_us = max_drift.or(config.max_drift_us, |limit| {
        if limit.is_none() { Ok(None) } else { seconds_us("max_drift", limit, false).map(|us| Some(us as u64)) }
    })?;
    config.on_drift = drift.or(config.on_drift, on_drift)?;
    config.on_collision = collision.or(config.on_collision, on_collision)?;
    Ok(config)
}

pub(crate) fn start(last: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let Ok(last) = last.cast::<PyTimestamp>() else { return Err(wrong_type("last", "a Timestamp", last)) };
    let ts = last.get().0;
    if ts.physical_us() > HORIZON {
        let physical = ts.physical_us().into_pyobject(last.py())?.into_any();
        return Err(invalid("fields", &format!("last must not lie beyond {HORIZON} us"), None, &physical));
    }
    Ok(ts)
}

pub(crate) fn collected(timestamps: &Bound<'_, PyAny>) -> PyResult<Vec<Timestamp>> {
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

/// How many timestamps at once.
pub(crate) fn count(n: &Bound<'_, PyAny>) -> PyResult<usize> {
    let count = checked_int("n", n)?;
    match count.extract::<usize>() {
        Ok(n) if n <= MAX_BATCH => Ok(n),
        _ => Err(PyValueError::new_err(format!("n must lie in 0..={MAX_BATCH}, got {}", shown(&count)?))),
    }
}
