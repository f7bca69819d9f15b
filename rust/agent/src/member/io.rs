//! What went through the socket, and what did not.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// The latest error of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IoError {
    /// `send`, `receive`, `open`, `wait` or `randomness`.
    pub doing: &'static str,
    /// To whom, or where.
    pub address: Option<SocketAddr>,
    /// The operating system's words.
    pub error: String,
    /// And its number; 0 where it has none.
    pub code: i32,
    /// H of this member.
    pub raw_ns: u64,
}

/// Counts of one member since its start. Bytes are those of the datagrams, without the network's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IoReport {
    /// Datagrams that the operating system took.
    pub datagrams_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Datagrams that came in, good or bad.
    pub datagrams_received: u64,
    /// Their bytes, at most one more than a packet may have of each.
    pub bytes_received: u64,
    /// Of these: with the kernel's word on when they came.
    pub kernel_stamped: u64,
    /// Of these: without it, or with one that cannot be; they count as come when they were read.
    pub unstamped: u64,
    /// Datagrams that the kernel dropped because the member did not read them fast enough.
    pub overflowed: u64,
    /// Datagrams that the operating system did not take.
    pub send_errors: u64,
    /// Failed receptions.
    pub receive_errors: u64,
    /// Times that the socket was opened again.
    pub reopened: u64,
    /// There is a socket, and it is open.
    pub listening: bool,
    /// The process of another member that publishes on the host's page since this one was stopped for a while. This one has not
    /// published there any more.
    pub replaced_by: Option<u32>,
    /// The latest error of any kind.
    pub last_error: Option<IoError>,
}

/// The same, counted by the member's thread, read by any.
#[derive(Debug, Default)]
pub(super) struct Io {
    pub(super) datagrams_sent: AtomicU64,
    pub(super) bytes_sent: AtomicU64,
    pub(super) datagrams_received: AtomicU64,
    pub(super) bytes_received: AtomicU64,
    pub(super) kernel_stamped: AtomicU64,
    pub(super) unstamped: AtomicU64,
    pub(super) overflowed: AtomicU64,
    pub(super) send_errors: AtomicU64,
    pub(super) receive_errors: AtomicU64,
    pub(super) reopened: AtomicU64,
    pub(super) listening: AtomicBool,
    /// Zero: nobody.
    pub(super) replaced_by: AtomicU32,
    last_error: Mutex<Option<LastError>>,
}

/// In numbers; it becomes words when somebody asks.
#[derive(Clone, Copy, Debug)]
struct LastError {
    doing: &'static str,
    address: Option<SocketAddr>,
    code: Option<i32>,
    kind: io::ErrorKind,
    raw_ns: u64,
}

impl LastError {
    fn report(self) -> IoError {
        let Self { doing, address, code, kind, raw_ns } = self;
        let error = code.map_or_else(|| kind.to_string(), |code| io::Error::from_raw_os_error(code).to_string());
        IoError { doing, address, error, code: code.unwrap_or(0), raw_ns }
    }
}

pub(super) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

impl Io {
    pub(super) fn new(listening: bool) -> Self {
        Self { listening: AtomicBool::new(listening), ..Self::default() }
    }

    pub(super) fn failed(&self, doing: &'static str, address: Option<SocketAddr>, error: &io::Error, raw_ns: u64) {
        let error = LastError { doing, address, code: error.raw_os_error(), kind: error.kind(), raw_ns };
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    /// Without the lock where somebody holds it: in a forked child nobody would ever give it back.
    pub(super) fn report(&self) -> IoReport {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        IoReport {
            datagrams_sent: read(&self.datagrams_sent),
            bytes_sent: read(&self.bytes_sent),
            datagrams_received: read(&self.datagrams_received),
            bytes_received: read(&self.bytes_received),
            kernel_stamped: read(&self.kernel_stamped),
            unstamped: read(&self.unstamped),
            overflowed: read(&self.overflowed),
            send_errors: read(&self.send_errors),
            receive_errors: read(&self.receive_errors),
            reopened: read(&self.reopened),
            listening: self.listening.load(Ordering::Relaxed),
            replaced_by: Some(self.replaced_by.load(Ordering::Relaxed)).filter(|&process| process != 0),
            last_error: self.last_error.try_lock().ok().and_then(|last| last.map(LastError::report)),
        }
    }
}
