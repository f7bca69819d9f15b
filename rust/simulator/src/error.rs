//! What can be wrong with a scenario or a run.

use core::fmt;

/// Why nothing was simulated, or not to the end.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The text is not a scenario: no JSON, an unknown field, a wrong type. With line and column.
    Text(String),
    /// A value outside of its limits.
    Limit {
        /// The field, as a path.
        field: String,
        /// What it is.
        value: f64,
        /// The least allowed.
        least: f64,
        /// The greatest allowed.
        most: f64,
    },
    /// Fields that do not fit together.
    Conflict {
        /// The field, as a path.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The caller asked to stop.
    Stopped {
        /// The simulated second that was reached.
        at_s: f64,
    },
    /// The simulation itself has a defect.
    Internal(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(what) => write!(f, "not a scenario: {what}"),
            Self::Limit { field, value, least, most } => write!(f, "{field} is {value}, must lie in {least}..={most}"),
            Self::Conflict { field, reason } => write!(f, "{field}: {reason}"),
            Self::Stopped { at_s } => write!(f, "stopped at simulated second {at_s}"),
            Self::Internal(what) => write!(f, "defect of the simulator: {what}"),
        }
    }
}

impl core::error::Error for Error {}
