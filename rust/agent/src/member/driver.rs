//! [`Driver`]: the thread of a member.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use flocktime_core::Guidance;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::config::Unavailable;
use super::io::add;
use super::log::Status;
use super::port::{Local, Reach};
use super::publishing::Publishing;
use super::shared::{Core, Shared};
use super::socket::Socket;
use super::watch::Watch;
use super::world::{Randomness, arrival_ns};
use crate::gossip::packet::MAX_SIZE;
use crate::sys;

/// So many datagrams are read before deadlines are looked at again.
const BATCH: usize = 64;

/// Owned by the thread. It looks at its socket, its bell and H, in turn.
pub(super) struct Driver {
    shared: Arc<Shared>,
    socket: Option<Socket>,
    room: [u8; MAX_SIZE + 1],
    round: Duration,
    published: Guidance,
    /// Its role on the host's page, where it has one.
    publishing: Option<Publishing>,
    watch: Watch,
    /// When the operating system was last asked what takes a call.
    refreshed: Option<Instant>,
    /// H before the latest wait, if that ended by itself.
    waited_at_ns: Option<u64>,
}

impl Driver {
    pub(super) fn new(
        shared: Arc<Shared>,
        socket: Option<Socket>,
        round: Duration,
        watch: Watch,
        publishing: Option<Publishing>,
    ) -> Self {
        let published = shared.steering.guidance();
        let room = [0; MAX_SIZE + 1];
        Self { shared, socket, room, round, published, publishing, watch, refreshed: None, waited_at_ns: None }
    }

    /// Until it is stopped, or comes to a bad end, which it records.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // The socket is closed, and the role on the page given back, before the end is announced: who waits for that may want them.
        let ran = panic::catch_unwind(AssertUnwindSafe(move || self.drive()));
        shared.io.listening.store(false, Ordering::Relaxed);
        shared.log.end(match ran {
            Ok(Ok(())) => Status::Stopped,
            Ok(Err(_)) => Status::Failed { reason: "another thread panicked while it used the member".to_owned() },
            Err(panic) => Status::Failed { reason: message(panic.as_ref()) },
        });
    }

    fn drive(&mut self) -> Result<(), Unavailable> {
        while !self.shared.is_stopping() {
            self.refresh();
            self.take_news();
            let (now_ns, due_ns) = self.tick()?;
            if let Some(socket) = &mut self.socket {
                socket.reopen(&self.shared);
            }
            let readable = self.wait(now_ns, due_ns);
            if readable {
                self.drain()?;
            }
        }
        Ok(())
    }

    /// Asks the operating system, once a round, before the machine is locked.
    fn refresh(&mut self) {
        if self.refreshed.is_some_and(|at| at.elapsed() < self.round) {
            return;
        }
        self.refreshed = Some(Instant::now());
        let error_ns = if self.shared.on_os_clock { sys::utc_error_ns() } else { None };
        let randomness = Randomness::draw().map_err(|error| {
            self.shared.io.failed("randomness", None, &io::Error::from(error), self.shared.base.raw_ns());
        });
        if let Ok(mut core) = self.shared.core() {
            core.world.refresh(error_ns, randomness.ok());
        }
    }

    /// Tells the machine who the peers are, when that has changed.
    fn take_news(&mut self) {
        let Some(addresses) = self.shared.directory.news() else { return };
        let own = self.socket.as_ref().map(Socket::address);
        let reach = self.socket.as_ref().map(Socket::reach);
        let others = addresses.into_iter().filter(|&address| Some(address) != own);
        let covered = |address: &SocketAddr| reach.is_some_and(|reach: Reach| reach.covers(address));
        let (reachable, unsupported): (Vec<_>, Vec<_>) = others.partition(covered);
        self.shared.set_unsupported(unsupported);
        if let Ok(mut core) = self.shared.core() {
            core.machine.set_peers(&reachable);
        }
    }

    /// What is due; then what others are to know of it. Returns H and when something is due next.
    fn tick(&mut self) -> Result<(u64, u64), Unavailable> {
        let (shared, socket) = (&self.shared, self.socket.as_ref());
        let mut core = shared.core()?;
        let Core { machine, world } = &mut *core;
        machine.tick(world, &mut |to, bytes| send(shared, socket, to, None, bytes));
        let (guidance, state, due_ns) = (machine.guidance(), machine.state(), machine.due_ns());
        let changed = self.watch.look(machine);
        drop(core);
        let is_news = guidance != self.published;
        if is_news && shared.steering.publish(&guidance) {
            self.published = guidance;
        }
        if let Some(publishing) = &mut self.publishing
            && (is_news || publishing.is_due())
            && let Err(replaced) = publishing.publish(&guidance, state, shared.base.as_ref())
        {
            shared.io.replaced_by.store(replaced.by, Ordering::Relaxed);
            self.publishing = None;
        }
        let now_ns = shared.base.raw_ns();
        if let Some((state, wrong)) = changed {
            shared.log.add(state, wrong, now_ns);
        }
        Ok((now_ns, due_ns))
    }

    /// Until H is there, the socket has something or the bell rings. H need not go on as time does: at the latest after a round
    /// it is looked at again, and where it stands still not before.
    fn wait(&mut self, now_ns: u64, due_ns: u64) -> bool {
        let mut wait = patience(self.waited_at_ns, now_ns, due_ns, self.round);
        let socket = self.socket.as_ref();
        if let Some(reopening) = socket.and_then(Socket::until_reopening) {
            wait = wait.min(reopening);
        }
        let bell = self.shared.bell.as_fd();
        let port = socket.and_then(Socket::port).map(AsFd::as_fd);
        let count = 1 + usize::from(port.is_some());
        let mut both = [bell, port.unwrap_or(bell)].map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
        let whole_ms = wait.as_nanos().div_ceil(1_000_000);
        let polled = poll(&mut both[..count], PollTimeout::try_from(whole_ms).unwrap_or(PollTimeout::MAX));
        self.waited_at_ns = (polled == Ok(0)).then_some(now_ns);
        let happened = |place: usize| place < count && both[place].any() == Some(true);
        match polled {
            Ok(_) => {
                if happened(0) {
                    self.shared.bell.hush();
                }
                happened(1)
            }
            Err(nix::Error::EINTR) => false,
            Err(error) => {
                // Out of memory, at worst; not at once again.
                self.shared.io.failed("wait", None, &error.into(), now_ns);
                thread::sleep(Duration::from_millis(10));
                false
            }
        }
    }

    /// Reads what came in, up to a bound.
    fn drain(&mut self) -> Result<(), Unavailable> {
        let shared = &self.shared;
        for _ in 0..BATCH {
            let Some(arrival) = self.socket.as_mut().and_then(|socket| socket.receive(shared, &mut self.room)) else {
                break;
            };
            let (received_ns, stamped) = arrival_ns(shared.base.as_ref(), arrival.stamp_ns);
            let (socket, datagram) = (self.socket.as_ref(), &self.room[..arrival.length]);
            let mut core = shared.core()?;
            // Counted under the lock, as what is sent is: who reports sees the machine's counts and these agree.
            add(&shared.io.datagrams_received, 1);
            add(&shared.io.bytes_received, arrival.length as u64);
            add(if stamped { &shared.io.kernel_stamped } else { &shared.io.unstamped }, 1);
            let Core { machine, world } = &mut *core;
            // All that it sends here answers the datagram.
            let answer = &mut |to, bytes: &[u8]| send(shared, socket, to, arrival.local, bytes);
            machine.receive(arrival.from, datagram, received_ns, world, answer);
        }
        Ok(())
    }
}

/// How long to wait, given H now, when something is due, and H at the beginning of a wait that ended by itself.
fn patience(waited_at_ns: Option<u64>, now_ns: u64, due_ns: u64, round: Duration) -> Duration {
    let stands = waited_at_ns == Some(now_ns);
    if stands { round } else { Duration::from_nanos(due_ns.saturating_sub(now_ns)).min(round) }
}

fn send(shared: &Shared, socket: Option<&Socket>, to: SocketAddr, from: Option<Local>, bytes: &[u8]) {
    let port = socket.and_then(Socket::port);
    match port.ok_or(ErrorKind::NotConnected.into()).and_then(|port| port.send(to, from, bytes)) {
        Ok(length) => {
            add(&shared.io.datagrams_sent, 1);
            add(&shared.io.bytes_sent, length as u64);
        }
        Err(error) => {
            add(&shared.io.send_errors, 1);
            shared.io.failed("send", Some(to), &error, shared.base.raw_ns());
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It waits until something is due, but never for longer than a round, and for a whole one where H has stood still during a
    /// wait: a broken oscillator makes it neither sleep for ever nor spin.
    #[test]
    fn it_waits_for_h_but_does_not_rely_on_it() {
        let round = Duration::from_secs(1);
        let ns = Duration::from_nanos;
        assert_eq!(patience(None, 1_000, 1_700, round), ns(700));
        assert_eq!(patience(Some(500), 1_000, 1_700, round), ns(700));
        assert_eq!(patience(None, 1_000, 900, round), Duration::ZERO);
        assert_eq!(patience(None, 0, u64::MAX, round), round);
        assert_eq!(patience(Some(1_000), 1_000, 1_001, round), round);
    }
}
