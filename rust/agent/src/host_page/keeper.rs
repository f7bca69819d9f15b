//! The keeper of a page: one thread in each process that has it open. All of them look whether the lease is due; whoever comes
//! first renews it. So there is no role to hand on when one of them dies.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::HostPage;
use super::lease::{FOR_OTHERS, Unrenewed};
use super::mapping::Mapping;
use crate::threads::spawn_quietly;

/// After a refusal it is tried again so much later.
const AGAIN: Duration = Duration::from_millis(100);
/// Another process is at it: a look at how far it has come.
const SOON: Duration = Duration::from_millis(5);

/// Starts it. It ends soon after the page is dropped.
pub(super) fn keep(page: &Arc<HostPage>) -> io::Result<()> {
    let (mapping, page) = (page.mapping.clone(), Arc::downgrade(page));
    spawn_quietly("flocktime-page", move || run(&mapping, &page)).map(drop)
}

fn run(mapping: &Mapping, page: &Weak<HostPage>) {
    let mut denied = None;
    loop {
        let seen = mapping.calls();
        let Some(page) = page.upgrade() else { return };
        let next = tend(&page, &mut denied);
        drop(page);
        match next {
            Next::Called(pause) => mapping.wait_for_call(seen, pause),
            Next::Refused => thread::sleep(AGAIN),
        }
    }
}

enum Next {
    /// When somebody calls, or after so long.
    Called(Duration),
    /// Whoever calls: a disk that refuses is not asked by everybody at once and again.
    Refused,
}

/// Since when this process has been denied, and where the bound was then.
type Denied = Option<(u64, Instant)>;

fn tend(page: &HostPage, denied: &mut Denied) -> Next {
    if !page.is_due() {
        *denied = None;
        return Next::Called(page.pause());
    }
    match page.renew() {
        Ok(()) => Next::Called(page.pause()),
        Err(Unrenewed::Busy) => Next::Called(SOON),
        Err(Unrenewed::Denied(error)) => {
            let bound = page.live().state.leased();
            let since = denied.filter(|&(before, _)| before == bound).map_or_else(Instant::now, |(_, since)| since);
            *denied = Some((bound, since));
            if since.elapsed() >= FOR_OTHERS {
                page.failed(&error); // nobody else does it either
            }
            Next::Refused
        }
        Err(Unrenewed::Os(error)) => {
            page.failed(&error);
            Next::Refused
        }
    }
}
