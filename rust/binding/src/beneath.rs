//! What the clocks of a flock and of a page stand on: the operating system's clocks, or a wrong oscillator that a test brings.

use std::sync::Arc;

use flocktime_agent::host_page::PageSource;
use flocktime_agent::sys::Tsc;
use flocktime_core::{
    CountedSource, OsSource, Reading, SkewedSource, SourceFailed, SteeredSource, Steering, TimeSource, Vouched,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::refusal;
use crate::interval::Keeper;
use crate::source::Source;

/// The clocks beneath a flock, or a page.
#[derive(Clone)]
pub(crate) enum Beneath {
    Os(OsSource),
    Skewed(Arc<SkewedSource<Source>>),
}

/// What a counter may count for: one type, so that the operating system's clock, a flock's and a page's are read the same way.
#[derive(Clone)]
pub(crate) enum Ground {
    Os(OsSource),
    Flock(SteeredSource<Beneath>),
    Page(PageSource<Beneath>),
}

macro_rules! delegate {
    ($name:ident, $($variant:ident),+) => {
        impl TimeSource for $name {
            fn wall_ns(&self) -> Result<i64, SourceFailed> {
                match self {
                    $(Self::$variant(source) => source.wall_ns(),)+
                }
            }

            fn monotonic_ns(&self) -> u64 {
                match self {
                    $(Self::$variant(source) => source.monotonic_ns(),)+
                }
            }

            fn raw_ns(&self) -> u64 {
                match self {
                    $(Self::$variant(source) => source.raw_ns(),)+
                }
            }

            fn reading(&self) -> Result<Reading, SourceFailed> {
                match self {
                    $(Self::$variant(source) => source.reading(),)+
                }
            }

            fn steady_ns(&self) -> u64 {
                match self {
                    $(Self::$variant(source) => source.steady_ns(),)+
                }
            }

            #[inline]
            fn max_drift_us(&self, configured: Option<u64>) -> Option<u64> {
                match self {
                    $(Self::$variant(source) => source.max_drift_us(configured),)+
                }
            }

            fn rereadable(&self) -> bool {
                match self {
                    $(Self::$variant(source) => source.rereadable(),)+
                }
            }

            fn is_moved_by_hand(&self) -> bool {
                match self {
                    $(Self::$variant(source) => source.is_moved_by_hand(),)+
                }
            }
        }
    };
}

delegate!(Beneath, Os, Skewed);
delegate!(Ground, Os, Flock, Page);

impl Beneath {
    pub(crate) fn is_on_os_clock(&self) -> bool {
        matches!(self, Self::Os(_))
    }

    pub(crate) fn vouched_by(&self, keeper: &Keeper) -> Result<Vouched, SourceFailed> {
        match self {
            Self::Os(_) => keeper.vouched(),
            Self::Skewed(source) => source.vouched(),
        }
    }
}

impl Ground {
    pub(crate) fn is_on_os_clock(&self) -> bool {
        match self {
            Self::Os(_) => true,
            Self::Flock(source) => source.base().is_on_os_clock(),
            Self::Page(source) => source.base().is_on_os_clock(),
        }
    }

    pub(crate) fn vouched_by(&self, keeper: &Keeper) -> Result<Vouched, SourceFailed> {
        match self {
            Self::Os(_) => keeper.vouched(),
            Self::Flock(source) => source.vouched_else(|beneath| beneath.vouched_by(keeper)),
            Self::Page(source) => source.vouched_else(|beneath| beneath.vouched_by(keeper)),
        }
    }
}

/// A flock's time for any number of clocks: they share one calibration of the counter.
pub(crate) enum FlockTime {
    Counted(CountedSource<Ground, Tsc>),
    Plain(SteeredSource<Beneath>),
    Paged(PageSource<Beneath>),
}

impl FlockTime {
    /// What the clocks of a page follow, if they follow a flock.
    pub(crate) fn of_page(source: &Source) -> Option<Self> {
        match source {
            Source::Counted(source) => Some(Self::Counted(source.clone())),
            Source::Paged(source) => Some(Self::Paged(source.clone())),
            Source::Os(_) | Source::Steered(_) | Source::Manual(_) | Source::Skewed(_) | Source::Python(_) => None,
        }
    }

    pub(crate) fn new(beneath: Beneath, steering: Arc<Steering>) -> Self {
        let steered = SteeredSource::new(beneath, steering);
        match Tsc::trusted() {
            Some(counter) => Self::Counted(CountedSource::new(Ground::Flock(steered), counter)),
            None => Self::Plain(steered),
        }
    }

    pub(crate) fn source(&self) -> Source {
        match self {
            Self::Counted(source) => Source::Counted(source.clone()),
            Self::Plain(source) => Source::Steered(source.clone()),
            Self::Paged(source) => Source::Paged(source.clone()),
        }
    }
}

/// A flock's time as a source for clocks: the OS clock until the first synchronisation, and in a forked child.
///
/// Calling it gives nanoseconds since 1970; ``NotReady`` where the flock was told to refuse until then.
#[pyclass(frozen, module = "flocktime._core", name = "FlockSource")]
pub(crate) struct PyFlockSource(pub(crate) Arc<FlockTime>);

#[pymethods]
impl PyFlockSource {
    fn __call__(&self, py: Python<'_>) -> PyResult<i64> {
        self.0.source().wall_ns().map_err(|failed| match failed {
            SourceFailed::NotReady => refusal(py, failed.into()),
            SourceFailed::Raised => PyRuntimeError::new_err("the source beneath cannot be read"),
        })
    }

    #[allow(clippy::unused_self, reason = "a method of Python's")]
    fn __repr__(&self) -> &'static str {
        "<flocktime.FlockSource>"
    }
}
