//! A buffer's account as `flocktime.stats.BufferStats`.

use flocktime_core::BufferStats;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::python_call::call;

pub(crate) fn snapshot<'py>(py: Python<'py>, stats: &BufferStats) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let values = PyDict::new(py);
    let counters = [
        ("pushed", stats.pushed),
        ("drained", stats.drained),
        ("dropped", stats.dropped),
        ("rejected", stats.rejected),
        ("inside", stats.inside),
        ("high_water", stats.high_water),
        ("capacity", stats.capacity),
    ];
    for (name, value) in counters {
        values.set_item(name, value)?;
    }
    values.set_item("closed", stats.closed)?;
    call(CLASS.import(py, "flocktime.stats", "BufferStats")?, (), Some(&values))
}
