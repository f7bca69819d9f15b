//! Nonces for strangers: what proves that a sender is there now, without remembering that it ever asked.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::packet::Packet;
use super::peer::Route;

/// A cookie is good for this round and the next sixteen or so.
const PERIOD_ROUNDS: u64 = 16;

/// Makes nonces that only the receiver of this member's answer can echo, by a secret of its own and the time (the idea of SYN
/// cookies). A flood of strangers fills no table.
#[derive(Clone)]
pub(super) struct CookieJar(Hmac<Sha256>);

impl CookieJar {
    pub(super) fn new(secret: [u64; 4]) -> Self {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(secret) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
        Self(Hmac::new_from_slice(&bytes).expect("HMAC takes a key of 32 bytes"))
    }

    /// `begun`: how often somebody has proven to be at this route, so that each proof is used once.
    pub(super) fn nonce(&self, route: &Route, packet: &Packet, begun: u64, round: u64) -> u64 {
        self.of_period(route, packet, begun, round / PERIOD_ROUNDS)
    }

    /// Whether it was made for this sender, in this period or the one before.
    pub(super) fn made(&self, nonce: u64, route: &Route, packet: &Packet, begun: u64, round: u64) -> bool {
        let period = round / PERIOD_ROUNDS;
        nonce == self.of_period(route, packet, begun, period)
            || (period > 0 && nonce == self.of_period(route, packet, begun, period - 1))
    }

    fn of_period(&self, route: &Route, packet: &Packet, begun: u64, period: u64) -> u64 {
        let mut mac = self.0.clone();
        route.feed(&mut |bytes| mac.update(bytes));
        mac.update(&packet.node.to_be_bytes());
        mac.update(&packet.incarnation.to_be_bytes());
        mac.update(&begun.to_be_bytes());
        mac.update(&period.to_be_bytes());
        let tag = mac.finalize().into_bytes();
        let nonce = tag.iter().take(8).fold(0, |nonce, &byte| nonce << 8 | u64::from(byte));
        nonce.max(1) // zero means none
    }
}
