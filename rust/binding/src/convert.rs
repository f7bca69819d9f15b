//! Plain Python values in and out, with the checks and messages that `flocktime._fallback.fields` has too.

use std::path::PathBuf;

use flocktime_core::Overflow;
use flocktime_core::layout::MAX_NODE;
use flocktime_core::merge::{OnCollision, OnDrift};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBoolMethods, PyBytes, PyDelta, PyDeltaAccess, PyFloat, PyInt, PyString};

use crate::errors::{invalid, wrong_type, wrong_value};

const US_PER_DAY: i64 = 86_400_000_000;
/// A hundred years: more is a mistake of units.
const MAX_SECONDS: i64 = 3_155_760_000;
/// Reasons are kept for people; a longer one is cut.
const MAX_REASON: usize = 200;

/// An argument whose absence is not `None`: where `None` is given, it is judged like any other value.
pub(crate) enum Argument<'py> {
    Absent,
    Given(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Argument<'py> {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self::Given(value.to_owned()))
    }
}

impl<'py> Argument<'py> {
    /// What `convert` makes of it, or the default.
    #[inline]
    pub(crate) fn or<T>(self, default: T, convert: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<T>) -> PyResult<T> {
        match self {
            Self::Absent => Ok(default),
            Self::Given(value) => convert(&value),
        }
    }
}

/// What `operator.index` gives; `TypeError` for what is no int (a float is none).
pub(crate) fn checked_int<'py>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    static INDEX: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(value.clone());
    }
    let py = value.py();
    let refused = |error: PyErr| {
        // Anything else was raised inside the value's own __index__.
        if error.is_instance_of::<PyTypeError>(py) { wrong_type(name, "an int", value) } else { error }
    };
    INDEX.import(py, "operator", "index")?.call1((value,)).map_err(refused)
}

/// A field of a timestamp within its bits.
pub(crate) fn field(name: &str, value: &Bound<'_, PyAny>, largest: u64) -> PyResult<u64> {
    let number = checked_int(name, value)?;
    match number.extract::<u64>() {
        Ok(bits) if bits <= largest => Ok(bits),
        _ => Err(invalid("fields", &format!("{name} must lie in 0..={largest}"), None, &number)),
    }
}

pub(crate) fn node_id(value: &Bound<'_, PyAny>) -> PyResult<u64> {
    let Ok(bytes) = value.cast::<PyBytes>() else { return field("node", value, MAX_NODE) };
    if bytes.as_bytes().len() != 6 {
        return Err(invalid("fields", "node must be 6 bytes long", None, value));
    }
    Ok(bytes.as_bytes().iter().fold(0, |node, &byte| node << 8 | u64::from(byte)))
}

/// A truth value and nothing that merely looks like one.
pub(crate) fn checked_bool(name: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.cast::<PyBool>().map(PyBoolMethods::is_true).map_err(|_| wrong_type(name, "a bool", value))
}

/// Exact microseconds of a `timedelta`; a day count of 999,999,999 does not fit 64 bits of them.
pub(crate) fn delta_us(delta: &Bound<'_, PyDelta>) -> i128 {
    let seconds = i128::from(delta.get_days()) * 86_400 + i128::from(delta.get_seconds());
    seconds * 1_000_000 + i128::from(delta.get_microseconds())
}

/// The `timedelta` of so many microseconds.
pub(crate) fn delta(py: Python<'_>, us: i64) -> PyResult<Bound<'_, PyDelta>> {
    let (days, rest) = (us.div_euclid(US_PER_DAY), us.rem_euclid(US_PER_DAY));
    PyDelta::new(py, days as i32, (rest / 1_000_000) as i32, (rest % 1_000_000) as i32, false)
}

/// Seconds (a number) or a `timedelta` in microseconds, at most 100 years either way.
pub(crate) fn seconds_us(name: &str, value: &Bound<'_, PyAny>, negative: bool) -> PyResult<i64> {
    let limit_us = MAX_SECONDS * 1_000_000;
    let too_long = || wrong_value(&format!("{name} must be at most 100 years"), value);
    let us = if let Ok(delta) = value.cast::<PyDelta>() {
        i64::try_from(delta_us(delta)).map_err(|_| too_long())?
    } else if value.is_instance_of::<PyBool>() {
        return Err(wrong_type(name, "seconds or a timedelta", value));
    } else if value.is_instance_of::<PyInt>() {
        let seconds = value.extract::<i64>().ok().filter(|seconds| seconds.unsigned_abs() <= MAX_SECONDS as u64);
        seconds.ok_or_else(too_long)? * 1_000_000
    } else if let Ok(seconds) = value.cast::<PyFloat>() {
        let seconds = seconds.extract::<f64>()?;
        if seconds.is_nan() {
            return Err(wrong_value(&format!("{name} must be a number of seconds"), value));
        }
        if seconds.abs() > MAX_SECONDS as f64 {
            return Err(too_long());
        }
        (seconds * 1e6).round_ties_even() as i64
    } else {
        return Err(wrong_type(name, "seconds or a timedelta", value));
    };
    if us.unsigned_abs() > limit_us as u64 {
        return Err(too_long());
    }
    if us < 0 && !negative {
        return Err(wrong_value(&format!("{name} must not be negative"), value));
    }
    Ok(us)
}

/// Text as Rust has it. A lone surrogate, which UTF-8 has no bytes for, becomes `?`, so that positions stay right.
pub(crate) fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let text = value.cast::<PyString>().map_err(|_| wrong_type(name, "a str", value))?;
    match text.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => text.call_method1("encode", ("utf-8", "replace"))?.call_method0("decode")?.extract(),
    }
}

pub(crate) fn reason(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(text("reason", value)?.chars().take(MAX_REASON).collect())
}

pub(crate) fn on_drift(value: &Bound<'_, PyAny>) -> PyResult<OnDrift> {
    match text("on_drift", value)?.as_str() {
        "reject" => Ok(OnDrift::Reject),
        "adopt" => Ok(OnDrift::Adopt),
        "ignore" => Ok(OnDrift::Ignore),
        "clamp" => Ok(OnDrift::Clamp),
        _ => Err(wrong_value("on_drift must be one of reject, adopt, ignore, clamp", value)),
    }
}

pub(crate) fn on_collision(value: &Bound<'_, PyAny>) -> PyResult<OnCollision> {
    match text("on_collision", value)?.as_str() {
        "reject" => Ok(OnCollision::Reject),
        "adopt" => Ok(OnCollision::Adopt),
        _ => Err(wrong_value("on_collision must be one of reject, adopt", value)),
    }
}

pub(crate) fn overflow(value: &Bound<'_, PyAny>) -> PyResult<Overflow> {
    match text("overflow", value)?.as_str() {
        "reject" => Ok(Overflow::Reject),
        "drop_oldest" => Ok(Overflow::DropOldest),
        "block" => Ok(Overflow::Block),
        _ => Err(wrong_value("overflow must be one of reject, drop_oldest, block", value)),
    }
}

/// The path of a file, as text or as `os.PathLike`.
pub(crate) fn file_path(name: &str, value: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let path: PathBuf = value.extract().map_err(|_| wrong_type(name, "a path", value))?;
    if path.as_os_str().is_empty() {
        return Err(wrong_value(&format!("{name} must not be empty"), value));
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(wrong_value(&format!("{name} must not have a NUL in it"), value));
    }
    Ok(path)
}

/// A number of things inside these bounds, both inclusive.
pub(crate) fn bounded(name: &str, value: &Bound<'_, PyAny>, least: usize, most: usize) -> PyResult<usize> {
    let number = checked_int(name, value)?;
    match number.extract::<usize>() {
        Ok(found) if (least..=most).contains(&found) => Ok(found),
        _ => Err(wrong_value(&format!("{name} must lie in {least}..={most}"), &number)),
    }
}
