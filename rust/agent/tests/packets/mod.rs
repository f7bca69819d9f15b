//! Packets and keys that several tests share.

use flocktime_agent::gossip::keyring::{Key, Keyring};
use flocktime_agent::gossip::packet::{Anchor, Echo, Kind, MAX_S, MAX_U, MAX_Y, Packet, State};
use flocktime_core::Timestamp;
use proptest::prelude::*;

pub(crate) const KINDS: [Kind; 3] = [Kind::Request, Kind::Reply, Kind::Note];
pub(crate) const STATES: [State; 6] =
    [State::Alone, State::Joining, State::Undecided, State::Synchronised, State::Degraded, State::Monitoring];

/// An ordinary packet in which no field is what it is by default.
pub(crate) fn sample(kind: Kind) -> Packet {
    Packet {
        kind,
        state: State::Synchronised,
        node: 0x0123_4567_89ab,
        incarnation: 0xfeed_0000_0000_0001,
        origin: 0x0011_2233_4455_6677,
        sequence: 42,
        nonce: 0x8899_aabb_ccdd_eeff,
        tx_h_ns: 123_456_789_012,
        tx_l_ns: 1_795_399_074_123_456_789,
        y: -0.000_012_5,
        s: 0.000_25,
        u: -0.000_03,
        error_ns: 85_000,
        anchor: Some(Anchor { offset_ns: -1_250_000, error_ns: 2_000_000, hops: 0 }),
        echo: Some(Echo { nonce: 0x1020_3040_5060_7080, received_ns: 123_456_700_000 }),
        synchronised_once: true,
        stamp: Timestamp::new(1_795_399_074_123_456, 7, 0x0123_4567_89ab, 3).expect("fields that fit"),
    }
}

prop_compose! {
    /// Every packet that may be sent.
    pub(crate) fn any_packet()(
        kind in prop::sample::select(KINDS.as_slice()),
        state in prop::sample::select(STATES.as_slice()),
        (node, incarnation, origin) in (0_u64..1 << 48, any::<u64>(), any::<u64>()),
        (sequence, nonce) in (1_u64.., 1_u64..),
        (tx_h_ns, tx_l_ns, error_ns) in (any::<u64>(), any::<i64>(), any::<u64>()),
        (y, s, u) in (-MAX_Y..=MAX_Y, -MAX_S..=MAX_S, -MAX_U..=MAX_U),
        anchor in prop::option::of((any::<i64>(), 0..u64::MAX, any::<u8>())),
        echo in prop::option::of((1_u64.., any::<u64>())),
        (synchronised_once, stamp) in (any::<bool>(), any::<u128>()),
    ) -> Packet {
        Packet {
            kind, state, node, incarnation, origin, sequence, nonce, tx_h_ns, tx_l_ns, y, s, u, error_ns,
            anchor: anchor.map(|(offset_ns, error_ns, hops)| Anchor { offset_ns, error_ns, hops }),
            echo: echo.map(|(nonce, received_ns)| Echo { nonce, received_ns }),
            synchronised_once,
            stamp: Timestamp::from_u128(stamp),
        }
    }
}

/// A key whose secret is one byte, many times.
pub(crate) fn key(id: u16, byte: u8) -> Key {
    Key::new(id, &[byte; 32]).expect("a good key")
}

/// Signs with the first of these ids and reads with all; key N has the bytes N.
pub(crate) fn ring(ids: &[u16]) -> Keyring {
    let keys: Vec<Key> = ids.iter().map(|&id| key(id, id as u8)).collect();
    Keyring::new(ids[0], &keys).expect("good keys")
}
