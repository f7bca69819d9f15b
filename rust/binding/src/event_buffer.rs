//! `EventBuffer` for Python. Every rule is in `flocktime_core::EventBuffer`; waiting is in `flocktime.events`.
//!
//! Every call of the core here is made by a thread that holds the interpreter and calls no Python while it does: events go in
//! and out whole between two steps of the interpreter. What calls Python (making a tuple may run the garbage collector, and
//! that anything) comes before a place is claimed or after the event is out.

use flocktime_core::{BufferConfig, Empty, MAX_CAPACITY, NoBuffer, NoMemory, Overflow, Refused, Run, Timestamp, fork};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::buffer_errors::{closed_and_empty, refused, refused_rest};
use crate::buffer_life::{Life, Wanted};
use crate::buffer_stats::snapshot;
use crate::clock::PyClock;
use crate::convert::{Argument, bounded, overflow, seconds_us};
use crate::errors::wrong_type;
use crate::python_call::call;
use crate::stamp_object::stamp;
use crate::timestamp::PyTimestamp;

/// What is beneath ``flocktime.EventBuffer``: everything but waiting.
#[pyclass(subclass, frozen, weakref, module = "flocktime._backend", name = "EventBuffer")]
pub(crate) struct PyEventBuffer {
    life: Life,
    config: BufferConfig,
    clock: Py<PyClock>,
}

/// `(timestamp, event)`.
#[inline]
fn pair<'py>(py: Python<'py>, stamp: &Bound<'py, PyTimestamp>, event: &Bound<'py, PyAny>) -> Py<PyTuple> {
    // As for a timestamp: without memory for so little there is nothing left to report.
    PyTuple::new(py, [stamp.as_any(), event]).unwrap_or_else(|error| panic!("no memory for an event: {error}")).unbind()
}

#[pymethods]
impl PyEventBuffer {
    #[new]
    #[pyo3(
        signature = (capacity, *, clock = None, overflow = Argument::Absent, max_delay = None),
        text_signature = "(capacity, *, clock=None, overflow='reject', max_delay=None)"
    )]
    #[allow(clippy::needless_pass_by_value, reason = "extracted for this call")]
    fn new(
        py: Python<'_>,
        capacity: &Bound<'_, PyAny>,
        clock: Option<&Bound<'_, PyAny>>,
        overflow: Argument<'_>,
        max_delay: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut config = BufferConfig::new(bounded("capacity", capacity, 1, MAX_CAPACITY)?);
        config.overflow = overflow.or(config.overflow, self::overflow)?;
        config.max_delay_us =
            max_delay.map(|delay| seconds_us("max_delay", delay, false).map(|us| us as u64)).transpose()?;
        let clock = match clock {
            None => py.get_type::<PyClock>().call0()?.cast_into::<PyClock>()?,
            Some(clock) => clock.cast::<PyClock>().map_err(|_| wrong_type("clock", "a Clock", clock))?.clone(),
        }
        .unbind();
        let life = Life::new(&clock, config).map_err(|error| match error {
            NoBuffer::Capacity { .. } => PyValueError::new_err(error.to_string()),
            NoBuffer::Memory(_) => PyMemoryError::new_err(error.to_string()),
        })?;
        Ok(Self { life, config, clock })
    }

    /// Take an event in. Without a timestamp the buffer's clock stamps it.
    ///
    /// With ``overflow="block"`` it waits for room, for ``timeout`` (seconds or a ``timedelta``) at most; ``None``: for ever.
    ///
    /// Returns:
    ///     The event's timestamp.
    ///
    /// Raises:
    ///     BufferFull: there is no room. BufferClosed. LateEvent, OrderPromised: the timestamp that was given cannot be kept in
    ///         order. The event is in ``.event`` of each. ClockWentBack: the clock was reset. Else as ``Clock.now``.
    #[pyo3(signature = (event, timestamp = None, *, timeout = None))]
    fn push<'py>(
        slf: &Bound<'py, Self>,
        event: &Bound<'py, PyAny>,
        timestamp: Option<&Bound<'py, PyAny>>,
        timeout: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        checked(timeout)?;
        match slf.get().try_push(slf.py(), event, timestamp)? {
            Some(stamp) => Ok(stamp.into_any()),
            // Interned: the interpreter's method cache keeps every new string it is asked for, hundreds of them.
            None => call(&slf.getattr(intern!(slf.py(), "_push_waiting"))?, (event, timestamp, timeout), None),
        }
    }

    /// As ``push``, but ``None`` where ``overflow="block"`` would wait.
    fn _try_push<'py>(
        slf: &Bound<'py, Self>,
        event: &Bound<'py, PyAny>,
        timestamp: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyTimestamp>>> {
        slf.get().try_push(slf.py(), event, timestamp)
    }

    /// Take in what fits of ``events``, a list, from ``start`` up to ``end``, and stamp it. Returns how many that were.
    fn _try_push_run(&self, py: Python<'_>, events: &Bound<'_, PyList>, start: usize, end: usize) -> PyResult<usize> {
        let (life, end) = (self.life(), end.min(events.len()));
        let count = end.saturating_sub(start);
        let made = |from: usize, run: Run| {
            let event = |at: usize| events.get_item(start + from + at).ok();
            run.enumerate().map_while(|(at, ts)| Some(pair(py, &stamp(py, ts), &event(at)?))).collect()
        };
        let outcome = life.buffer.try_push_many_with(count, made);
        let pushed = outcome.as_ref().map_or_else(|(pushed, _)| *pushed, |()| count);
        life.ring(py, Wanted::Items, pushed)?;
        match outcome {
            Err((_, why)) if !self.may_pass(&why) => {
                life.buffer.give_up((events.len() - end) as u64);
                let rest = events.get_slice(start + pushed, events.len());
                Err(refused_rest(py, &why, start + pushed, &rest))
            }
            _ => Ok(pushed),
        }
    }

    /// Count events that somebody has waited for in vain.
    fn _give_up(&self, count: u64) {
        self.life().buffer.give_up(count);
    }

    /// Take the oldest event out, and wait for it, for ``timeout`` (seconds or a ``timedelta``) at most; ``None``: for ever.
    ///
    /// Returns:
    ///     ``(timestamp, event)``.
    ///
    /// Raises:
    ///     BufferEmpty: there was none in time. BufferClosed: there is none and there will be none.
    #[pyo3(signature = (timeout = None))]
    fn pop<'py>(slf: &Bound<'py, Self>, timeout: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        checked(timeout)?;
        match slf.get().try_pop(slf.py())? {
            Some(event) => Ok(event.into_any()),
            None => call(&slf.getattr(intern!(slf.py(), "_pop_waiting"))?, (timeout,), None),
        }
    }

    /// As ``pop``, but ``None`` where there is nothing yet.
    fn _try_pop<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        self.try_pop(py)
    }

    /// Take out all events that are there, at most ``max``, without waiting; of none it is an empty list.
    ///
    /// Returns:
    ///     ``[(timestamp, event), ...]`` in the order of the timestamps. Where the buffer stamps, the next batch goes on there.
    #[pyo3(signature = (max = None))]
    fn drain<'py>(&self, py: Python<'py>, max: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyList>> {
        let most = max.map_or(Ok(usize::MAX), |max| bounded("max", max, 0, isize::MAX as usize))?;
        let life = self.life();
        let (mut list, mut failure) = (PyList::empty(py), None);
        // Before anything is taken: without memory it stays inside.
        let prepare = |count| match places(py, count) {
            Ok(made) => {
                list = made;
                Ok(())
            }
            Err(error) => {
                failure = Some(error);
                Err(NoMemory { events: count })
            }
        };
        let events = match life.buffer.try_drain(most, prepare) {
            Ok(events) => events,
            Err(error) => return Err(failure.unwrap_or_else(|| PyMemoryError::new_err(error.to_string()))),
        };
        let count = events.len();
        for (at, (_, pair)) in events.into_iter().enumerate() {
            list.set_item(at, pair)?;
        }
        if count < list.len() {
            list.del_slice(count, list.len())?;
        }
        life.ring(py, Wanted::Room, count)?;
        Ok(list)
    }

    /// Every event that is taken out later is stamped after this timestamp. It never goes back. ``None``: timestamps are given
    /// and there is no ``max_delay``. Of a closed and empty buffer it is the greatest timestamp there is.
    ///
    /// Raises:
    ///     ClockWentBack: the clock was reset. Else as ``Clock.now``.
    #[getter]
    fn watermark<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTimestamp>>> {
        match self.life().buffer.watermark() {
            Ok(watermark) => Ok(watermark.map(|ts| stamp(py, ts))),
            Err(why) => Err(refused(py, &why, &PyList::empty(py))),
        }
    }

    /// Take no more events in, and wake everybody who waits. Those inside can still be taken out. Once more does nothing.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.life().close(py)
    }

    /// Whether it was closed.
    #[getter]
    fn closed(&self) -> bool {
        self.life().buffer.is_closed()
    }

    /// The most events that are inside at once.
    #[getter]
    const fn capacity(&self) -> usize {
        self.config.capacity
    }

    /// What a push does when there is no room: ``"reject"``, ``"drop_oldest"`` or ``"block"``.
    #[getter]
    const fn overflow(&self) -> &'static str {
        match self.config.overflow {
            Overflow::Reject => "reject",
            Overflow::DropOldest => "drop_oldest",
            Overflow::Block => "block",
        }
    }

    /// The clock that stamps.
    #[getter]
    fn clock(&self, py: Python<'_>) -> Py<PyClock> {
        self.clock.clone_ref(py)
    }

    /// The account so far, as ``BufferStats``.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        snapshot(py, &self.life().buffer.stats())
    }

    /// How many events are inside.
    fn __len__(&self) -> usize {
        self.life().buffer.len()
    }

    /// How many forks lie behind this process. An iteration that began before one must not go on after it.
    #[staticmethod]
    fn _generation() -> u32 {
        fork::generation()
    }

    /// For how long somebody is to wait, checked: seconds; ``None``: for ever.
    #[staticmethod]
    fn _seconds(name: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<f64>> {
        value.map(|value| seconds_us(name, value, false).map(|us| us as f64 / 1e6)).transpose()
    }

    /// Call ``wake`` once: when ``level`` events (``"items"``) or places (``"room"``) are there, or the buffer is closed.
    fn _watch(&self, py: Python<'_>, what: &str, level: usize, wake: Py<PyAny>) -> PyResult<()> {
        let (life, what) = (self.life(), wanted(what)?);
        life.watch(what, level, wake);
        // To whom nobody could call: it may be that one who is waited for.
        life.pass_on(py, what.other())
    }

    /// Do not call it any more. False: it was called.
    fn _unwatch(&self, what: &str, wake: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.life().unwatch(wanted(what)?, wake))
    }

    /// Wake those who wait for what is there: whoever was woken goes away without taking it.
    fn _pass_on(&self, py: Python<'_>, what: &str) -> PyResult<()> {
        self.life().pass_on(py, wanted(what)?)
    }

    fn __reduce__(&self) -> PyResult<()> {
        let _ = self;
        Err(PyTypeError::new_err(
            "cannot pickle 'flocktime.EventBuffer' object: give the other process a buffer of its own",
        ))
    }

    #[allow(clippy::needless_pass_by_value, reason = "the protocol of the garbage collector")]
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.clock)?;
        self.life.traverse(&visit)
    }

    fn __clear__(&self) {
        self.life.clear();
    }
}

impl PyEventBuffer {
    #[inline]
    fn life(&self) -> &Life {
        self.life.current(|| Life::new(&self.clock, self.config).expect("the first one has the same capacity"))
    }

    /// Whether this is no refusal, but a reason to wait.
    fn may_pass(&self, why: &Refused) -> bool {
        matches!(why, Refused::Full { .. }) && self.config.overflow == Overflow::Block
    }

    fn try_push<'py>(
        &self,
        py: Python<'py>,
        event: &Bound<'py, PyAny>,
        timestamp: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyTimestamp>>> {
        let life = self.life();
        let pushed = match timestamp {
            None => {
                let mut made = None;
                let stamped = |ts: Timestamp| pair(py, made.insert(stamp(py, ts)), event);
                life.buffer.try_push_with(stamped).map(|_| made)
            }
            Some(given) => {
                let given = given.cast::<PyTimestamp>().map_err(|_| wrong_type("timestamp", "a Timestamp", given))?;
                let pushed = life.buffer.try_push_at(given.get().0, pair(py, given, event));
                pushed.map(|()| Some(given.clone())).map_err(|error| error.why)
            }
        };
        match pushed {
            Ok(stamp) => {
                life.ring(py, Wanted::Items, 1)?;
                Ok(stamp)
            }
            Err(why) if self.may_pass(&why) => Ok(None),
            Err(why) => Err(refused(py, &why, &PyList::new(py, [event])?)),
        }
    }

    fn try_pop<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let life = self.life();
        match life.buffer.try_pop() {
            Ok((_, pair)) => {
                life.ring(py, Wanted::Room, 1)?;
                Ok(Some(pair.into_bound(py)))
            }
            Err(Empty::Closed) => Err(closed_and_empty(py)),
            Err(Empty::Nothing | Empty::Unwritten { .. }) => Ok(None),
        }
    }
}

/// A list of so many, to be filled.
fn places(py: Python<'_>, count: usize) -> PyResult<Bound<'_, PyList>> {
    Ok(PyList::new(py, [py.None()])?.as_sequence().repeat(count)?.cast_into::<PyList>()?)
}

/// A timeout that is one, or none.
#[inline]
fn checked(timeout: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    timeout.map_or(Ok(()), |timeout| seconds_us("timeout", timeout, false).map(drop))
}

fn wanted(what: &str) -> PyResult<Wanted> {
    match what {
        "items" => Ok(Wanted::Items),
        "room" => Ok(Wanted::Room),
        _ => Err(PyValueError::new_err(format!("nothing called {what} can be waited for"))),
    }
}
