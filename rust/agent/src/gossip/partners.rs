//! Whom to ask: a few partners out of many candidates, in turn, and another one from time to time.
//!
//! Partners that stay for a while make better measurements than ever new ones (the best of many samples counts), and cost the
//! same in a flock of ten and of ten thousand; replacing them one by one keeps the whole mixed. Partners that fell silent are
//! tried again, one a round, for a while: so a network that was cut grows together again in seconds.

use std::net::SocketAddr;

use super::peer::Route;
use super::settings::MAX_PEERS;

/// A partner stays for about this many rounds times the number of partners.
const REPLACE_ROUNDS: u64 = 16;
/// So many requests without an answer, and another partner is tried.
const PATIENCE: u32 = 4;
/// A partner that fell silent is tried again for so many rounds.
const FORGET_LOST_ROUNDS: u64 = 3600;
/// This member's own address is asked again after so many rounds: it may be somebody else's by then.
const AVOID_ROUNDS: u64 = 3600;

#[derive(Clone, Copy, Debug)]
struct Partner {
    address: SocketAddr,
    since: u64,
    unanswered: u32,
}

#[derive(Clone, Copy, Debug)]
struct Lost {
    partner: Partner,
    round: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Partners {
    candidates: Vec<SocketAddr>,
    chosen: Vec<Partner>,
    /// Who is still to be asked before everybody is asked again.
    queue: Vec<SocketAddr>,
    /// Partners that fell silent, oldest first, as many as there are partners.
    lost: Vec<Lost>,
    /// Candidates that were found to be this member itself, and when.
    own: Vec<(SocketAddr, u64)>,
    limit: usize,
}

impl Partners {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Replaces the candidates; partners that are no longer among them go.
    pub(super) fn set(&mut self, candidates: &[SocketAddr]) {
        let mut sorted = candidates.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.truncate(MAX_PEERS);
        self.own.retain(|(address, _)| sorted.binary_search(address).is_ok());
        sorted.retain(|address| self.own.iter().all(|(own, _)| own != address));
        self.chosen.retain(|partner| sorted.binary_search(&partner.address).is_ok());
        self.lost.retain(|lost| sorted.binary_search(&lost.partner.address).is_ok());
        self.queue.retain(|address| sorted.binary_search(address).is_ok());
        self.candidates = sorted;
    }

    /// This address is the member's own: for an hour of rounds it is not asked.
    pub(super) fn avoid(&mut self, address: SocketAddr, round: u64) {
        let Ok(place) = self.candidates.binary_search(&address) else { return };
        self.candidates.remove(place);
        self.own.push((address, round));
        self.chosen.retain(|partner| partner.address != address);
        self.lost.retain(|lost| lost.partner.address != address);
        self.queue.retain(|queued| *queued != address);
    }

    /// The addresses to ask this round, at most `fanout`, each at most once.
    pub(super) fn ask(&mut self, round: u64, fanout: usize, random: &mut impl FnMut() -> u64) -> Vec<SocketAddr> {
        self.renew(round, random);
        let lost = self.next_lost(round, fanout);
        let count = (fanout - usize::from(lost.is_some())).min(self.chosen.len());
        let mut asked: Vec<SocketAddr> = Vec::with_capacity(count);
        while asked.len() < count {
            if self.queue.is_empty() {
                self.queue = self.chosen.iter().map(|partner| partner.address).collect();
            }
            let place = below(self.queue.len(), random);
            let address = self.queue.swap_remove(place);
            if !asked.contains(&address) && self.is_partner(address) {
                asked.push(address);
            }
        }
        for partner in self.chosen.iter_mut().filter(|partner| asked.contains(&partner.address)) {
            partner.unanswered += 1;
        }
        asked.extend(lost);
        asked
    }

    /// A silent one whose turn it is, where there is more than one request to send.
    fn next_lost(&mut self, round: u64, fanout: usize) -> Option<SocketAddr> {
        self.lost.retain(|lost| round - lost.round < FORGET_LOST_ROUNDS);
        if fanout < 2 || self.lost.is_empty() {
            return None;
        }
        Some(self.lost[(round % self.lost.len() as u64) as usize].partner.address)
    }

    /// Somebody was heard. A partner that was lost is one again, in the place of the latest one.
    pub(super) fn answered(&mut self, address: SocketAddr) {
        if let Some(partner) = self.chosen.iter_mut().find(|partner| partner.address == address) {
            partner.unanswered = 0;
            return;
        }
        let Some(place) = self.lost.iter().position(|lost| lost.partner.address == address) else { return };
        let returned = Partner { unanswered: 0, ..self.lost.remove(place).partner };
        if self.chosen.len() >= self.limit
            && let Some(latest) = (0..self.chosen.len()).max_by_key(|&place| self.chosen[place].since)
        {
            self.chosen.swap_remove(latest);
        }
        self.chosen.push(returned);
    }

    /// Whom this member asks of its own accord: strangers do not push them out.
    pub(super) fn keeps(&self, route: &Route) -> bool {
        match route {
            Route::Address(address) => self.is_partner(*address),
            Route::Label(_) => true,
            Route::Caller { .. } => false,
        }
    }

    pub(super) fn is_partner(&self, address: SocketAddr) -> bool {
        self.chosen.iter().any(|partner| partner.address == address)
    }

    /// Whether it is a partner, or was one and is still tried.
    pub(super) fn is_wanted(&self, address: SocketAddr) -> bool {
        self.is_partner(address) || self.lost.iter().any(|lost| lost.partner.address == address)
    }

    /// What was this member's own address is a candidate again.
    fn reconsider(&mut self, round: u64) {
        while let Some(&(address, since)) = self.own.first()
            && round - since >= AVOID_ROUNDS
        {
            self.own.remove(0);
            if let Err(place) = self.candidates.binary_search(&address) {
                self.candidates.insert(place, address);
            }
        }
    }

    fn renew(&mut self, round: u64, random: &mut impl FnMut() -> u64) {
        self.reconsider(round);
        if self.candidates.len() > self.chosen.len() {
            let (stay, silent): (Vec<Partner>, Vec<Partner>) =
                self.chosen.iter().partition(|partner| partner.unanswered < PATIENCE);
            self.chosen = stay;
            self.lost.extend(silent.into_iter().map(|partner| Lost { partner, round }));
            let surplus = self.lost.len().saturating_sub(self.limit);
            self.lost.drain(..surplus);
            if self.chosen.len() == self.limit && round.is_multiple_of(REPLACE_ROUNDS) {
                let oldest = (0..self.chosen.len()).min_by_key(|&place| self.chosen[place].since);
                oldest.map(|place| self.chosen.swap_remove(place));
            }
        }
        while self.chosen.len() < self.limit.min(self.candidates.len()) {
            let address = self.candidates[below(self.candidates.len(), random)];
            if !self.is_partner(address) {
                self.lost.retain(|lost| lost.partner.address != address);
                self.chosen.push(Partner { address, since: round, unanswered: 0 });
            }
        }
    }
}

fn below(limit: usize, random: &mut impl FnMut() -> u64) -> usize {
    (random() % limit as u64) as usize
}
