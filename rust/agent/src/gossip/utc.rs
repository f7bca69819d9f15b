//! What is known about UTC, and what this member says of it.

use flocktime_core::flocking::{Anchor, WORST_ANCHOR_NS, utc_step};

use super::host::OsTime;
use super::machine::Machine;
use super::packet;
use super::peer::Known;
use super::settings::AnchorPolicy;
use super::suspicion::SUSPECT;
use super::voters::one_of_each;

/// An estimate that was passed on more often is none.
const MOST_HOPS: u8 = 8;

impl Machine {
    /// The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered.
    pub(super) fn heed_utc(&mut self, os: &OsTime, own_ns: i64, voters: &[usize]) {
        let own = self.own_anchor(os, own_ns);
        let mut anchors = self.heard_anchors(own.is_some());
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

    /// This member's own OS clock, where it counts as UTC: one that may be wrong by more than a second says nothing, to nobody.
    fn own_anchor(&self, os: &OsTime, own_ns: i64) -> Option<Anchor> {
        let error_ns = match self.settings.anchor {
            AnchorPolicy::Detect => os.error_ns,
            AnchorPolicy::Never => None,
            AnchorPolicy::Always { error_ns } => Some(error_ns),
        };
        let lead_ns = (i128::from(os.wall_ns) - i128::from(own_ns)) as f64;
        let anchor = Anchor { lead_ns, error_ns: error_ns? as f64 };
        (anchor.error_ns <= WORST_ANCHOR_NS).then_some(anchor)
    }

    /// What others say, each once, with how often it was passed on. Who is called wrong is not asked; who says nothing of use must
    /// not stand before those who do because it is nearer to a source.
    fn heard_anchors(&self, own: bool) -> Vec<(u8, Anchor)> {
        let another = |known: &Known| !(own && known.origin == self.settings.origin);
        let heard = self.table.iter().enumerate().filter_map(|(place, peer)| {
            let known = peer.known.as_ref()?;
            (another(known) && known.suspicion < SUSPECT && heard_anchor(known).is_some()).then_some((place, known))
        });
        one_of_each(heard.collect()).into_iter().filter_map(|(_, known)| heard_anchor(known)).collect()
    }

    /// How fast the voters slew towards UTC.
    fn utc_slews(&self, places: &[usize]) -> Vec<f64> {
        places.iter().filter_map(|&place| Some(self.table.get(place)?.known.as_ref()?.published.u)).collect()
    }
}

/// What a peer says of UTC, seen from here, where that is of use.
fn heard_anchor(known: &Known) -> Option<(u8, Anchor)> {
    let (said, lead_ns) = (known.anchor?, known.lead_ns?);
    let error_ns = said.error_ns as f64 + known.lead_error_ns;
    let anchor = Anchor { lead_ns: said.offset_ns as f64 + lead_ns, error_ns };
    (said.hops <= MOST_HOPS && error_ns <= WORST_ANCHOR_NS).then_some((said.hops, anchor))
}
