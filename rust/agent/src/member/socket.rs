//! [`Socket`]: a port that is opened again when it dies.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::io::add;
use super::port::{Arrival, Port, Reach};
use super::shared::Shared;

/// A port that fails so many times in a row is opened anew.
const FAILURES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The port of a member, or the time of the next attempt to open it.
pub(super) struct Socket {
    address: SocketAddr,
    reach: Reach,
    port: Result<Port, Instant>,
    /// Failed attempts to read, since the latest that gave something.
    failures: u32,
    /// What to wait before the next attempt; twice as long each time, until something comes in.
    pause: Duration,
    overflowed: u32,
}

impl Socket {
    /// `address`: where the port really listens; it is opened there again.
    pub(super) fn new(port: Port, address: SocketAddr) -> Self {
        Self { address, reach: port.reach(), port: Ok(port), failures: 0, pause: FIRST_PAUSE, overflowed: 0 }
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
                (self.failures, self.pause) = (0, FIRST_PAUSE);
                if let Some(overflowed) = arrival.overflowed {
                    add(&shared.io.overflowed, overflowed.wrapping_sub(self.overflowed).into());
                    self.overflowed = overflowed;
                }
                return Some(arrival);
            }
            // It was said to have something, and has nothing. Datagrams with a wrong checksum look like that, which anybody may
            // send: they are no failure.
            Ok(None) => {
                if !port.is_dead() {
                    return None;
                }
            }
            Err(error) => {
                add(&shared.io.receive_errors, 1);
                shared.io.failed("receive", None, &error, shared.base.raw_ns());
            }
        }
        self.failures += 1;
        if self.failures >= FAILURES {
            self.give_up(shared);
        }
        None
    }

    fn give_up(&mut self, shared: &Shared) {
        self.port = Err(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.failures = 0;
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};

    use nix::sys::socket::{Shutdown, shutdown};

    use super::*;
    use crate::gossip::Settings;
    use crate::member::{Member, MemberConfig};

    /// A port that has nothing is no worse for it, however often that is found out; one that was shut down is given up.
    #[test]
    fn only_a_dead_port_is_given_up() {
        let member = Member::start(MemberConfig::new(Settings::new(1, 2, 3))).expect("it starts");
        let port = Port::open("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let (address, descriptor) = (port.local_address().expect("an address"), port.as_fd().as_raw_fd());
        let mut socket = Socket::new(port, address);
        let mut nothing = || socket.receive(&member.shared, &mut [0; 8]).is_none() && socket.port().is_some();
        assert!((0..10 * FAILURES).all(|_| nothing()), "an empty socket is a good one");
        // Not connected, it says; but dead it is.
        let _ = shutdown(descriptor, Shutdown::Both);
        assert_eq!((0..10 * FAILURES).take_while(|_| nothing()).count(), FAILURES as usize - 1);
        assert!(socket.until_reopening().is_some_and(|wait| wait <= FIRST_PAUSE));
    }
}
