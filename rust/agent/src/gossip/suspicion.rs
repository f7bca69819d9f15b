//! Who is called wrong, and whether that is this member itself.

use flocktime_core::flocking::{State, Step};

use super::machine::Machine;
use super::peer::Known;
use super::voters::HEARD_ROUNDS;

/// Suspicion rises by this outside the gate and falls by one inside it; so who is outside every second round is found out too.
const SUSPICION_STEP: u32 = 2;
/// Who reaches this is called wrong: ten rounds outside.
pub(super) const SUSPECT: u32 = 20;
/// An oscillator that jumps again and again is wrong too, however fast its owner mends it…
const SUSPICION_JUMP: u32 = 12;
/// … judged after so many rounds: by then it shows whose oscillator it was.
const JUMP_JUDGED_ROUNDS: u64 = 8;
/// As far as it rises: who is back needs a minute to be believed.
const SUSPICION_LIMIT: u32 = 60;
/// A synchronised peer farther off than this many gates…
const WRONG_GATES: f64 = 4.0;
/// … and than this, nanoseconds, by more than the measurement may be wrong by, is outside.
const WRONG_NS: f64 = 250e3;

impl Machine {
    /// Who lies far outside the gate, by more than what was measured may be wrong by. Only a majority can tell. `os_away_ns`: how far
    /// this member's OS clock is from the flock.
    pub(super) fn suspect(&mut self, outcome: &Step, os_away_ns: f64) {
        if !outcome.majority {
            return;
        }
        let unsteady = self.unsteady_peers();
        let drift_ns = self.settings.tuning.max_drift_ns;
        let raise = |suspicion: u32, wrong: bool| {
            if wrong { (suspicion + SUSPICION_STEP).min(SUSPICION_LIMIT) } else { suspicion.saturating_sub(1) }
        };
        for (place, peer) in self.table.iter_mut().enumerate() {
            let Some(known) = peer.known.as_mut() else { continue };
            if unsteady.contains(&place) {
                known.suspicion = (known.suspicion + SUSPICION_JUMP).min(SUSPICION_LIMIT);
            }
            let Some(lead_ns) = known.lead_ns else { continue };
            // Who says it is synchronised must be; who is on its way may be far off, but not as far as that.
            let settled = known.state == State::Synchronised;
            let allowed_ns = if settled { (WRONG_GATES * outcome.gate_ns).max(WRONG_NS) } else { drift_ns };
            let away_ns = (lead_ns - outcome.median_ns).abs();
            known.suspicion = raise(known.suspicion, away_ns > allowed_ns + known.lead_error_ns);
        }
        // I am the odd one out, or the OS clock beneath me is.
        let own_away_ns = outcome.median_ns.abs();
        self.own_suspicion =
            raise(self.own_suspicion, own_away_ns > outcome.gate_ns.max(drift_ns / 2.0) || os_away_ns > drift_ns);
    }

    /// Places of the peers whose oscillator has jumped eight rounds ago. Had most peers jumped about then, it was this one's.
    fn unsteady_peers(&self) -> Vec<usize> {
        let since = |known: &Known| known.jumped_round.map(|jumped| self.round - jumped);
        let all = self.table.iter().filter_map(|peer| peer.known.as_ref());
        let heard = all.filter(|known| self.round - known.heard_round <= HEARD_ROUNDS);
        let (heard, lately) = heard.fold((0, 0), |(heard, lately), known| {
            (heard + 1, lately + usize::from(since(known).is_some_and(|rounds| rounds <= 2 * JUMP_JUDGED_ROUNDS)))
        });
        if 2 * lately > heard {
            return Vec::new();
        }
        let due = |known: &Known| since(known) == Some(JUMP_JUDGED_ROUNDS);
        let places = self.table.iter().enumerate().filter(|(_, peer)| peer.known.as_ref().is_some_and(due));
        places.map(|(place, _)| place).collect()
    }
}
