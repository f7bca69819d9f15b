//! `Clock.open`: a clock on a host page. Every rule is in `flocktime_agent::host_page`.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flocktime_agent::host_page::{
    Fault, Following, Found, Helm, HostPage, OnExpiry, PageConfig, PageError, PagePlace, PageStatus,
};
use flocktime_core::{OsSource, SharedPlace, SharedState, TimeSource, Timestamp, Unleased};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::beneath::Beneath;
use crate::convert::{delta, seconds_us, text};
use crate::errors::wrong_value;
use crate::moved_sources::PySkewedSource;
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
        if HURRIED.get() {
            return self.0.ask_for_room(stamp);
        }
        Python::attach(|py| py.detach(|| self.0.make_room(stamp)))
    }

    fn enter_child(&self) {
        self.0.enter_child();
    }
}

/// Opens the page with the interpreter released, and gives what a clock on it runs on. A source written in Python is not asked by
/// the keeper; the operating system's clocks, and a wrong oscillator in their place, are for the flock to correct.
pub(crate) fn open(
    py: Python<'_>,
    path: &Path,
    lease: Duration,
    source: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Arc<HostPage>, Source)> {
    let beneath = match source {
        None => Some(Beneath::Os(OsSource)),
        Some(given) => given.cast::<PySkewedSource>().ok().map(|skewed| Beneath::Skewed(Arc::clone(&skewed.get().0))),
    };
    let wall = Source::from_python(source)?;
    let mut config = match wall {
        Source::Python(_) => PageConfig::new(|| None),
        native => PageConfig::new(move || native.wall_us().ok().and_then(|us| u64::try_from(us).ok())),
    };
    config.lease = lease;
    config.follows = beneath.is_some();
    let page = py.detach(|| HostPage::open(path, config)).map_err(|error| refused(py, &error))?;
    let source = match beneath {
        Some(beneath) => Source::of_page(beneath, &page),
        None => Source::from_python(source)?,
    };
    Ok((page, source))
}

/// The role of the flock member that a page's clocks follow, waited for with the interpreter released.
pub(crate) fn helm(py: Python<'_>, page: &Arc<HostPage>, round: Duration) -> PyResult<Helm> {
    let round_ns = u64::try_from(round.as_nanos()).unwrap_or(u64::MAX);
    let interrupted = || Python::attach(|py| py.check_signals().map_err(|raised| raised.restore(py)).is_err());
    let taken = py.detach(|| Helm::take(page, round_ns, interrupted));
    taken.map_err(|error| PyErr::take(py).unwrap_or_else(|| refused(py, &error)))
}

thread_local! {
    static HURRIED: Cell<bool> = const { Cell::new(false) };
}

/// Calls on this thread wait for no lease: for those that come while a member is locked, and for which the interpreter may wait.
pub(crate) fn hurried<T>(call: impl FnOnce() -> T) -> T {
    HURRIED.set(true);
    let done = call();
    HURRIED.set(false);
    done
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
        Fault::Taken { holder } => ("taken", "", i64::from(*holder)),
        Fault::Unsupported { what } => ("unsupported", *what, 0),
    };
    crate::errors::build_from(py, &BUILDER, "flocktime.page_errors", "_page", (&error.path, why, what, number))
}

/// `flocktime.stats.PageStatus` of this.
pub(crate) fn status<'py>(py: Python<'py>, status: &PageStatus) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let values = PyDict::new(py);
    values.set_item("path", status.path.as_os_str())?;
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
    let discipline = match status.following {
        Following::Nobody => "none",
        Following::Waiting => "waiting",
        Following::Synchronised => "synchronised",
        Following::Stale => "stale",
        Following::Detached => "detached",
    };
    values.set_item("discipline", discipline)?;
    let time = |ns: Option<u64>| ns.map(|ns| delta(py, (ns / 1000) as i64)).transpose();
    values.set_item("discipline_age", time(status.steered_ago_ns)?)?;
    values.set_item("discipline_writer", status.steersman)?;
    values.set_item("discipline_damaged", status.damaged_guidance)?;
    values.set_item("error_bound", time(status.error_ns)?)?;
    CLASS.import(py, "flocktime.stats", "PageStatus")?.call((), Some(&values))
}
