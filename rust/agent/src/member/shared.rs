//! What a member's handle and its thread share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flocktime_core::{Steering, TimeSource, fork};

use super::bell::Bell;
use super::config::Unavailable;
use super::directory::Directory;
use super::io::Io;
use super::log::{Log, Status};
use super::world::World;
use crate::gossip::Machine;

/// The machine and its world: behind one lock, held briefly, never during a system call but that of sending, and that for more
/// random words in a round that has used up what was drawn for it (many headers, a large fanout).
pub(super) struct Core {
    pub(super) machine: Machine,
    pub(super) world: World,
}

pub(super) struct Shared {
    pub(super) generation: u32,
    pub(super) base: Arc<dyn TimeSource>,
    /// The base is the operating system's own clock, and what that says about its synchronisation counts.
    pub(super) on_os_clock: bool,
    pub(super) core: Mutex<Core>,
    pub(super) steering: Arc<Steering>,
    pub(super) log: Log,
    pub(super) io: Io,
    pub(super) bell: Arc<Bell>,
    pub(super) directory: Arc<Directory>,
    /// Peers that the socket cannot reach, the first few, and how many.
    pub(super) unsupported: Mutex<(Vec<SocketAddr>, usize)>,
    pub(super) stopping: AtomicBool,
}

impl Shared {
    pub(super) fn is_detached(&self) -> bool {
        self.generation != fork::generation()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The machine. An error where a thread has panicked in the middle of it.
    pub(super) fn core(&self) -> Result<MutexGuard<'_, Core>, Unavailable> {
        self.core.lock().map_err(|_| Unavailable::Failed)
    }

    /// The machine, where somebody drives it.
    pub(super) fn running(&self) -> Result<MutexGuard<'_, Core>, Unavailable> {
        if self.is_detached() {
            return Err(Unavailable::Detached);
        }
        match self.log.status() {
            Status::Running => self.core(),
            Status::Stopped => Err(Unavailable::Stopped),
            Status::Failed { .. } => Err(Unavailable::Failed),
            Status::Detached => Err(Unavailable::Detached),
        }
    }

    /// The peers that the socket cannot send to, the first few, and how many.
    pub(super) fn unsupported(&self) -> (Vec<SocketAddr>, usize) {
        self.unsupported.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_unsupported(&self, mut addresses: Vec<SocketAddr>) {
        const NAMED: usize = 16;
        let count = addresses.len();
        addresses.truncate(NAMED);
        *self.unsupported.lock().unwrap_or_else(PoisonError::into_inner) = (addresses, count);
    }
}
