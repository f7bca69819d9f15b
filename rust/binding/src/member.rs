//! A standing member for Python. Every rule is in `flocktime_agent`; calls that may wait release the interpreter.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use flocktime_agent::gossip::Settings;
use flocktime_agent::member::{
    HeaderError, MAX_NAMES, Member, MemberConfig, PeerError, Stamps, StartError, Status, Unavailable,
};
use flocktime_core::{Clock, OsSource, TimeSource, Timestamp};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::beneath::{Beneath, FlockTime, PyFlockSource};
use crate::clock::PyClock;
use crate::errors::build;
use crate::flock_report::member_report_dict;
use crate::flock_settings::{anchor_policy, header_error, keyring, label_error};
use crate::moved_sources::PySkewedSource;
use crate::page::{self, hurried};
use crate::source::Source;
use crate::stamp_object::stamp;
use crate::timestamp::PyTimestamp;

/// A clock as its flock sees it. No call of these reaches the interpreter: the source of a flock's clock is never Python's.
struct FlockStamps(Arc<Clock<Source>>);

impl Stamps for FlockStamps {
    fn node(&self) -> u64 {
        self.0.node()
    }

    fn stamp(&self) -> Option<Timestamp> {
        hurried(|| self.0.now()).ok()
    }

    fn merge(&self, remote: Timestamp, trusted: bool) {
        let _counted_by_the_clock = hurried(|| self.0.update(remote, None, trusted));
    }
}

/// This process's member of a flock: what ``flocktime.Flock`` is made of.
#[pyclass(frozen, module = "flocktime._core", name = "FlockMember")]
pub(crate) struct PyFlockMember {
    member: Member,
    time: Arc<FlockTime>,
}

/// Serial number, state, and who is called wrong: name, node, offset in nanoseconds.
type Change = (u64, &'static str, Vec<(String, u64, Option<f64>)>);

#[pymethods]
#[allow(clippy::needless_pass_by_value, reason = "extracted for each call")]
impl PyFlockMember {
    #[new]
    #[pyo3(signature = (*, listen, keys, origin, steer, max_drift_us, refuse, anchor, fanout, round_s, resolve_s, source, page = None))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments")]
    fn new(
        py: Python<'_>,
        listen: Option<String>,
        keys: Vec<String>,
        origin: u64,
        steer: bool,
        max_drift_us: u64,
        refuse: bool,
        anchor: Option<i64>,
        fanout: usize,
        round_s: f64,
        resolve_s: f64,
        source: Option<&Bound<'_, PySkewedSource>>,
        page: Option<&Bound<'_, PyClock>>,
    ) -> PyResult<Self> {
        let incarnation = flocktime_agent::random::fresh_u64();
        let mut settings = Settings::new(0, incarnation, origin);
        settings.keyring = keyring(py, &keys)?;
        settings.fanout = fanout;
        settings.steer = steer;
        settings.tuning.max_drift_ns = max_drift_us as f64 * 1e3;
        settings.tuning.round_ns = nanoseconds("round", round_s)?;
        settings.refuse_until_ready = refuse;
        settings.anchor = anchor_policy(anchor)?;
        let mut config = MemberConfig::new(settings);
        config.listen = listen.as_deref().map(|text| listen_address(py, text)).transpose()?;
        config.resolve_every = Duration::from_nanos(nanoseconds("resolve_every", resolve_s)?);
        let beneath = match source {
            None => Beneath::Os(OsSource),
            Some(skewed) => Beneath::Skewed(Arc::clone(&skewed.get().0)),
        };
        if let Beneath::Skewed(skewed) = &beneath {
            config.base = Some(Arc::clone(skewed) as Arc<dyn TimeSource>);
        }
        let round = Duration::from_nanos(config.settings.tuning.round_ns);
        let (mut helm, mut time) = (None, None);
        if let Some(clock) = page {
            let clock = clock.get();
            time = FlockTime::of_page(clock.shared().source());
            let Some(page) = clock.host_page().filter(|_| time.is_some()) else {
                return Err(PyValueError::new_err("page must be a clock that follows the flock of a page"));
            };
            helm = Some(page::helm(py, page, round)?);
        }
        let member = Member::start_for_host(config, helm).map_err(|error| start_error(py, &error))?;
        let time = time.unwrap_or_else(|| FlockTime::new(beneath, Arc::clone(member.steering())));
        let time = Arc::new(time);
        Ok(Self { member, time })
    }

    /// What ``Clock(source=...)`` takes to follow this flock.
    #[getter]
    fn source(&self) -> PyFlockSource {
        PyFlockSource(Arc::clone(&self.time))
    }

    /// The clock whose stamps travel in packets and which merges theirs.
    fn attach(&self, py: Python<'_>, clock: &Bound<'_, PyClock>) -> PyResult<()> {
        let stamps = Arc::new(FlockStamps(Arc::clone(clock.get().shared())));
        self.member.attach(stamps).map_err(|why| self.unavailable(py, why))
    }

    /// Where it listens, or ``None``.
    #[getter]
    fn address(&self) -> Option<String> {
        self.member.local_address().map(|address| address.to_string())
    }

    /// Replaces the peers: ``host:port`` each.
    fn set_peers(&self, py: Python<'_>, names: Vec<String>) -> PyResult<()> {
        self.member.set_peer_names(&names).map_err(|error| peer_error(&error))?;
        // The member keeps quiet about peers that nobody will ask.
        match self.member.status() {
            Status::Running => Ok(()),
            Status::Stopped => Err(self.unavailable(py, Unavailable::Stopped)),
            Status::Failed { .. } => Err(self.unavailable(py, Unavailable::Failed)),
            Status::Detached => Err(self.unavailable(py, Unavailable::Detached)),
        }
    }

    /// Replaces the keys; the first signs.
    fn rotate(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<()> {
        self.member.rotate(keyring(py, &keys)?).map_err(|why| self.unavailable(py, why))
    }

    /// Everything as plain numbers and strings.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        member_report_dict(py, &self.member.report())
    }

    /// A header for a message to ``label``.
    fn header(&self, py: Python<'_>, label: &str) -> PyResult<String> {
        self.member.header(label).map_err(|error| self.refused(py, error))
    }

    /// Takes a header in. Returns its timestamp and whether the cluster's key vouches for it.
    fn take<'py>(&self, py: Python<'py>, header: &str) -> PyResult<(Bound<'py, PyTimestamp>, bool)> {
        let taken = self.member.take_header(header, None).map_err(|error| self.refused(py, error))?;
        Ok((stamp(py, taken.packet.stamp), taken.trusted))
    }

    /// The header for the answer.
    fn reply(&self, py: Python<'_>, header: &str) -> PyResult<String> {
        self.member.reply_header(header).map_err(|error| self.refused(py, error))
    }

    /// The changes after ``serial``, oldest first; waits for one, up to ``timeout`` seconds.
    fn wait(&self, py: Python<'_>, serial: u64, timeout: f64) -> Vec<Change> {
        let timeout = Duration::try_from_secs_f64(timeout.clamp(0.0, 86_400.0)).unwrap_or_default();
        let changes = py.detach(|| self.member.wait_state(serial, timeout));
        let plain = changes.into_iter().map(|change| {
            let wrong = change.wrong.into_iter().map(|peer| (peer.route.to_string(), peer.node, peer.offset_ns));
            (change.serial, change.state.name(), wrong.collect())
        });
        plain.collect()
    }

    /// Its thread runs: not stopped, not failed, and not a copy in a forked child.
    #[getter]
    fn running(&self) -> bool {
        matches!(self.member.status(), Status::Running)
    }

    /// A copy in a forked child, where nothing runs.
    #[getter]
    fn detached(&self) -> bool {
        self.member.is_detached()
    }

    /// Stops talking; waits for the thread.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.member.stop());
    }
}

impl PyFlockMember {
    fn unavailable(&self, py: Python<'_>, why: Unavailable) -> PyErr {
        match (why, self.member.status()) {
            (Unavailable::Failed, Status::Failed { reason }) => flock_error(py, &format!("{why}: {reason}")),
            _ => flock_error(py, &why.to_string()),
        }
    }

    fn refused(&self, py: Python<'_>, error: HeaderError) -> PyErr {
        match error {
            HeaderError::Refused(refusal) => header_error(py, refusal),
            HeaderError::Label { length } => label_error(py, length),
            HeaderError::Unavailable(why) => self.unavailable(py, why),
        }
    }
}

fn nanoseconds(name: &str, seconds: f64) -> PyResult<u64> {
    if seconds.is_finite() && (0.0..=86_400.0).contains(&seconds) {
        return Ok((seconds * 1e9) as u64);
    }
    Err(PyValueError::new_err(format!("{name} must lie in 0..=86400 seconds, got {seconds}")))
}

/// `host:port`, resolved once: a socket is bound to one address.
fn listen_address(py: Python<'_>, text: &str) -> PyResult<SocketAddr> {
    let found = py.detach(|| text.to_socket_addrs().map(|mut all| all.next()));
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(flock_error(py, &format!("cannot listen on {text:?}: it stands for no address"))),
        Err(error) => Err(flock_error(py, &format!("cannot listen on {text:?}: {error}"))),
    }
}

fn peer_error(error: &PeerError) -> PyErr {
    PyValueError::new_err(match error {
        PeerError::TooMany { count, limit: MAX_NAMES } => {
            format!("{count} names among the peers, and at most {MAX_NAMES} may be")
        }
        _ => error.to_string(),
    })
}

fn flock_error(py: Python<'_>, message: &str) -> PyErr {
    static FLOCK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    build(py, &FLOCK, "_flock", (message,))
}

fn start_error(py: Python<'_>, error: &StartError) -> PyErr {
    match error {
        StartError::Peer(_) | StartError::Setting { .. } | StartError::Tuning { .. } => {
            PyValueError::new_err(error.to_string())
        }
        StartError::Listen { .. } | StartError::Source(_) | StartError::Os { .. } => {
            flock_error(py, &error.to_string())
        }
    }
}
