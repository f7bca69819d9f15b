//! A member's report as plain Python numbers and strings.

use flocktime_agent::gossip::{Counters, PeerReport, Report};
use flocktime_agent::member::{MemberReport, NameReport, Status};
use flocktime_core::flocking::State;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

pub(crate) fn report_dict<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("state", report.state.name())?;
    values.set_item("joined", report.joined)?;
    values.set_item("node", report.node)?;
    values.set_item("incarnation", report.incarnation)?;
    values.set_item("origin", report.origin)?;
    values.set_item("round", report.round)?;
    values.set_item("raw_ns", report.raw_ns)?;
    values.set_item("time_ns", report.time_ns)?;
    values.set_item("offset_ns", report.offset_ns)?;
    values.set_item("error_ns", report.error_ns)?;
    values.set_item("rate", report.rate)?;
    values.set_item("rate_settled", report.rate_settled)?;
    values.set_item("slew", report.slew)?;
    values.set_item("utc_slew", report.utc_slew)?;
    values.set_item("os_lead_ns", report.os_lead_ns)?;
    values.set_item("utc", report.utc.map(|utc| (utc.lead_ns, utc.error_ns)))?;
    values.set_item("voters", report.voters)?;
    values.set_item("quorum", report.quorum)?;
    values.set_item("gate_ns", report.gate_ns)?;
    values.set_item("suspects_itself", report.suspects_itself)?;
    values.set_item("shared_origins", report.shared_origins)?;
    let peers: Vec<_> = report.peers.iter().map(|peer| peer_dict(py, peer)).collect::<PyResult<_>>()?;
    values.set_item("peers", PyList::new(py, peers)?)?;
    values.set_item("counters", counters_dict(py, &report.counters)?)?;
    Ok(values)
}

fn peer_dict<'py>(py: Python<'py>, peer: &PeerReport) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("name", peer.route.to_string())?;
    values.set_item("node", peer.node)?;
    values.set_item("origin", peer.origin)?;
    values.set_item("state", peer.state.map(State::name))?;
    values.set_item("offset_ns", peer.offset_ns)?;
    values.set_item("error_ns", peer.error_ns)?;
    values.set_item("delay_ns", peer.delay_ns)?;
    values.set_item("rate", peer.rate)?;
    values.set_item("voted", peer.voted)?;
    values.set_item("verdict", peer.verdict.name())?;
    values.set_item("silent_rounds", peer.silent_rounds)?;
    values.set_item("oscillator_jumps", peer.oscillator_jumps)?;
    Ok(values)
}

fn counters_dict<'py>(py: Python<'py>, counters: &Counters) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    for (name, count) in counters.named() {
        values.set_item(name, count)?;
    }
    Ok(values)
}

pub(crate) fn member_report_dict<'py>(py: Python<'py>, report: &MemberReport) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item(
        "status",
        match report.status {
            Status::Running => "running",
            Status::Stopped => "stopped",
            Status::Failed { .. } => "failed",
            Status::Detached => "detached",
        },
    )?;
    let flock = report.flock.as_ref().map(|flock| report_dict(py, flock)).transpose()?;
    values.set_item("flock", flock)?;
    values.set_item("io", io_dict(py, report)?)?;
    values.set_item("replaced_by", report.io.replaced_by)?;
    let names: Vec<_> = report.names.iter().map(|name| name_dict(py, name)).collect::<PyResult<_>>()?;
    values.set_item("names", PyList::new(py, names)?)?;
    Ok(values)
}

fn io_dict<'py>(py: Python<'py>, report: &MemberReport) -> PyResult<Bound<'py, PyDict>> {
    let io = &report.io;
    let values = PyDict::new(py);
    for (name, count) in [
        ("datagrams_sent", io.datagrams_sent),
        ("bytes_sent", io.bytes_sent),
        ("datagrams_received", io.datagrams_received),
        ("bytes_received", io.bytes_received),
        ("kernel_stamped", io.kernel_stamped),
        ("unstamped", io.unstamped),
        ("send_errors", io.send_errors),
        ("receive_errors", io.receive_errors),
        ("reopened", io.reopened),
        ("overflowed", io.overflowed),
        ("unsupported_peers", report.unsupported_total as u64),
    ] {
        values.set_item(name, count)?;
    }
    values.set_item("listening", io.listening)?;
    values.set_item(
        "failure",
        match &report.status {
            Status::Failed { reason } => Some(reason.as_str()),
            _ => None,
        },
    )?;
    let error = io.last_error.as_ref().map(|error| match error.address {
        Some(address) => format!("{} {address}: {}", error.doing, error.error),
        None => format!("{}: {}", error.doing, error.error),
    });
    values.set_item("last_error", error)?;
    Ok(values)
}

fn name_dict<'py>(py: Python<'py>, name: &NameReport) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(py);
    values.set_item("name", &name.name)?;
    let addresses: Vec<String> = name.addresses.iter().map(ToString::to_string).collect();
    values.set_item("addresses", addresses)?;
    values.set_item("error", name.error.as_deref())?;
    values.set_item("resolved", name.resolved)?;
    Ok(values)
}
