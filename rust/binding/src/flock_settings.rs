//! What a flock is configured with, from Python; and its refusals back.

use std::net::SocketAddr;

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::{AnchorPolicy, HeaderRefusal};
use flocktime_core::flocking::WORST_ANCHOR_NS;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors::build;

static HEADER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The first signs, all verify; none: neither.
pub(crate) fn keyring(py: Python<'_>, keys: &[String]) -> PyResult<Keyring> {
    static KEY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let refuse = |error: String| build(py, &KEY, "_key", (error,));
    let keys: Vec<Key> = keys
        .iter()
        .map(|key| key.parse::<Key>())
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(error.to_string()))?;
    match keys.first() {
        None => Ok(Keyring::without_keys()),
        Some(first) => Keyring::new(first.id(), &keys).map_err(|error| refuse(error.to_string())),
    }
}

/// `None`: as the operating system says; -1: never; else always, within so many nanoseconds.
pub(crate) fn anchor_policy(anchor: Option<i64>) -> PyResult<AnchorPolicy> {
    const MOST_NS: i64 = WORST_ANCHOR_NS as i64;
    match anchor {
        None => Ok(AnchorPolicy::Detect),
        Some(-1) => Ok(AnchorPolicy::Never),
        Some(error_ns @ 0..=MOST_NS) => Ok(AnchorPolicy::Always { error_ns: error_ns.unsigned_abs() }),
        Some(error_ns) => {
            let text = format!("anchor must be None, -1 or 0 to {MOST_NS} nanoseconds, got {error_ns}");
            Err(PyValueError::new_err(text))
        }
    }
}

/// A literal `ip:port`.
pub(crate) fn address(text: &str) -> PyResult<SocketAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("not an address ip:port: {text:?}")))
}

pub(crate) fn header_error(py: Python<'_>, refusal: HeaderRefusal) -> PyErr {
    let reason = match refusal {
        HeaderRefusal::Refused(refusal) => match refusal.name() {
            "length" | "magic" => "malformed",
            name => name,
        },
        HeaderRefusal::Replayed => "replayed",
        HeaderRefusal::Own => "own",
        HeaderRefusal::NotReceived => "not_received",
    };
    build(py, &HEADER, "_header", (reason,))
}

/// A receiver's name of so many bytes is none.
pub(crate) fn label_error(py: Python<'_>, length: usize) -> PyErr {
    build(py, &HEADER, "_header", ("label", length))
}
