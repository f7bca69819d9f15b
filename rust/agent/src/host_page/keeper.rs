//! The keeper of a page: one thread in each process that has it open. All of them look whether the lease is due; whoever comes
//! first renews it. So there is no role to hand on when one of them dies.

use std::io;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use flocktime_core::Timestamp;

use super::HostPage;
use super::lease::Unrenewed;
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
    let mut traces = Traces::default();
    loop {
        let seen = mapping.calls();
        let Some(page) = page.upgrade() else { return };
        let next = tend(&page, &mut traces);
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

fn tend(page: &HostPage, traces: &mut Traces) -> Next {
    let renewed = if page.is_due() {
        page.renew(0, || page.is_due())
    } else if traces.outlived_by(page) {
        let confirmed = traces.confirmed;
        page.renew(0, || page.live().confirmed() == confirmed)
    } else {
        return Next::Called(page.pause());
    };
    match renewed {
        Ok(()) => Next::Called(page.pause()),
        Err(Unrenewed::Busy) => Next::Called(SOON),
        Err(Unrenewed::Denied(error)) => {
            if page.is_denied() {
                page.failed(&error);
            }
            Next::Refused
        }
        Err(Unrenewed::Os(error)) => {
            page.failed(&error);
            Next::Refused
        }
    }
}

/// What was in memory when a keeper first saw the record that holds.
///
/// Whatever is stored there makes the file younger. A file that is younger than its last record by more than a lease is taken for one
/// that was restored, so as long as anything is stored, there is a record from time to time: also where the timestamps lead the
/// wall clock and the lease is not due for long, or where nobody stamps and a flock member publishes.
#[derive(Default)]
struct Traces {
    confirmed: u64,
    latest: Option<Timestamp>,
    posted_ns: u64,
    since: Option<Instant>,
}

impl Traces {
    /// Whether something was stored since, and a third of the lease has passed.
    fn outlived_by(&mut self, page: &HostPage) -> bool {
        let live = page.live();
        let (confirmed, latest) = (live.confirmed(), Some(live.state.latest()));
        let posted_ns = live.rudder.look().posted.map_or(0, |posted| posted.written_ns);
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.confirmed != confirmed {
            *self = Self { confirmed, latest, posted_ns, since: Some(Instant::now()) };
            return false;
        }
        (self.latest, self.posted_ns) != (latest, posted_ns) && since.elapsed() >= page.third()
    }
}
