//! [`Member`]: the handle of a standing member.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use flocktime_core::{OsSource, Steering, fork};

use super::bell::Bell;
use super::config::{MemberConfig, Stamps, StartError, Unavailable};
use super::directory::Directory;
use super::driver::Driver;
use super::io::Io;
use super::log::{Log, Status, Transition};
use super::peers::{PeerError, PeerList};
use super::port::Port;
use super::publishing::Publishing;
use super::shared::{Core, Shared};
use super::socket::Socket;
use super::watch::Watch;
use super::world::{Randomness, World};
use crate::gossip::Machine;
use crate::gossip::keyring::Keyring;
use crate::host_page::Helm;
use crate::sys;
use crate::threads::spawn_quietly;

/// A member of a flock that stands as long as this lives.
///
/// Any thread may call anything at any time. Nothing here waits for the network or for another process; only
/// [`Member::wait_state`] waits at all, and [`Member::stop`], for the member's thread to end, which it does at once.
///
/// # Forks
///
/// A forked child has no member: [`Member::is_detached`] is true there, calls say so, and dropping its copy does nothing.
pub struct Member {
    pub(super) shared: Arc<Shared>,
    local_address: Option<SocketAddr>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Member {
    /// Opens the socket and starts the thread. Until the flock has synchronised, sources that follow [`Member::steering`] show
    /// their base, or refuse, if so configured.
    ///
    /// # Errors
    ///
    /// [`StartError`], with the setting, the peer or the address, and the operating system's word. Nothing is left running.
    pub fn start(config: MemberConfig) -> Result<Self, StartError> {
        Self::start_for_host(config, None)
    }

    /// The same for a member that says to all processes on a page what to follow: as long as it runs, and until another one has
    /// taken its place because it was stopped. It is published at the rate of its rounds.
    ///
    /// # Errors
    ///
    /// As [`Member::start`]; the role is given back then.
    pub fn start_for_host(config: MemberConfig, helm: Option<Helm>) -> Result<Self, StartError> {
        sys::watch_forks();
        config.check()?;
        let peers = PeerList::parse(&config.peers)?;
        let MemberConfig { listen, settings, base, resolve_every, .. } = config;
        let on_os_clock = base.is_none();
        let base = base.unwrap_or_else(|| Arc::new(OsSource));
        let wall_ns = base.wall_ns().map_err(StartError::Source)?;
        let os = |what| move |error| StartError::Os { what, error };
        let randomness = Randomness::draw().map_err(|error| os("randomness")(error.into()))?;
        let bell = Arc::new(Bell::new().map_err(os("a pair of sockets"))?);
        let socket = listen.map(open).transpose()?;
        let local_address = socket.as_ref().map(Socket::address);
        let round = Duration::from_nanos(settings.tuning.round_ns);
        let world = World::new(Arc::clone(&base), wall_ns, randomness);
        let machine = Machine::new(settings, &world);
        let watch = Watch::new(&machine);
        let steering = Arc::new(Steering::new());
        let published = steering.publish(&machine.guidance());
        debug_assert!(published, "nobody else has it yet");
        let mut publishing = helm.map(|helm| Publishing::new(helm, on_os_clock, round));
        if let Some(publishing) = &mut publishing {
            // Before anybody reads a clock: the member may have been told to refuse. Whether it was replaced its thread will see.
            let _replaced = publishing.publish(&machine.guidance(), machine.state(), base.as_ref());
        }
        let shared = Arc::new(Shared {
            generation: fork::generation(),
            log: Log::new(machine.state(), base.raw_ns()),
            on_os_clock,
            base,
            core: Mutex::new(Core { machine, world }),
            steering,
            io: Io::new(socket.is_some()),
            directory: Arc::new(Directory::new(Arc::clone(&bell), resolve_every)),
            bell,
            unsupported: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        shared.directory.set(peers)?;
        let driver = Driver::new(Arc::clone(&shared), socket, round, watch, publishing);
        // From here on dropping it stops what was started.
        let member = Self { shared, local_address, thread: Mutex::default() };
        let thread = spawn_quietly("flocktime-flock", move || driver.run()).map_err(os("a thread"))?;
        *member.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(member)
    }

    /// Where it listens, with the port that the operating system chose; `None`: it rides on headers only.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// What this process's clocks follow. After [`Member::stop`] it stays as it was: a clock that jumped back to the OS clock
    /// would be worse than one that runs on.
    pub fn steering(&self) -> &Arc<Steering> {
        &self.shared.steering
    }

    /// H now.
    pub fn raw_ns(&self) -> u64 {
        self.shared.base.raw_ns()
    }

    /// The clock whose timestamps travel with the flock's packets, in place of the one before. It is dropped by whoever replaces
    /// it or drops the member, never by the member's thread.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    pub fn attach(&self, stamps: Arc<dyn Stamps>) -> Result<(), Unavailable> {
        let before = self.shared.running()?.world.stamps.replace(stamps);
        drop(before); // now that nothing is locked
        Ok(())
    }

    /// Replaces all peers, names included. Takes effect at once. In a detached child nothing happens.
    ///
    /// # Errors
    ///
    /// [`PeerError`]; the peers are as before then.
    pub fn set_peers(&self, addresses: &[SocketAddr]) -> Result<(), PeerError> {
        self.set(PeerList::of_addresses(addresses)?)
    }

    /// Replaces all peers by these, each `host:port`. Names are resolved in the background, now and every so often.
    ///
    /// # Errors
    ///
    /// [`PeerError`]; the peers are as before then.
    pub fn set_peer_names(&self, names: &[String]) -> Result<(), PeerError> {
        self.set(PeerList::parse(names)?)
    }

    fn set(&self, peers: PeerList) -> Result<(), PeerError> {
        if self.is_detached() { Ok(()) } else { self.shared.directory.set(peers) }
    }

    /// Signs with another key from the next packet on, and takes in what any of these keys has signed.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    pub fn rotate(&self, keyring: Keyring) -> Result<(), Unavailable> {
        self.shared.running()?.machine.set_keyring(keyring);
        Ok(())
    }

    /// The transitions after the one of this serial number, oldest first; where there is none yet, the next one, if it comes
    /// within the time. Empty at once where none will come any more: see [`Member::status`].
    pub fn wait_state(&self, seen: u64, timeout: Duration) -> Vec<Transition> {
        if self.is_detached() { Vec::new() } else { self.shared.log.wait(seen, timeout) }
    }

    /// The latest transition; `None` in a detached child.
    pub fn latest(&self) -> Option<Transition> {
        if self.is_detached() { None } else { self.shared.log.latest() }
    }

    /// How the member's thread stands.
    pub fn status(&self) -> Status {
        if self.is_detached() { Status::Detached } else { self.shared.log.status() }
    }

    /// Whether this is a forked child: the member is the parent's.
    pub fn is_detached(&self) -> bool {
        self.shared.is_detached()
    }

    /// Ends the thread, closes the socket and returns when that is done, which takes no longer than the step of a round. Again,
    /// or in a detached child, it does nothing. A name that is being resolved is not waited for.
    pub fn stop(&self) {
        if self.is_detached() {
            return;
        }
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.directory.close();
        self.shared.bell.ring();
        // Held while it waits: who stops it at the same time waits as well.
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic was caught and recorded.
            let _ended = thread.join();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if self.is_detached() {
            // The handle's thread does not exist here, and its number may be another one's by now: not even detach it.
            mem::forget(self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        } else {
            self.stop();
        }
    }
}

impl std::fmt::Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member").field("local_address", &self.local_address).finish_non_exhaustive()
    }
}

fn open(address: SocketAddr) -> Result<Socket, StartError> {
    let refused = |error| StartError::Listen { address, error };
    let port = Port::open(address).map_err(refused)?;
    let local_address = port.local_address().map_err(refused)?;
    Ok(Socket::new(port, local_address))
}
