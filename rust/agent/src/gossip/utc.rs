//! What is known about UTC, and what this member says of it.

use flocktime_core::flocking::{Anchor, utc_step};

use super::host::OsTime;
use super::machine::Machine;
use super::packet;
use super::settings::AnchorPolicy;

/// An estimate that was passed on more often is none.
const MOST_HOPS: u8 = 8;

impl Machine {
    /// The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered.
    pub(super) fn heed_utc(&mut self, os: &OsTime, own_ns: i64, voters: &[usize]) {
        let own = self.own_anchor(os, own_ns);
        let mut anchors = self.heard_anchors();
        anchors.extend(own.map(|own| (0, own)));
        // Only from those who are nearest to a source: what was passed on and comes back is not another witness.
        let fewest = anchors.iter().map(|&(hops, _)| hops).min().unwrap_or(MOST_HOPS);
        let nearest: Vec<Anchor> =
            anchors.into_iter().filter(|&(hops, _)| hops == fewest).map(|(_, anchor)| anchor).collect();
        self.utc = utc_step(&nearest, &self.utc_slews(voters), self.utc.slew, &self.settings.tuning);
        let said = own.map(|own| (0, own)).or(self.utc.estimate.map(|estimate| (fewest + 1, estimate)));
        self.utc_said = said.map(|(hops, anchor)| packet::Anchor {
            offset_ns: anchor.lead_ns as i64,
            error_ns: anchor.error_ns as u64,
            hops,
        });
    }

    /// This member's own OS clock, where it counts as UTC.
    fn own_anchor(&self, os: &OsTime, own_ns: i64) -> Option<Anchor> {
        let error_ns = match self.settings.anchor {
            AnchorPolicy::Detect => os.error_ns,
            AnchorPolicy::Never => None,
            AnchorPolicy::Always { error_ns } => Some(error_ns),
        };
        let lead_ns = (i128::from(os.wall_ns) - i128::from(own_ns)) as f64;
        error_ns.map(|error_ns| Anchor { lead_ns, error_ns: error_ns as f64 })
    }

    /// What others say, with how often it was passed on.
    fn heard_anchors(&self) -> Vec<(u8, Anchor)> {
        let heard = self.table.iter().filter_map(|peer| {
            let known = peer.known.as_ref()?;
            let (anchor, lead_ns) = (known.anchor?, known.lead_ns?);
            let error_ns = anchor.error_ns as f64 + known.lead_error_ns;
            let anchored = Anchor { lead_ns: anchor.offset_ns as f64 + lead_ns, error_ns };
            (anchor.hops <= MOST_HOPS).then_some((anchor.hops, anchored))
        });
        heard.collect()
    }

    /// How fast the voters slew towards UTC.
    fn utc_slews(&self, places: &[usize]) -> Vec<f64> {
        places.iter().filter_map(|&place| Some(self.table.get(place)?.known.as_ref()?.published.u)).collect()
    }
}
