//! `Timestamp` for Python: conversions, comparisons, arithmetic. Every rule is in `flocktime_core::Timestamp`.

use flocktime_core::Timestamp;
use flocktime_core::layout::{MAX_EPOCH, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL};
use pyo3::basic::CompareOp;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDateTime, PyDelta, PyDict, PyNotImplemented, PyTuple, PyType, PyTzInfo,
};

use crate::convert::{Argument, checked_int, delta, delta_us, field, text};
use crate::errors::{invalid, not_a_timestamp, subtraction, wrong_type};
use crate::stamp_object::stamp;

/// A hybrid timestamp of 128 bits: epoch, physical microseconds, logical counter, node.
///
/// Frozen, hashable, totally ordered: by epoch, then physical time, then counter, then node. Comparing with any other type
/// is never true (``==``) or a ``TypeError`` (``<``). Any thread may use it at any time.
///
/// Args:
///     physical_us: microseconds since 1970-01-01 UTC, ``0..2**52`` (until 2112).
///     logical: counter within the microsecond, ``0..4096``.
///     node: who issued it, ``0..2**48``.
///     epoch: ``0..65536``; a higher one beats every timestamp of a lower one.
///
/// Raises:
///     InvalidTimestamp: a field does not fit; ``TypeError`` when it is no int.
///
/// >>> a = Timestamp(1_000_000, 7, node=0x2a)
/// >>> b = Timestamp(1_000_001)
/// >>> a < b, b - a, str(a)
/// (True, datetime.timedelta(microseconds=1), '00000_1970-01-01T00:00:01.000000Z_0007_00000000002a')
#[pyclass(frozen, skip_from_py_object, module = "flocktime", name = "Timestamp")]
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct PyTimestamp(pub(crate) Timestamp);

type Stamp<'py> = PyResult<Bound<'py, PyTimestamp>>;

#[allow(clippy::wrong_self_convention, reason = "Python methods borrow their object")]
#[pymethods]
impl PyTimestamp {
    #[classattr]
    #[pyo3(name = "__match_args__")]
    const MATCH_ARGS: (&'static str, &'static str, &'static str, &'static str) =
        ("physical_us", "logical", "node", "epoch");

    #[classattr]
    const MIN: Self = Self(Timestamp::MIN);

    #[classattr]
    const MAX: Self = Self(Timestamp::MAX);

    #[new]
    #[pyo3(signature = (physical_us, logical = Argument::Absent, *, node = Argument::Absent, epoch = Argument::Absent), text_signature = "(physical_us, logical=0, *, node=0, epoch=0)")]
    fn new(
        physical_us: &Bound<'_, PyAny>,
        logical: Argument<'_>,
        node: Argument<'_>,
        epoch: Argument<'_>,
    ) -> PyResult<Self> {
        let epoch = epoch.or(0, |value| field("epoch", value, MAX_EPOCH.into()))?;
        let physical = field("physical_us", physical_us, MAX_PHYSICAL)?;
        let logical = logical.or(0, |value| field("logical", value, MAX_LOGICAL.into()))?;
        let node = node.or(0, |value| field("node", value, MAX_NODE))?;
        Timestamp::new(physical, logical as u16, node, epoch as u16)
            .map(Self)
            .map_err(|error| not_a_timestamp(&error, physical_us))
    }

    /// Microseconds since 1970-01-01 UTC.
    #[getter]
    fn physical_us(&self) -> u64 {
        self.0.physical_us()
    }

    /// Counter within the microsecond.
    #[getter]
    fn logical(&self) -> u16 {
        self.0.logical()
    }

    /// Who issued it, 48 bits.
    #[getter]
    fn node(&self) -> u64 {
        self.0.node()
    }

    /// Epoch, 16 bits.
    #[getter]
    fn epoch(&self) -> u16 {
        self.0.epoch()
    }

    /// 16 bytes, big-endian: they sort like the timestamps. ``bytes(ts)`` is the same.
    ///
    /// >>> Timestamp.from_bytes(Timestamp(5).to_bytes()) == Timestamp(5)
    /// True
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_be_bytes())
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        self.to_bytes(py)
    }

    /// The inverse of ``to_bytes``.
    ///
    /// Raises:
    ///     InvalidTimestamp: not 16 bytes long; ``TypeError`` when it is neither ``bytes`` nor ``bytearray``.
    #[classmethod]
    fn from_bytes<'py>(_class: &Bound<'py, PyType>, data: &Bound<'py, PyAny>) -> Stamp<'py> {
        let bytes: [u8; 16] = if let Ok(bytes) = data.cast::<PyBytes>() {
            bytes.as_bytes().try_into().ok()
        } else if let Ok(bytes) = data.cast::<PyByteArray>() {
            bytes.to_vec().try_into().ok()
        } else {
            return Err(wrong_type("data", "bytes", data));
        }
        .ok_or_else(|| invalid("bytes", "must be 16 bytes long", None, data))?;
        Ok(stamp(data.py(), Timestamp::from_be_bytes(bytes)))
    }

    /// 32 lower-case hexadecimal digits, which sort like the timestamps: the form for headers.
    fn to_hex(&self) -> String {
        self.0.to_hex()
    }

    /// The inverse of ``to_hex``; upper case is refused, because it would not sort.
    ///
    /// Raises:
    ///     InvalidTimestamp: with the position of the first character that does not fit.
    #[classmethod]
    #[pyo3(signature = (text, /))]
    fn from_hex<'py>(_class: &Bound<'py, PyType>, text: &Bound<'py, PyAny>) -> Stamp<'py> {
        decoded(text, Timestamp::from_hex)
    }

    /// Text for people: epoch, ISO 8601 in UTC, counter, node. Lossless, 51 characters, sorts. ``str(ts)`` is the same.
    ///
    /// >>> Timestamp(1_795_400_000_123_456, 3, node=0x2a, epoch=1).to_str()
    /// '00001_2026-11-23T02:13:20.123456Z_0003_00000000002a'
    fn to_str(&self) -> String {
        self.0.to_string()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    /// The inverse of ``to_str``.
    ///
    /// Raises:
    ///     InvalidTimestamp: with the position of the first character that does not fit.
    #[classmethod]
    #[pyo3(signature = (text, /))]
    fn from_str<'py>(_class: &Bound<'py, PyType>, text: &Bound<'py, PyAny>) -> Stamp<'py> {
        decoded(text, str::parse)
    }

    /// The text form as a JSON string. Never a number: JavaScript would lose its low bits.
    fn to_json(&self) -> String {
        format!("\"{}\"", self.0)
    }

    /// The inverse of ``to_json``: the quoted text, nothing around it.
    ///
    /// Raises:
    ///     InvalidTimestamp: with the position of the first character that does not fit.
    #[classmethod]
    #[pyo3(signature = (text, /))]
    fn from_json<'py>(_class: &Bound<'py, PyType>, text: &Bound<'py, PyAny>) -> Stamp<'py> {
        decoded(text, Timestamp::from_json)
    }

    /// The 128 bits as an int, which sorts like the timestamps. ``int(ts)`` is the same.
    fn to_int(&self) -> u128 {
        self.0.to_u128()
    }

    fn __int__(&self) -> u128 {
        self.0.to_u128()
    }

    /// The inverse of ``to_int``.
    ///
    /// Raises:
    ///     InvalidTimestamp: negative or above 128 bits; ``TypeError`` when it is no int.
    #[classmethod]
    fn from_int<'py>(_class: &Bound<'py, PyType>, value: &Bound<'py, PyAny>) -> Stamp<'py> {
        let number = checked_int("value", value)?;
        match number.extract::<u128>() {
            Ok(bits) => Ok(stamp(value.py(), Timestamp::from_u128(bits))),
            Err(_) => Err(invalid("int", "must fit 128 bits", None, &number)),
        }
    }

    /// The physical time as an aware ``datetime`` in UTC, exact to the microsecond.
    fn to_datetime<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        start(py)?.add(delta(py, self.0.physical_us() as i64)?)
    }

    /// The inverse of ``to_datetime``; what a ``datetime`` does not hold is given beside it.
    ///
    /// Raises:
    ///     InvalidTimestamp: a naive ``datetime``, or one before 1970 or beyond 2112.
    #[classmethod]
    #[pyo3(signature = (moment, logical = Argument::Absent, *, node = Argument::Absent, epoch = Argument::Absent), text_signature = "(moment, logical=0, *, node=0, epoch=0)")]
    fn from_datetime(
        _class: &Bound<'_, PyType>,
        moment: &Bound<'_, PyAny>,
        logical: Argument<'_>,
        node: Argument<'_>,
        epoch: Argument<'_>,
    ) -> PyResult<Self> {
        let py = moment.py();
        moment.cast::<PyDateTime>().map_err(|_| wrong_type("moment", "a datetime", moment))?;
        if moment.call_method0(intern!(py, "utcoffset"))?.is_none() {
            return Err(invalid("datetime", "must be aware: a naive one names no instant", None, moment));
        }
        let since = moment.sub(start(py)?)?.cast_into::<PyDelta>()?;
        Self::new(&delta_us(&since).into_pyobject(py)?.into_any(), logical, node, epoch)
    }

    /// A valid UUID of version 7. Order holds within an epoch.
    ///
    /// Raises:
    ///     InvalidTimestamp: for an epoch above 15, which does not fit.
    fn to_uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bits = self
            .0
            .to_uuid()
            .or_else(|error| Err(not_a_timestamp(&error, &self.0.epoch().into_pyobject(py)?.into_any())))?;
        let named = PyDict::new(py);
        named.set_item("int", bits)?;
        uuid_class(py)?.call((), Some(&named))
    }

    /// The inverse of ``to_uuid``.
    ///
    /// Raises:
    ///     InvalidTimestamp: another version or variant; ``TypeError`` when it is no ``uuid.UUID``.
    #[classmethod]
    fn from_uuid<'py>(_class: &Bound<'py, PyType>, value: &Bound<'py, PyAny>) -> Stamp<'py> {
        if !value.is_instance(uuid_class(value.py())?)? {
            return Err(wrong_type("value", "a UUID", value));
        }
        match Timestamp::from_uuid(value.getattr(intern!(value.py(), "int"))?.extract()?) {
            Ok(ts) => Ok(stamp(value.py(), ts)),
            Err(error) => Err(not_a_timestamp(&error, value.str()?.as_any())),
        }
    }

    fn __richcmp__<'py>(&self, other: &Bound<'py, PyAny>, op: CompareOp) -> Bound<'py, PyAny> {
        let py = other.py();
        match other.cast::<Self>() {
            Ok(other) => PyBool::new(py, op.matches(self.0.cmp(&other.get().0))).to_owned().into_any(),
            Err(_) => PyNotImplemented::get(py).to_owned().into_any(),
        }
    }

    fn __hash__(&self) -> isize {
        self.0.mixed() as isize
    }

    fn __sub__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = other.py();
        if let Ok(other) = other.cast::<Self>() {
            let other = other.get().0;
            if self.0.epoch() != other.epoch() {
                return Err(subtraction(py, self.0.epoch(), other.epoch()));
            }
            return delta(py, self.0.physical_us() as i64 - other.physical_us() as i64).map(Bound::into_any);
        }
        match other.cast::<PyDelta>() {
            Ok(by) => self.moved(py, -delta_us(by)),
            Err(_) => Ok(PyNotImplemented::get(py).to_owned().into_any()),
        }
    }

    fn __add__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match other.cast::<PyDelta>() {
            Ok(by) => self.moved(other.py(), delta_us(by)),
            Err(_) => Ok(PyNotImplemented::get(other.py()).to_owned().into_any()),
        }
    }

    fn __radd__<'py>(&self, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.__add__(other)
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let decoder = py.get_type::<Self>().getattr(intern!(py, "from_bytes"))?;
        Ok((decoder, PyTuple::new(py, [self.to_bytes(py)])?))
    }
}

impl PyTimestamp {
    fn moved<'py>(&self, py: Python<'py>, by_us: i128) -> PyResult<Bound<'py, PyAny>> {
        let physical = (i128::from(self.0.physical_us()) + by_us).into_pyobject(py)?.into_any();
        let physical = field("physical_us", &physical, MAX_PHYSICAL)?;
        let moved = Timestamp::new(physical, self.0.logical(), self.0.node(), self.0.epoch());
        let moved = moved.or_else(|error| Err(not_a_timestamp(&error, &physical.into_pyobject(py)?.into_any())))?;
        Ok(stamp(py, moved).into_any())
    }
}

fn decoded<'py>(
    value: &Bound<'py, PyAny>,
    decode: impl Fn(&str) -> Result<Timestamp, flocktime_core::InvalidTimestamp>,
) -> Stamp<'py> {
    match decode(&text("text", value)?) {
        Ok(ts) => Ok(stamp(value.py(), ts)),
        Err(error) => Err(not_a_timestamp(&error, value)),
    }
}

fn uuid_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static UUID: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    UUID.import(py, "uuid", "UUID")
}

/// 1970-01-01 UTC.
fn start(py: Python<'_>) -> PyResult<&Bound<'_, PyDateTime>> {
    static START: PyOnceLock<Py<PyDateTime>> = PyOnceLock::new();
    let start = START.get_or_try_init(py, || {
        PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, Some(&PyTzInfo::utc(py)?.to_owned())).map(Bound::unbind)
    })?;
    Ok(start.bind(py))
}
