use std::net::SocketAddr;

use flocktime_agent::gossip::keyring::Keyring;
use flocktime_agent::gossip::packet::{Echo, Kind, Packet, State};
use flocktime_core::Timestamp;

use super::{START_NS, Village, seal};

/// Somebody with or without the key who says what it likes.
pub struct Insider {
    pub address: SocketAddr,
    pub keyring: Keyring,
    pub packet: Packet,
}

impl Insider {
    pub fn new(address: SocketAddr, keyring: &Keyring, id: u64) -> Self {
        let packet = Packet {
            kind: Kind::Request,
            state: State::Synchronised,
            node: id,
            incarnation: id + 1,
            origin: id + 2,
            sequence: 0,
            nonce: id + 3,
            tx_h_ns: 1_000_000_000_000,
            tx_l_ns: START_NS,
            y: 0.0,
            s: 0.0,
            u: 0.0,
            error_ns: 1000,
            anchor: None,
            echo: None,
            synchronised_once: true,
            stamp: Timestamp::from_u128(9 << 64),
        };
        Self { address, keyring: keyring.clone(), packet }
    }

    /// The next packet's bytes, with this echo.
    pub fn says(&mut self, kind: Kind, nonce: Option<u64>) -> Vec<u8> {
        self.packet.kind = kind;
        self.packet.sequence += 1;
        self.packet.nonce += 1;
        self.packet.echo = nonce.map(|nonce| Echo { nonce, received_ns: self.packet.tx_h_ns });
        seal(&self.keyring, &self.packet)
    }

    /// Hands a packet over and returns what came back.
    pub fn tell(&mut self, village: &mut Village, to: usize, kind: Kind, nonce: Option<u64>) -> Option<Packet> {
        let bytes = self.says(kind, nonce);
        let answers = village.answers(village.now_ns, self.address, super::address(to), &bytes);
        assert!(answers.len() <= 1, "more than one answer, {}", village.told());
        answers.first().map(|(to, bytes)| {
            assert_eq!(*to, self.address, "{}", village.told());
            self.keyring.open(bytes).unwrap().decode().unwrap()
        })
    }
}
