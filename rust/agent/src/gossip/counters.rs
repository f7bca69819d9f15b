//! What came in and what became of it. Every datagram is counted exactly once as accepted or under one reason.

use super::packet::Refusal;

/// Counts since the machine was made. Plain numbers: the machine is driven by one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams and headers that came in.
    pub received: u64,
    /// Taken: authentic, fresh, from a peer that has proven to be there.
    pub accepted: u64,
    /// Of a wrong length, or no packet at all.
    pub malformed: u64,
    /// Of another major version.
    pub version: u64,
    /// Without a signature, though this member has keys.
    pub unauthenticated: u64,
    /// Signed with a key that this member does not have.
    pub unknown_key: u64,
    /// With a wrong signature.
    pub forged: u64,
    /// Seen before, or older than what was seen.
    pub replayed: u64,
    /// Authentic, but from a sender that has not proven to be there now: answered at most, never believed.
    pub unproven: u64,
    /// This member's own packets, come back.
    pub own: u64,
    /// Addresses among the peers that were found to be this member's own, and are asked no more.
    pub own_addresses: u64,
    /// Packets of any kind that were sent.
    pub sent: u64,
    /// Answers to unproven requests that were held back: there is a limit for each round.
    pub unanswered: u64,
    /// Exchanges completed.
    pub samples: u64,
    /// Exchanges that cannot have been.
    pub impossible: u64,
    /// Times that an oscillator, a peer's or this one's, was found to have jumped.
    pub oscillator_jumps: u64,
    /// Times that this member's own oscillator went back.
    pub backward_raw: u64,
    /// Rounds.
    pub rounds: u64,
    /// Rounds without a quorum.
    pub rounds_without_quorum: u64,
    /// Jumps of the disciplined clock.
    pub jumps: u64,
    /// Peers forgotten to make room for others.
    pub evicted: u64,
}

impl Counters {
    /// Each with its name, in the order above.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("received", self.received),
            ("accepted", self.accepted),
            ("malformed", self.malformed),
            ("version", self.version),
            ("unauthenticated", self.unauthenticated),
            ("unknown_key", self.unknown_key),
            ("forged", self.forged),
            ("replayed", self.replayed),
            ("unproven", self.unproven),
            ("own", self.own),
            ("own_addresses", self.own_addresses),
            ("sent", self.sent),
            ("unanswered", self.unanswered),
            ("samples", self.samples),
            ("impossible", self.impossible),
            ("oscillator_jumps", self.oscillator_jumps),
            ("backward_raw", self.backward_raw),
            ("rounds", self.rounds),
            ("rounds_without_quorum", self.rounds_without_quorum),
            ("jumps", self.jumps),
            ("evicted", self.evicted),
        ]
        .into_iter()
    }

    pub(super) fn refused(&mut self, refusal: Refusal) {
        *match refusal {
            Refusal::Length | Refusal::Magic | Refusal::Malformed { .. } => &mut self.malformed,
            Refusal::Version { .. } => &mut self.version,
            Refusal::UnknownKey { .. } => &mut self.unknown_key,
            Refusal::Unauthenticated => &mut self.unauthenticated,
            Refusal::Forged => &mut self.forged,
        } += 1;
    }
}
