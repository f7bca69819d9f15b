//! What a Python clock can run on: one type over all sources, so that only those written in Python call into it.

use std::sync::{Arc, OnceLock};

use flocktime_agent::host_page::{HostPage, PageSource};
use flocktime_agent::sys::Tsc;
use flocktime_core::{
    CountedSource, ManualSource, OsSource, SkewedSource, SourceFailed, SteeredSource, TimeSource, Vouched,
};
use pyo3::prelude::*;

use crate::beneath::{Beneath, Ground, PyFlockSource};
use crate::errors::wrong_type;
use crate::interval::Keeper;
use crate::moved_sources::{PyManualSource, PySkewedSource};
use crate::python_source::{leave_to_interpreter, read, told};

/// What a Python clock can run on. Only the last kind calls into Python.
pub(crate) enum Source {
    /// The operating system's clock, or a flock over it, through the processor's counter.
    Counted(CountedSource<Ground, Tsc>),
    Os(OsSource),
    Steered(SteeredSource<Beneath>),
    Paged(PageSource<Beneath>),
    Manual(ManualSource),
    Skewed(Arc<SkewedSource<Source>>),
    Python(Py<PyAny>),
}

impl Source {
    /// Read through the processor's counter where that can be trusted; all clocks of the process share one calibration.
    fn operating_system() -> Self {
        static COUNTED: OnceLock<Option<CountedSource<Ground, Tsc>>> = OnceLock::new();
        let count = || Tsc::trusted().map(|counter| CountedSource::new(Ground::Os(OsSource), counter));
        let counted = COUNTED.get_or_init(count);
        counted.clone().map_or(Self::Os(OsSource), Self::Counted)
    }

    /// What clocks on this page follow where a flock member publishes, and `beneath` where none does.
    pub(crate) fn of_page(beneath: Beneath, page: &HostPage) -> Self {
        let source = PageSource::new(beneath, page);
        match Tsc::trusted() {
            Some(counter) => Self::Counted(CountedSource::new(Ground::Page(source), counter)),
            None => Self::Paged(source),
        }
    }

    pub(crate) fn from_python(source: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(source) = source else { return Ok(Self::operating_system()) };
        if let Ok(manual) = source.cast::<PyManualSource>() {
            Ok(Self::Manual(manual.get().0.clone()))
        } else if let Ok(skewed) = source.cast::<PySkewedSource>() {
            Ok(Self::Skewed(Arc::clone(&skewed.get().0)))
        } else if let Ok(flock) = source.cast::<PyFlockSource>() {
            Ok(flock.get().0.source())
        } else if source.is_callable() {
            Ok(Self::Python(source.clone().unbind()))
        } else {
            Err(wrong_type("source", "callable", source))
        }
    }
}

impl Source {
    /// Whether it is the operating system's clock, or a flock's over that.
    pub(crate) fn is_on_os_clock(&self) -> bool {
        match self {
            Self::Counted(source) => source.base().is_on_os_clock(),
            Self::Steered(source) => source.base().is_on_os_clock(),
            Self::Paged(source) => source.base().is_on_os_clock(),
            Self::Os(_) => true,
            Self::Manual(_) | Self::Skewed(_) | Self::Python(_) => false,
        }
    }

    /// A reading, and what it may be wrong by; `keeper` is asked about the operating system's clock.
    pub(crate) fn vouched_by(&self, keeper: &Keeper) -> Result<Vouched, SourceFailed> {
        match self {
            Self::Counted(source) => source.base().vouched_by(keeper),
            Self::Os(_) => keeper.vouched(),
            Self::Steered(source) => source.vouched_else(|beneath| beneath.vouched_by(keeper)),
            Self::Paged(source) => source.vouched_else(|beneath| beneath.vouched_by(keeper)),
            Self::Manual(source) => source.vouched(),
            Self::Skewed(source) => source.vouched(),
            Self::Python(callable) => Python::attach(|py| told(callable.bind(py))).map_err(leave_to_interpreter),
        }
    }

    /// Out of line, to keep the operating system's clock the straight way.
    #[cold]
    fn uncommon_wall_us(&self) -> Result<i64, SourceFailed> {
        Ok(self.wall_ns()?.div_euclid(1000))
    }
}

impl TimeSource for Source {
    #[inline]
    fn wall_ns(&self) -> Result<i64, SourceFailed> {
        match self {
            Self::Counted(source) => source.wall_ns(),
            Self::Os(source) => source.wall_ns(),
            Self::Steered(source) => source.wall_ns(),
            Self::Paged(source) => source.wall_ns(),
            Self::Manual(source) => source.wall_ns(),
            Self::Skewed(source) => source.wall_ns(),
            Self::Python(callable) => Python::attach(|py| read(callable.bind(py))).map_err(leave_to_interpreter),
        }
    }

    #[inline]
    fn wall_us(&self) -> Result<i64, SourceFailed> {
        match self {
            Self::Counted(source) => source.wall_us(),
            Self::Os(source) => source.wall_us(),
            other => other.uncommon_wall_us(),
        }
    }

    fn monotonic_ns(&self) -> u64 {
        match self {
            Self::Counted(source) => source.monotonic_ns(),
            Self::Os(source) => source.monotonic_ns(),
            Self::Steered(source) => source.monotonic_ns(),
            Self::Paged(source) => source.monotonic_ns(),
            Self::Manual(source) => source.monotonic_ns(),
            Self::Skewed(source) => source.monotonic_ns(),
            Self::Python(_) => OsSource.monotonic_ns(),
        }
    }

    fn raw_ns(&self) -> u64 {
        match self {
            Self::Counted(source) => source.raw_ns(),
            Self::Os(source) => source.raw_ns(),
            Self::Steered(source) => source.raw_ns(),
            Self::Paged(source) => source.raw_ns(),
            Self::Manual(source) => source.raw_ns(),
            Self::Skewed(source) => source.raw_ns(),
            Self::Python(_) => OsSource.raw_ns(),
        }
    }

    #[inline]
    fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
        match self {
            Self::Counted(source) => source.max_drift_us(configured),
            Self::Steered(source) => source.max_drift_us(configured),
            Self::Paged(source) => source.max_drift_us(configured),
            Self::Os(_) | Self::Manual(_) | Self::Skewed(_) | Self::Python(_) => configured,
        }
    }

    fn rereadable(&self) -> bool {
        match self {
            Self::Counted(_) | Self::Os(_) | Self::Steered(_) | Self::Paged(_) | Self::Manual(_) => true,
            Self::Skewed(source) => source.rereadable(),
            // Called once per timestamp and never behind its owner's back: a scripted one would notice.
            Self::Python(_) => false,
        }
    }

    fn is_moved_by_hand(&self) -> bool {
        match self {
            Self::Counted(source) => source.is_moved_by_hand(),
            Self::Steered(source) => source.is_moved_by_hand(),
            Self::Paged(source) => source.is_moved_by_hand(),
            Self::Manual(source) => source.is_moved_by_hand(),
            Self::Skewed(source) => source.is_moved_by_hand(),
            Self::Os(_) | Self::Python(_) => false,
        }
    }
}
