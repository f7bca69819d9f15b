//! [`Socket`]: a port that is opened again when it dies.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::io::add;
use super::port::{Arrival, Port, Reach};
use super::shared::Shared;

/// A port that is said to have something so many times in a row, and has nothing, is dead.
const BARREN: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The port of a member, or the time of the next attempt to open it.
pub(super) struct Socket {
    address: SocketAddr,
    reach: Reach,
    port: Result<Port, Instant>,
    /// Attempts to read that gave nothing, since the latest that gave something.
    barren: u32,
    /// What to wait before the next attempt; twice as long each time, until something comes in.
    pause: Duration,
    overflowed: u32,
}

impl Socket {
    /// `address`: where the port really listens; it is opened there again.
    pub(super) fn new(port: Port, address: SocketAddr) -> Self {
        Self { address, reach: port.reach(), port: Ok(port), barren: 0, pause: FIRST_PAUSE, overflowed: 0 }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    pub(super) fn port(&self) -> Option<&Port> {
        self.port.as_ref().ok()
    }

    pub(super) fn until_reopening(&self) -> Option<Duration> {
        self.port.as_ref().err().map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// The next datagram. To be called when the port is said to have something, until it has nothing.
    pub(super) fn receive(&mut self, shared: &Shared, room: &mut [u8]) -> Option<Arrival> {
        let port = self.port.as_mut().ok()?;
        match port.receive(room) {
            Ok(Some(arrival)) => {
                (self.barren, self.pause) = (0, FIRST_PAUSE);
                if let Some(overflowed) = arrival.overflowed {
                    add(&shared.io.overflowed, overflowed.wrapping_sub(self.overflowed).into());
                    self.overflowed = overflowed;
                }
                return Some(arrival);
            }
            Ok(None) => {}
            Err(error) => {
                add(&shared.io.receive_errors, 1);
                shared.io.failed("receive", None, &error, shared.base.raw_ns());
            }
        }
        self.barren += 1;
        if self.barren >= BARREN {
            self.give_up(shared);
        }
        None
    }

    fn give_up(&mut self, shared: &Shared) {
        self.port = Err(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.barren = 0;
        shared.io.listening.store(false, Ordering::Relaxed);
    }

    /// Opens the port, where it is closed and the pause is over.
    pub(super) fn reopen(&mut self, shared: &Shared) {
        if self.until_reopening() != Some(Duration::ZERO) {
            return;
        }
        match Port::open(self.address) {
            Ok(port) => {
                self.port = Ok(port);
                self.overflowed = 0;
                add(&shared.io.reopened, 1);
                shared.io.listening.store(true, Ordering::Relaxed);
            }
            Err(error) => {
                shared.io.failed("open", Some(self.address), &error, shared.base.raw_ns());
                self.give_up(shared);
            }
        }
    }
}
