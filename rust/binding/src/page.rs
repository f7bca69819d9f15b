//! `Clock.open`: a clock on a host page. Every rule is in `flocktime_agent::host_page`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flocktime_agent::host_page::{Fault, Found, HostPage, OnExpiry, PageConfig, PageError, PagePlace, PageStatus};
use flocktime_core::{SharedPlace, SharedState, TimeSource, Timestamp, Unleased};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::convert::{delta, seconds_us, text};
use crate::errors::wrong_value;
use crate::source::Source;
use crate::stamp_object::stamp;

/// Shorter ones would be renewed more often than a disk likes; longer ones lead too far after a crash.
const LEASE_US: std::ops::RangeInclusive<i64> = 100_000..=60_000_000;

/// A page as a clock's state, waited for with the interpreter released.
pub(crate) struct Place(PagePlace);

impl Place {
    pub(crate) fn new(page: Arc<HostPage>, on_expiry: OnExpiry) -> Self {
        Self(PagePlace::new(page, on_expiry, || {
            // The exception stays with the interpreter until the call that waited has unwound to Python.
            Python::attach(|py| py.check_signals().map_err(|raised| raised.restore(py)).is_err())
        }))
    }
}

impl SharedPlace for Place {
    #[inline]
    fn state(&self) -> &SharedState {
        self.0.state()
    }

    fn make_room(&self, stamp: Timestamp) -> Result<(), Unleased> {
        Python::attach(|py| py.detach(|| self.0.make_room(stamp)))
    }

    fn enter_child(&self) -> Result<(), Unleased> {
        self.0.enter_child()
    }
}

/// Opens the page with the interpreter released. `source` is that of its clock; one written in Python is not asked by the keeper.
pub(crate) fn open(py: Python<'_>, path: &Path, lease: Duration, source: Source) -> PyResult<Arc<HostPage>> {
    let mut config = match source {
        Source::Python(_) => PageConfig::new(|| None),
        native => PageConfig::new(move || native.wall_us().ok().and_then(|us| u64::try_from(us).ok())),
    };
    config.lease = lease;
    py.detach(|| HostPage::open(path, config)).map_err(|error| refused(py, &error))
}

pub(crate) fn lease(value: &Bound<'_, PyAny>) -> PyResult<Duration> {
    let us = seconds_us("lease", value, false)?;
    if !LEASE_US.contains(&us) {
        return Err(wrong_value("lease must lie between 0.1 and 60 seconds", value));
    }
    Ok(Duration::from_micros(us as u64))
}

pub(crate) fn on_expiry(value: &Bound<'_, PyAny>) -> PyResult<OnExpiry> {
    match text("on_expiry", value)?.as_str() {
        "block" => Ok(OnExpiry::Block),
        "extend" => Ok(OnExpiry::Extend),
        "error" => Ok(OnExpiry::Error),
        _ => Err(wrong_value("on_expiry must be one of block, extend, error", value)),
    }
}

/// `flocktime.page_errors.PageError` of this.
#[cold]
fn refused(py: Python<'_>, error: &PageError) -> PyErr {
    static BUILDER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let (why, what, number) = match &error.fault {
        Fault::Os { what, error } => ("os", *what, i64::from(error.raw_os_error().unwrap_or(0))),
        Fault::Size { found } => ("size", "", i64::try_from(*found).unwrap_or(i64::MAX)),
        Fault::Foreign => ("foreign", "", 0),
        Fault::Version { found } => ("version", "", i64::from(*found)),
        Fault::Damaged { what } => ("damaged", *what, 0),
        Fault::Copied => ("copied", "", 0),
        Fault::Busy { holder } => ("busy", "", i64::from(*holder)),
        Fault::Unsupported { what } => ("unsupported", *what, 0),
    };
    crate::errors::build_from(py, &BUILDER, "flocktime.page_errors", "_page", (&error.path, why, what, number))
}

/// `flocktime.stats.PageStatus` of this.
pub(crate) fn status<'py>(py: Python<'py>, status: &PageStatus) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let values = PyDict::new(py);
    values.set_item("path", &status.path)?;
    values.set_item("id", format!("{:032x}", u128::from_be_bytes(status.id)))?;
    values.set_item("node", status.node)?;
    let found = match status.found {
        Found::Made => "made",
        Found::Attached => "attached",
        Found::Restarted => "restarted",
        Found::Damaged => "damaged",
        Found::Restored => "restored",
    };
    values.set_item("found", found)?;
    values.set_item("damaged_record", status.damaged_record)?;
    values.set_item("last", stamp(py, status.latest))?;
    values.set_item("leased_until", stamp(py, status.leased_until))?;
    values.set_item("lease", delta(py, status.lease_us as i64)?)?;
    values.set_item("sequence", status.sequence)?;
    values.set_item("writer", status.writer)?;
    values.set_item("renewals", status.renewals)?;
    values.set_item("failures", status.failures)?;
    values.set_item("errno", Some(status.errno).filter(|&errno| errno != 0))?;
    CLASS.import(py, "flocktime.stats", "PageStatus")?.call((), Some(&values))
}
