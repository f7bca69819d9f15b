//! What is known about UTC, and what this member says of it.

use flocktime_core::DRIFT_PPB;
use flocktime_core::flocking::{Anchor, WORST_ANCHOR_NS, utc_step, within_most};

use super::host::OsTime;
use super::machine::Machine;
use super::packet;
use super::peer::Known;
use super::settings::AnchorPolicy;
use super::suspicion::SUSPECT;
use super::voters::one_of_each;

/// An estimate that was passed on more often is none.
const MOST_HOPS: u8 = 8;
/// What an oscillator may drift.
const DRIFT: f64 = DRIFT_PPB as f64 / 1e9;
/// What is said of UTC was known so many rounds before it is sent, at most.
const ROUNDS: f64 = 2.0;
/// A measured offset that has aged may be off by two standard errors of the rate. Here it must not.
const CAUTION: f64 = 2.0;

impl Machine {
    /// The slew towards UTC, and what to tell others: an anchor its own OS clock, everybody else what it has gathered. `late_ns` may
    /// have passed from `now_ns` to the reading of the OS clock.
    pub(super) fn heed_utc(&mut self, os: &OsTime, late_ns: u64, now_ns: u64, own_ns: i64, voters: &[usize]) {
        let own = self.own_anchor(os, late_ns, own_ns);
        let mut anchors = self.heard_anchors(own.is_some(), now_ns, own_ns);
        anchors.extend(own.map(|anchor| Witness { hops: 0, anchor, span_ns: span(anchor) }));
        // Only from those who are nearest to a source: what was passed on and comes back is not another witness.
        let fewest = anchors.iter().map(|witness| witness.hops).min().unwrap_or(MOST_HOPS);
        anchors.retain(|witness| witness.hops == fewest);
        let nearest: Vec<Anchor> = anchors.iter().map(|witness| witness.anchor).collect();
        self.utc = utc_step(&nearest, &self.utc_slews(voters), self.utc.slew, &self.settings.tuning);
        let spans: Vec<(f64, f64)> = anchors.iter().map(|witness| witness.span_ns).collect();
        self.utc_span_ns = within_most(&spans);
        let passed_on = self.utc.estimate.zip(self.utc_span_ns).map(|(Anchor { lead_ns, error_ns }, (low, high))| {
            // Others rely on it: as far as UTC may be from there, whatever the best of the anchors admits.
            (fewest + 1, Anchor { lead_ns, error_ns: error_ns.max(lead_ns - low).max(high - lead_ns) })
        });
        let said = own.map(|own| (0, own)).or(passed_on);
        self.utc_said = said.map(|(hops, anchor)| Said {
            h_ns: now_ns,
            utc_ns: own_ns.saturating_add(anchor.lead_ns as i64),
            error_ns: anchor.error_ns.ceil() as u64,
            hops,
        });
    }

    /// This member's own OS clock, where it counts as UTC: one that may be wrong by more than a second says nothing, to nobody.
    fn own_anchor(&self, os: &OsTime, late_ns: u64, own_ns: i64) -> Option<Anchor> {
        let error_ns = match self.settings.anchor {
            AnchorPolicy::Detect => os.error_ns,
            AnchorPolicy::Never => None,
            AnchorPolicy::Always { error_ns } => Some(error_ns),
        };
        let lead_ns = (i128::from(os.wall_ns) - i128::from(own_ns)) as f64;
        let anchor = Anchor { lead_ns, error_ns: error_ns?.saturating_add(late_ns) as f64 };
        (anchor.error_ns <= WORST_ANCHOR_NS).then_some(anchor)
    }

    /// What others say, each once, with how often it was passed on. Who is called wrong is not asked; who says nothing of use must
    /// not stand before those who do because it is nearer to a source.
    fn heard_anchors(&self, own: bool, now_ns: u64, own_ns: i64) -> Vec<Witness> {
        let another = |known: &Known| !(own && known.origin == self.settings.origin);
        let heard = self.table.iter().enumerate().filter_map(|(place, peer)| {
            let known = peer.known.as_ref()?;
            (another(known) && known.suspicion < SUSPECT && heard_anchor(known).is_some()).then_some((place, known))
        });
        let round_ns = self.settings.tuning.round_ns as f64;
        let witness = |known: &Known| {
            let (hops, anchor) = heard_anchor(known)?;
            Some(Witness { hops, anchor, span_ns: heard_span(known, now_ns, own_ns, round_ns)? })
        };
        one_of_each(heard.collect()).into_iter().filter_map(|(_, known)| witness(known)).collect()
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

/// What a member says of UTC: where it was at an H of its own. Its clock may slew and jump after that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    h_ns: u64,
    utc_ns: i64,
    error_ns: u64,
    hops: u8,
}

impl Said {
    /// The same in a packet that is sent at this H, when its clock shows so much.
    pub(super) fn at(&self, sent_ns: u64, shown_ns: i64) -> packet::Anchor {
        let since_ns = i128::from(sent_ns) - i128::from(self.h_ns);
        let offset_ns = i128::from(self.utc_ns) + since_ns - i128::from(shown_ns);
        let offset_ns = offset_ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        packet::Anchor { offset_ns, error_ns: self.error_ns, hops: self.hops }
    }
}

/// Who says where UTC is: what to slew by, and where it lies for certain, less this member's clock.
struct Witness {
    hops: u8,
    anchor: Anchor,
    span_ns: (f64, f64),
}

fn span(anchor: Anchor) -> (f64, f64) {
    (anchor.lead_ns - anchor.error_ns, anchor.lead_ns + anchor.error_ns)
}

/// Where UTC lies, if the peer was right when it said so. From there on by its oscillator: whatever its clock has done since.
fn heard_span(known: &Known, now_ns: u64, own_ns: i64, round_ns: f64) -> Option<(f64, f64)> {
    let (said, estimate) = (known.anchor?, known.filter.estimate(now_ns)?);
    let line = &known.published;
    let age_ns = now_ns.wrapping_add_signed(estimate.offset_ns).saturating_sub(line.h0_ns);
    let utc_ns = i128::from(line.l0_ns) + i128::from(said.offset_ns) + i128::from(age_ns);
    // Known at the beginning of a round, and sent before it ended, or the next one where it was late.
    let drifted_ns = DRIFT * (age_ns as f64 + ROUNDS * round_ns);
    let error_ns = said.error_ns as f64 + CAUTION * estimate.error_ns + drifted_ns;
    Some(span(Anchor { lead_ns: (utc_ns - i128::from(own_ns)) as f64, error_ns }))
}
