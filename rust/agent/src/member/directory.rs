//! [`Directory`]: where the peers are. Names are resolved again and again, in a thread of their own: that call takes as long as
//! it likes.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bell::Bell;
use super::peers::{Name, PeerError, PeerList};
use super::port::canonical;
use crate::gossip::MAX_PEERS;
use crate::threads::spawn_quietly;

/// A name among the peers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameReport {
    /// As it was given.
    pub name: String,
    /// What it stood for when that was last found out.
    pub addresses: Vec<SocketAddr>,
    /// Why it could not be found out the last time.
    pub error: Option<String>,
    /// It has been looked up once, with or without success.
    pub resolved: bool,
}

#[derive(Debug)]
struct Entry {
    name: Name,
    report: NameReport,
}

#[derive(Debug, Default)]
struct State {
    addresses: Vec<SocketAddr>,
    entries: Vec<Entry>,
    /// Counts lists: an answer for a former one is thrown away.
    list: u64,
    /// The member has yet to hear of it.
    news: bool,
    resolving: bool,
    closed: bool,
}

/// The peers as they were given and as they were found. Shared with the resolver's thread, which holds nothing else: it may
/// outlive the member by a slow answer.
#[derive(Debug)]
pub(super) struct Directory {
    state: Mutex<State>,
    changed: Condvar,
    bell: Arc<Bell>,
    every: Duration,
}

impl Directory {
    pub(super) fn new(bell: Arc<Bell>, every: Duration) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), bell, every }
    }

    /// Replaces all peers. The resolver's thread begins with the first name.
    pub(super) fn set(self: &Arc<Self>, list: PeerList) -> Result<(), PeerError> {
        let mut state = self.lock();
        if !list.names.is_empty() && !state.resolving && !state.closed {
            let directory = Arc::clone(self);
            let spawned = spawn_quietly("flocktime-names", move || directory.resolve());
            spawned.map_err(|error| PeerError::Thread { reason: error.to_string() })?;
            state.resolving = true;
        }
        let entry = |name: Name| {
            let report = NameReport { name: name.text.clone(), addresses: Vec::new(), error: None, resolved: false };
            Entry { name, report }
        };
        state.addresses = list.addresses;
        state.entries = list.names.into_iter().map(entry).collect();
        state.list += 1;
        state.news = true;
        drop(state);
        self.changed.notify_all();
        self.bell.ring();
        Ok(())
    }

    /// All addresses, where there is news since the last call.
    pub(super) fn news(&self) -> Option<Vec<SocketAddr>> {
        let mut state = self.lock();
        if !state.news {
            return None;
        }
        state.news = false;
        let found = state.entries.iter().flat_map(|entry| entry.report.addresses.iter());
        Some(state.addresses.iter().chain(found).copied().take(MAX_PEERS).collect())
    }

    pub(super) fn names(&self) -> Vec<NameReport> {
        self.lock().entries.iter().map(|entry| entry.report.clone()).collect()
    }

    /// Nothing is resolved any more. The thread ends as soon as it notices.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn resolve(&self) {
        while let Some((list, names)) = self.to_resolve() {
            for (place, name) in names.iter().enumerate() {
                let answer = look_up(name);
                if !self.record(list, place, answer) {
                    break;
                }
            }
            let state = self.lock();
            let same = |state: &mut State| state.list == list && !state.closed;
            drop(self.changed.wait_timeout_while(state, self.every, same));
        }
    }

    /// `None`, and the thread ends: there is nothing to resolve, or nobody to resolve for.
    fn to_resolve(&self) -> Option<(u64, Vec<Name>)> {
        let mut state = self.lock();
        if state.closed || state.entries.is_empty() {
            state.resolving = false;
            return None;
        }
        Some((state.list, state.entries.iter().map(|entry| entry.name.clone()).collect()))
    }

    /// False: that list is not asked for any more.
    fn record(&self, list: u64, place: usize, answer: Result<Vec<SocketAddr>, String>) -> bool {
        let mut state = self.lock();
        if state.closed || state.list != list {
            return false;
        }
        let Some(Entry { report, .. }) = state.entries.get_mut(place) else { return false };
        report.resolved = true;
        match answer {
            // What was found before is kept: a name server that is away is no reason to leave the flock.
            Err(error) => report.error = Some(error),
            Ok(addresses) => {
                report.error = None;
                if report.addresses != addresses {
                    report.addresses = addresses;
                    state.news = true;
                    self.bell.ring();
                }
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All addresses of a name, sorted: in which order they come says nothing.
fn look_up(name: &Name) -> Result<Vec<SocketAddr>, String> {
    let found = (name.host.as_str(), name.port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut addresses: Vec<SocketAddr> = found.map(canonical).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(MAX_PEERS);
    if addresses.is_empty() { Err("the name has no address".to_owned()) } else { Ok(addresses) }
}
