//! The clock that an operating system shows: it runs on the counter, unless NTP keeps it, and operators set it.

use flocktime_agent::gossip::OsTime;

/// Where true time 0 lies: 2026-07-01T00:00:00Z, nanoseconds since 1970.
pub(crate) const START_NS: i64 = 1_782_864_000_000_000_000;

/// One OS clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OsClock {
    /// What it showed…
    wall_ns: i64,
    /// … at this H.
    h_ns: u64,
    ntp: Option<Ntp>,
}

/// A clock that NTP keeps: off by so much, and says that it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ntp {
    /// Its lead on true time, nanoseconds.
    pub(crate) offset_ns: i64,
    /// What it admits, nanoseconds.
    pub(crate) error_ns: u64,
}

impl OsClock {
    /// So far ahead of true time now.
    pub(crate) fn free(true_ns: i64, h_ns: u64, offset_ns: i64) -> Self {
        Self { wall_ns: START_NS + true_ns + offset_ns, h_ns, ntp: None }
    }

    /// Kept by NTP.
    pub(crate) fn kept(ntp: Ntp) -> Self {
        Self { wall_ns: START_NS, h_ns: 0, ntp: Some(ntp) }
    }

    /// What it shows.
    pub(crate) fn read(&self, true_ns: i64, h_ns: u64) -> OsTime {
        if let Some(ntp) = self.ntp {
            return OsTime { wall_ns: START_NS + true_ns + ntp.offset_ns, error_ns: Some(ntp.error_ns) };
        }
        let elapsed = h_ns.wrapping_sub(self.h_ns) as i64; // H may have been set back
        OsTime { wall_ns: self.wall_ns.saturating_add(elapsed), error_ns: None }
    }
}
