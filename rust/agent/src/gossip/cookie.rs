//! Nonces for strangers: what proves that a sender is there now, without remembering that it ever asked.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::packet::Packet;

/// A cookie is good for this round and the next sixteen or so.
const PERIOD_ROUNDS: u64 = 16;

/// Makes nonces that only the receiver of this member's answer can echo, by a secret of its own and the time (the idea of SYN
/// cookies). A flood of strangers fills no table: remembered is only which of them have proven their senders, for as long as
/// they are good, and no more are handed out in that time than strangers are answered.
#[derive(Clone)]
pub(super) struct CookieJar {
    mac: Hmac<Sha256>,
    /// The round and the cookie, oldest first.
    spent: VecDeque<(u64, u64)>,
}

impl CookieJar {
    pub(super) fn new(secret: [u64; 4]) -> Self {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(secret) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        #[allow(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mac = Hmac::new_from_slice(&bytes).expect("HMAC takes a key of 32 bytes");
        Self { mac, spent: VecDeque::new() }
    }

    /// `begun`: how often somebody has proven to be at this address, as far as is known; what proved the one before proves nothing
    /// any more.
    pub(super) fn nonce(&self, from: SocketAddr, packet: &Packet, begun: u64, round: u64) -> u64 {
        self.of_period(from, packet, begun, round / PERIOD_ROUNDS)
    }

    /// Whether it was made for this sender, in this period or the one before, and proves it for the first time: a recording of the
    /// packet that did proves nothing, also where its sender had to make room for others since.
    pub(super) fn spend(&mut self, nonce: u64, from: SocketAddr, packet: &Packet, begun: u64, round: u64) -> bool {
        let period = round / PERIOD_ROUNDS;
        let made = nonce != 0
            && (nonce == self.of_period(from, packet, begun, period)
                || (period > 0 && nonce == self.of_period(from, packet, begun, period - 1)));
        if !made {
            return false;
        }
        while self.spent.front().is_some_and(|&(spent_round, _)| spent_round + 2 * PERIOD_ROUNDS <= round) {
            self.spent.pop_front();
        }
        if self.spent.iter().any(|&(_, spent)| spent == nonce) {
            return false;
        }
        self.spent.push_back((round, nonce));
        true
    }

    fn of_period(&self, from: SocketAddr, packet: &Packet, begun: u64, period: u64) -> u64 {
        let mut mac = self.mac.clone();
        match from.ip() {
            IpAddr::V4(ip) => mac.update(&ip.octets()),
            IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&from.port().to_be_bytes());
        mac.update(&packet.node.to_be_bytes());
        mac.update(&packet.incarnation.to_be_bytes());
        mac.update(&begun.to_be_bytes());
        mac.update(&period.to_be_bytes());
        let tag = mac.finalize().into_bytes();
        let nonce = tag.iter().take(8).fold(0, |nonce, &byte| nonce << 8 | u64::from(byte));
        nonce.max(1) // zero means none
    }
}
