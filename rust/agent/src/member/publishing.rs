//! [`Publishing`]: what this member's clocks follow, said to all processes of the host.

use std::time::Duration;

use flocktime_core::flocking::State;
use flocktime_core::{Discipline, Guidance, OsSource, TimeSource};

use crate::host_page::{Helm, Replaced};

/// An oscillator that seems to run so much faster or slower than the operating system's has been moved, not measured.
const BELIEVABLE: f64 = 0.02;

/// The member's role on a page.
pub(super) struct Publishing {
    helm: Helm,
    /// `None`: H is the operating system's own counter.
    carrier: Option<Carrier>,
    /// Without anything new it publishes this often, to show that it is there.
    every: Duration,
}

impl Publishing {
    pub(super) fn new(helm: Helm, on_os_clock: bool, round: Duration) -> Self {
        Self { helm, carrier: (!on_os_clock).then(Carrier::default), every: round / 2 }
    }

    /// Whether it has been silent for long enough.
    pub(super) fn is_due(&self) -> bool {
        u128::from(OsSource.raw_ns().saturating_sub(self.helm.published_ns())) >= self.every.as_nanos()
    }

    /// Says it, in terms of the operating system's counter.
    pub(super) fn publish(&mut self, guidance: &Guidance, state: State, base: &dyn TimeSource) -> Result<(), Replaced> {
        let mut guidance = *guidance;
        if let Some(carrier) = &mut self.carrier {
            let (h_ns, raw_ns) = read_both(base);
            guidance.error_ns = guidance.bound_at(h_ns).map(|bound| bound.error_ns); // where the line begins there
            guidance.discipline = carrier.carry(&guidance.discipline, h_ns, raw_ns);
        }
        self.helm.publish(&guidance, state)
    }
}

/// Carries a line over an oscillator of its own to the operating system's counter, by what they counted between two readings.
#[derive(Clone, Copy, Debug, Default)]
struct Carrier {
    /// H and the counter.
    before: Option<(u64, u64)>,
    /// How much faster H runs.
    rate: f64,
}

impl Carrier {
    /// The same line from this instant on, which is `h_ns` of the one and `raw_ns` of the other.
    fn carry(&mut self, line: &Discipline, h_ns: u64, raw_ns: u64) -> Discipline {
        if let Some((h0_ns, raw0_ns)) = self.before.replace((h_ns, raw_ns)) {
            let rate = h_ns.saturating_sub(h0_ns) as f64 / raw_ns.saturating_sub(raw0_ns) as f64 - 1.0;
            if rate.abs() <= BELIEVABLE {
                self.rate = rate;
            }
        }
        let slew_ns = line.slew_ns.saturating_sub(h_ns.saturating_sub(line.h0_ns));
        Discipline { h0_ns: raw_ns, l0_ns: line.at(h_ns), y: line.y + self.rate + line.y * self.rate, slew_ns, ..*line }
    }
}

/// Of a few readings the one that took the least.
fn read_both(base: &dyn TimeSource) -> (u64, u64) {
    let read = || {
        let before_ns = OsSource.raw_ns();
        let h_ns = base.raw_ns();
        let took_ns = OsSource.raw_ns().saturating_sub(before_ns);
        (took_ns, h_ns, before_ns + took_ns / 2)
    };
    let (_, h_ns, raw_ns) = read().min(read()).min(read());
    (h_ns, raw_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that was carried shows at each instant what it shows over its own oscillator, to the nanosecond and the second
    /// after: with rates and slews, and while a slew ends.
    #[test]
    fn a_carried_line_shows_the_same() {
        const START_NS: u64 = 5_000_000_000;
        for faster in [0.0, 150e-6, -80e-6] {
            let h_of = |raw_ns: u64| 77_000_000_000 + ((raw_ns as f64) * (1.0 + faster)) as u64;
            let line = Discipline {
                h0_ns: h_of(START_NS),
                l0_ns: 1 << 60,
                y: 30e-6,
                s: 0.01,
                u: 5e-6,
                slew_ns: 2_000_000_000,
            };
            let mut carrier = Carrier::default();
            carrier.carry(&line, h_of(START_NS - 1_000_000_000), START_NS - 1_000_000_000);
            let raw_ns = START_NS + 100_000_000;
            let shown = carrier.carry(&line, h_of(raw_ns), raw_ns);
            for later_ns in [0, 1_000_000, 1_000_000_000, 4_000_000_000] {
                let (own, there) = (line.at(h_of(raw_ns + later_ns)), shown.at(raw_ns + later_ns));
                // The slew ends by its own oscillator: a millionth of it earlier or later there.
                assert!((own - there).abs() <= 5_000, "{faster} {later_ns}: {}", own - there);
                assert!(later_ns > 1_000_000 || (own - there).abs() <= 2, "{faster} {later_ns}: {}", own - there);
            }
        }
    }

    /// A jump of the oscillator is no rate.
    #[test]
    fn a_jump_is_no_rate() {
        let mut carrier = Carrier::default();
        let line = Discipline::default();
        carrier.carry(&line, 1_000_000_000, 1_000_000_000);
        carrier.carry(&line, 2_000_100_000, 2_000_000_000);
        let shown = carrier.carry(&line, 9_000_000_000, 3_000_000_000);
        assert!((shown.y - 1e-4).abs() < 1e-9 && shown.h0_ns == 3_000_000_000, "{shown:?}");
        assert!(carrier.carry(&line, 1, 4_000_000_000).y > 0.0, "nor is one back");
    }
}
