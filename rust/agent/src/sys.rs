//! Calls of the operating system that no safe crate offers.

use std::fs;
#[cfg(unix)]
use std::os::fd::AsRawFd;
#[cfg(unix)]
use std::sync::Once;
#[cfg(unix)]
use std::sync::atomic::{AtomicI32, Ordering};

use flocktime_core::{Bound, Counter, Vouched, Voucher, grown};

/// The processor's time-stamp counter.
#[derive(Clone, Copy, Debug)]
pub struct Tsc(());

impl Tsc {
    /// The counter, where the kernel itself tells the time by it: it then runs at one rate on all processors, and the kernel
    /// watches that it goes on to.
    pub fn trusted() -> Option<Self> {
        const CHOSEN: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let trusted = cfg!(all(target_arch = "x86_64", target_os = "linux"))
            && fs::read_to_string(CHOSEN).is_ok_and(|chosen| chosen.trim() == "tsc");
        trusted.then_some(Self(()))
    }
}

impl Counter for Tsc {
    #[inline]
    #[allow(unsafe_code, reason = "no safe crate reads the counter without calibrating a clock of its own")]
    fn ticks(&self) -> u64 {
        // SAFETY: every x86-64 processor has the instruction; it touches no memory, and Linux lets user code run it.
        #[cfg(target_arch = "x86_64")]
        return unsafe { core::arch::x86_64::_rdtsc() };
        #[cfg(not(target_arch = "x86_64"))]
        unreachable!("`trusted` makes none here")
    }
}

/// Makes every fork of this process, whoever calls it, raise [`flocktime_core::fork::generation`] in the child.
///
/// Calling it again does nothing.
///
/// # Panics
///
/// When the C library has no memory left for the handler: without it a child would repeat its parent's timestamps.
#[allow(unsafe_code, reason = "no safe crate wraps pthread_atfork")]
pub fn watch_forks() {
    #[cfg(unix)]
    {
        static ONCE: Once = Once::new();

        extern "C" fn in_child() {
            flocktime_core::fork::entered_child();
            close_the_parents();
        }

        ONCE.call_once(|| {
            // SAFETY: `in_child` is a plain function that lives as long as this library. It only changes atomics and calls
            // `close`, which POSIX allows between fork and exec.
            let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            assert_eq!(failed, 0, "pthread_atfork failed with {failed}");
        });
    }
}

#[cfg(unix)]
const NOTHING: i32 = -1;

/// Descriptors that children of a fork are to close, because their owners are threads that do not exist there.
#[cfg(unix)]
static CLOSED_IN_CHILDREN: [AtomicI32; 64] = [const { AtomicI32::new(NOTHING) }; 64];

/// As long as this lives, every fork closes the copy of a descriptor in the child, so that a child does not hold the parent's
/// port when the parent has left it.
///
/// It must be dropped before the descriptor is closed, and the descriptor must not be used in a child. Where there are already
/// 64 of them it does nothing: a child then keeps the copy.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct ClosedInChildren {
    place: Option<&'static AtomicI32>,
}

#[cfg(unix)]
impl ClosedInChildren {
    pub(crate) fn new(owner: &impl AsRawFd) -> Self {
        watch_forks();
        let descriptor = owner.as_raw_fd();
        let free = |place: &&AtomicI32| {
            place.compare_exchange(NOTHING, descriptor, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        Self { place: CLOSED_IN_CHILDREN.iter().find(free) }
    }
}

#[cfg(unix)]
impl Drop for ClosedInChildren {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            place.store(NOTHING, Ordering::SeqCst);
        }
    }
}

/// In the child of a fork, before anything else runs there.
#[cfg(unix)]
#[allow(unsafe_code, reason = "the owner is on the stack of a thread that was not copied")]
fn close_the_parents() {
    for place in &CLOSED_IN_CHILDREN {
        let descriptor = place.swap(NOTHING, Ordering::SeqCst);
        if descriptor != NOTHING {
            // SAFETY: the descriptor was open at the fork and its owner's, who takes it from here before closing it. In this
            // process that owner does not run, so nobody uses or closes the number after this.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// By so much the kernel lets the error that it reports grow, once a second, billionths.
pub const KERNEL_DRIFT_PPB: u64 = 500_000;

/// What the operating system says its clock may be wrong by, nanoseconds; `None` where it does not say that it is synchronised.
pub fn utc_error_ns() -> Option<u64> {
    let error_ns = kernel_clock()?.bound?.error_ns;
    Some(error_ns)
}

/// The kernel's clock, and what it says that may be wrong by: nobody vouches where it is not synchronised. `None`: it cannot be
/// asked.
///
/// It is as true as whoever disciplines the clock tells the kernel. Added are what is still to be slewed, and what the reported error
/// grows by until the next second.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[allow(unsafe_code, reason = "no safe crate wraps adjtimex")]
pub fn kernel_clock() -> Option<Vouched> {
    // SAFETY: the structure is made of integers, for which zero is a value.
    let mut answer: libc::timex = unsafe { core::mem::zeroed() };
    // SAFETY: the structure lives through the call. Its `modes` are zero: nothing is changed.
    let state = unsafe { libc::adjtimex(&raw mut answer) };
    if state < 0 {
        return None;
    }
    let unit_ns = if answer.status & libc::STA_NANO == 0 { 1000 } else { 1 };
    let wall_ns = answer.time.tv_sec.saturating_mul(1_000_000_000).saturating_add(answer.time.tv_usec * unit_ns);
    let synchronised = state < libc::TIME_ERROR && answer.status & libc::STA_UNSYNC == 0;
    let reported = u64::try_from(answer.maxerror).ok().filter(|_| synchronised);
    let bound = reported.map(|reported_us| {
        let left_ns = answer.offset.unsigned_abs().saturating_mul(unit_ns.unsigned_abs());
        // The reading is cut to its unit.
        let error_ns = reported_us.saturating_mul(1000).saturating_add(left_ns).saturating_add(unit_ns.unsigned_abs());
        let error_ns = grown(error_ns, 1_000_000_000, KERNEL_DRIFT_PPB);
        Bound { error_ns, free_running: false, by: Voucher::System }
    });
    Some(Vouched { wall_ns, bound })
}

/// The kernel's clock; here it is not asked.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn kernel_clock() -> Option<Vouched> {
    None
}

/// What makes this start of the machine differ from every other one; `None` where the operating system does not say.
pub fn boot_id() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    (digits.len() == 32).then(|| u128::from_str_radix(&digits, 16).ok().map(u128::to_be_bytes)).flatten()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use std::thread;
    use std::time::{Duration, Instant};

    use flocktime_core::{Clock, Config, OsSource, Timestamp};
    use nix::sys::socket::{SockaddrStorage, getsockname};

    use super::*;
    use crate::gossip::Settings;
    use crate::member::{Member, MemberConfig, Status};

    /// Runs `judge` in a forked child and returns its verdict; `None`: it hung, and was killed.
    #[allow(unsafe_code, reason = "no safe fork")]
    fn in_child(judge: impl FnOnce() -> bool) -> Option<bool> {
        // SAFETY: the child calls nothing that takes a lock which another thread may have held at the fork: that is what is
        // tested. The C library keeps its allocator usable after a fork.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "fork failed");
        if child == 0 {
            let verdict = judge();
            // SAFETY: ends this process without running what belongs to the parent.
            unsafe { libc::_exit(i32::from(!verdict)) }
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let mut status = 0;
            // SAFETY: `child` is this process's own, and `status` lives through the call.
            match unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } {
                0 if Instant::now() < deadline => thread::yield_now(),
                0 => {
                    // SAFETY: it has not been waited for, so the number is still its.
                    unsafe { libc::kill(child, libc::SIGKILL) };
                    // SAFETY: as above.
                    unsafe { libc::waitpid(child, &raw mut status, 0) };
                    return None;
                }
                _ => return Some(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0),
            }
        }
    }

    fn member() -> Member {
        let mut settings = Settings::new(1, 2, 3);
        settings.tuning.round_ns = 1_000_000;
        let listen = Some("127.0.0.1:0".parse().expect("an address"));
        Member::start(MemberConfig { listen, ..MemberConfig::new(settings) }).expect("it starts")
    }

    /// In a real child, forked while other threads hold the member's locks, nothing hangs, and dropping it hurts nobody.
    #[test]
    fn a_child_never_waits_for_its_parents_member() {
        let member = member();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        member.report();
                    }
                });
            }
            let mut verdicts = (0..20).map(|_| {
                in_child(|| {
                    let report = member.report();
                    member.stop();
                    let nothing =
                        member.header("peer").is_err() && member.wait_state(0, Duration::from_mins(1)).is_empty();
                    nothing && member.is_detached() && report.status == Status::Detached && report.flock.is_none()
                })
            });
            let other = verdicts.find(|verdict| *verdict != Some(true));
            done.store(true, Ordering::Relaxed);
            assert_eq!(other, None, "the first of twenty children that says otherwise; none: it hung");
        });
        let held = Mutex::new(Some(member));
        assert_eq!(in_child(|| held.lock().is_ok_and(|mut member| member.take().is_some())), Some(true), "dropped");
        let member = held.lock().expect("nobody panicked").take().expect("it is the parent's");
        assert_eq!(member.status(), Status::Running);
    }

    /// In a real child, forked while other threads are refused, reset and looked at, a clock works as ever and hangs nowhere.
    #[test]
    fn a_child_never_waits_for_its_parents_clock() {
        watch_forks();
        let clock = Clock::new(OsSource, Config::new(crate::random::fresh_node));
        let far = |node| Timestamp::new(1 << 51, 0, node, 0).expect("a timestamp");
        let refused = |node| clock.update(far(node), None, false).is_err();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for node in 1..3 {
                let (done, refused, clock) = (&done, &refused, &clock);
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        assert!(refused(node) && clock.reset("drill").is_ok() && clock.stats().refused_drift > 0);
                    }
                });
            }
            let mut verdicts = (0..50).map(|_| {
                in_child(|| {
                    let pardoned = clock.reset("in a child").is_ok() && clock.stats().suspects.is_empty();
                    pardoned && refused(77) && clock.stats().suspects == [77]
                })
            });
            let other = verdicts.find(|verdict| *verdict != Some(true));
            done.store(true, Ordering::Relaxed);
            assert_eq!(other, None, "the first of fifty children that says otherwise; none: it hung");
        });
    }

    /// A child does not hold the port that its parent leaves.
    #[test]
    fn a_child_leaves_the_port_alone() {
        let member = member();
        let address = SockaddrStorage::from(member.local_address().expect("it listens"));
        let verdict = in_child(|| {
            // Nobody stops the parent's; but of all descriptors here none is that socket.
            !(0..1024).any(|descriptor| getsockname::<SockaddrStorage>(descriptor).is_ok_and(|at| at == address))
        });
        assert_eq!(verdict, Some(true));
        assert!(member.report().io.listening);
    }
}
