//! The gossip machine, driven by hand: bytes and readings in, bytes and a discipline out. For tests that hold both backends
//! against each other, and for examples without sockets. A flock itself uses `member`.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flocktime_agent::gossip::{Host, Machine, OsTime, Settings};
use flocktime_core::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::flock_report::report_dict;
use crate::flock_settings::{address, anchor_policy, header_error, keyring};

type Sent = Vec<(String, Py<PyBytes>)>;

/// One reading for a whole call, and random numbers in the order given.
struct Reading {
    raw_ns: u64,
    os: OsTime,
    randoms: RefCell<std::vec::IntoIter<u64>>,
    ran_out: Cell<u64>,
    stamp: Timestamp,
    merged: RefCell<Vec<(u128, bool)>>,
}

impl Host for Reading {
    fn raw_ns(&self) -> u64 {
        self.raw_ns
    }

    fn os(&self) -> OsTime {
        self.os
    }

    fn random(&self) -> u64 {
        self.randoms.borrow_mut().next().unwrap_or_else(|| {
            // Other numbers each time: who draws until one fits must come to an end.
            self.ran_out.set(self.ran_out.get() + 1);
            self.ran_out.get()
        })
    }

    fn stamp(&self) -> Option<Timestamp> {
        Some(self.stamp)
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        self.merged.borrow_mut().push((remote.to_u128(), trusted));
    }
}

/// The readings of one call.
#[derive(FromPyObject)]
struct Readings {
    #[pyo3(item(0))]
    raw_ns: u64,
    #[pyo3(item(1))]
    wall_ns: i64,
    #[pyo3(item(2))]
    os_error_ns: Option<u64>,
    #[pyo3(item(3))]
    randoms: Vec<u64>,
    #[pyo3(item(4))]
    stamp: u128,
}

impl Readings {
    fn host(self) -> Reading {
        Reading {
            raw_ns: self.raw_ns,
            os: OsTime { wall_ns: self.wall_ns, error_ns: self.os_error_ns },
            randoms: RefCell::new(self.randoms.into_iter()),
            ran_out: Cell::new(0),
            stamp: Timestamp::from_u128(self.stamp),
            merged: RefCell::default(),
        }
    }
}

impl Reading {
    /// Running out of random numbers is the caller's mistake: what was computed with a made-up one must not be used.
    fn checked<T>(self, outcome: T) -> PyResult<(T, Vec<(u128, bool)>)> {
        if self.ran_out.get() > 0 {
            return Err(PyValueError::new_err("the call needed more random numbers than were given"));
        }
        Ok((outcome, self.merged.into_inner()))
    }
}

/// One member's rules without sockets, threads and clocks.
///
/// ``readings`` of a call are ``(raw_ns, wall_ns, os_error_ns, randoms, stamp)``: the oscillator, the OS clock, its error where it
/// is synchronised (else ``None``), 64-bit random numbers in the order of their use, and the timestamp to send as an int.
#[pyclass(frozen, module = "flocktime._core", name = "GossipMachine")]
pub(crate) struct PyGossipMachine(Mutex<Machine>);

impl PyGossipMachine {
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl PyGossipMachine {
    #[new]
    #[pyo3(signature = (*, node, incarnation, origin, readings, keys = Vec::new(), fanout = 4, view = 16, steer = true, max_drift_us = 500_000, refuse = false, anchor = None))]
    #[allow(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "keyword arguments")]
    fn new(
        node: u64,
        incarnation: u64,
        origin: u64,
        readings: Readings,
        keys: Vec<String>,
        fanout: usize,
        view: usize,
        steer: bool,
        max_drift_us: u64,
        refuse: bool,
        anchor: Option<i64>,
        py: Python<'_>,
    ) -> PyResult<Self> {
        let mut settings = Settings::new(node, incarnation, origin);
        settings.keyring = keyring(py, &keys)?;
        settings.fanout = fanout;
        settings.view = view;
        settings.steer = steer;
        settings.tuning.max_drift_ns = max_drift_us as f64 * 1e3;
        settings.refuse_until_ready = refuse;
        settings.anchor = anchor_policy(anchor)?;
        let host = readings.host();
        let machine = Machine::new(settings, &host);
        let (machine, _) = host.checked(machine)?;
        Ok(Self(Mutex::new(machine)))
    }

    /// Replaces the addresses, ``ip:port``, that requests may go to.
    #[allow(clippy::needless_pass_by_value, reason = "extracted for this call")]
    fn set_peers(&self, addresses: Vec<String>) -> PyResult<()> {
        let addresses: Vec<SocketAddr> = addresses.iter().map(|text| address(text)).collect::<PyResult<_>>()?;
        self.machine().set_peers(&addresses);
        Ok(())
    }

    /// The oscillator's reading at which ``tick`` has something to do next.
    fn due_ns(&self) -> u64 {
        self.machine().due_ns()
    }

    /// Does what is due. Returns the datagrams to send, ``(address, bytes)``.
    fn tick(&self, py: Python<'_>, readings: Readings) -> PyResult<Sent> {
        let host = readings.host();
        let mut sent = Sent::new();
        self.machine().tick(&host, &mut |to, bytes| sent.push((to.to_string(), PyBytes::new(py, bytes).unbind())));
        Ok(host.checked(sent)?.0)
    }

    /// Takes a datagram in. Returns the answers and the timestamps to merge, ``(int, trusted)``.
    fn receive(
        &self,
        py: Python<'_>,
        sender: &str,
        datagram: &[u8],
        received_ns: u64,
        readings: Readings,
    ) -> PyResult<(Sent, Vec<(u128, bool)>)> {
        let from = address(sender)?;
        let host = readings.host();
        let mut sent = Sent::new();
        self.machine().receive(from, datagram, received_ns, &host, &mut |to, bytes| {
            sent.push((to.to_string(), PyBytes::new(py, bytes).unbind()));
        });
        host.checked(sent)
    }

    /// A header for a message to ``label``.
    fn header(&self, label: &str, readings: Readings) -> PyResult<String> {
        let host = readings.host();
        let text = self.machine().header(label, &host);
        Ok(host.checked(text)?.0)
    }

    /// Takes a header in. Returns its timestamp as an int and whether it is trusted.
    fn take_header(&self, py: Python<'_>, text: &str, received_ns: u64, readings: Readings) -> PyResult<(u128, bool)> {
        let host = readings.host();
        let taken =
            self.machine().take_header(text, received_ns, &host).map_err(|refusal| header_error(py, refusal))?;
        Ok((taken.packet.stamp.to_u128(), taken.trusted))
    }

    /// The header of the answer to a message whose header was taken in.
    fn reply_header(&self, py: Python<'_>, text: &str, readings: Readings) -> PyResult<String> {
        let host = readings.host();
        let reply = self.machine().reply_header(text, &host).map_err(|refusal| header_error(py, refusal))?;
        Ok(host.checked(reply)?.0)
    }

    /// ``(h0_ns, l0_ns, y, s, u, slew_ns)``: see ``docs/wire-format.md``.
    fn discipline(&self) -> (u64, i64, f64, f64, f64, u64) {
        let line = self.machine().discipline();
        (line.h0_ns, line.l0_ns, line.y, line.s, line.u, line.slew_ns)
    }

    /// What a clock is to follow: ``discipline`` as above, ``in_force``, ``limit_us`` and ``refuse``.
    fn guidance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let guidance = self.machine().guidance();
        let values = PyDict::new(py);
        values.set_item("in_force", guidance.in_force)?;
        let line = guidance.discipline;
        values.set_item("discipline", (line.h0_ns, line.l0_ns, line.y, line.s, line.u, line.slew_ns))?;
        values.set_item("limit_us", guidance.limit_us)?;
        values.set_item("refuse", guidance.refuse)?;
        values.set_item("error_ns", guidance.error_ns)?;
        values.set_item("free_running", guidance.free_running)?;
        Ok(values)
    }

    /// How it stands, as plain numbers.
    fn report<'py>(&self, py: Python<'py>, readings: Readings) -> PyResult<Bound<'py, PyDict>> {
        let host = readings.host();
        let report = self.machine().report(&host);
        report_dict(py, &report)
    }
}
