//! What a clock shows of itself: `repr`, and `ClockStats`.

use flocktime_core::{Clock, Stats};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::source::Source;

/// `flocktime.stats.ClockStats` of these numbers.
pub(crate) fn snapshot(py: Python<'_>, stats: Stats) -> PyResult<Bound<'_, PyAny>> {
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

pub(crate) fn shown_clock(py: Python<'_>, name: Option<&Py<PyString>>, clock: &Clock<Source>) -> PyResult<String> {
    let name = match name {
        Some(name) => name.bind(py).repr()?.to_string_lossy().into_owned(),
        None => "None".to_owned(),
    };
    let (node, last) = clock.peek();
    let last = last.map_or_else(|| "None".to_owned(), |last| last.to_string());
    let epoch = clock.epoch();
    Ok(format!("<flocktime.Clock name={name} node=0x{node:012x} epoch={epoch} last={last}>"))
}
