//! Fields to bytes and back.

use flocktime_core::Timestamp;

use super::{Anchor, Echo, Kind, MAJOR, MAX_SIZE, MINOR, NO_ANCHOR, Packet, Refusal, SIZE, TAG_SIZE, check, state_of};

/// Bytes of the fields of this version: everything but the tag.
const FIELDS: usize = SIZE - TAG_SIZE;
/// Where the key id begins.
pub(in crate::gossip) const KEY_ID_AT: usize = 6;
const MAGIC: [u8; 2] = *b"ft";
const SYNCHRONISED_ONCE: u64 = 1;
/// Where the anchor's hops begin, in the flags.
const HOPS: u32 = 8;

/// Where each field begins.
mod at {
    pub(super) const KIND: usize = 4;
    pub(super) const STATE: usize = 5;
    pub(super) const NODE: usize = 8;
    pub(super) const INCARNATION: usize = 16;
    pub(super) const ORIGIN: usize = 24;
    pub(super) const SEQUENCE: usize = 32;
    pub(super) const NONCE: usize = 40;
    pub(super) const TX_H: usize = 48;
    pub(super) const TX_L: usize = 56;
    pub(super) const Y: usize = 64;
    pub(super) const S: usize = 72;
    pub(super) const U: usize = 80;
    pub(super) const ERROR: usize = 88;
    pub(super) const ANCHOR: usize = 96;
    pub(super) const ANCHOR_ERROR: usize = 104;
    pub(super) const ECHO: usize = 112;
    pub(super) const ECHO_RECEIVED: usize = 120;
    pub(super) const FLAGS: usize = 128;
    pub(super) const STAMP: usize = 136;
}

/// The bytes of a packet, with key id 0 and a tag of zeros: what [`Keyring::seal`](crate::gossip::keyring::Keyring::seal) wants.
///
/// # Errors
///
/// [`Refusal::Malformed`] for a packet that no reader would take: what is encoded here, [`decode`] gives back.
pub fn encode(packet: &Packet) -> Result<[u8; SIZE], Refusal> {
    check(packet)?;
    let mut bytes = [0; SIZE];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &MAGIC);
    put(2, &[MAJOR, MINOR]);
    put(at::KIND, &[packet.kind as u8]);
    put(at::STATE, &[packet.state as u8]);
    put(at::NODE, &packet.node.to_be_bytes());
    put(at::INCARNATION, &packet.incarnation.to_be_bytes());
    put(at::ORIGIN, &packet.origin.to_be_bytes());
    put(at::SEQUENCE, &packet.sequence.to_be_bytes());
    put(at::NONCE, &packet.nonce.to_be_bytes());
    put(at::TX_H, &packet.tx_h_ns.to_be_bytes());
    put(at::TX_L, &packet.tx_l_ns.to_be_bytes());
    put(at::Y, &packet.y.to_be_bytes());
    put(at::S, &packet.s.to_be_bytes());
    put(at::U, &packet.u.to_be_bytes());
    put(at::ERROR, &packet.error_ns.to_be_bytes());
    let anchor = packet.anchor.unwrap_or(Anchor { offset_ns: 0, error_ns: NO_ANCHOR, hops: 0 });
    put(at::ANCHOR, &anchor.offset_ns.to_be_bytes());
    put(at::ANCHOR_ERROR, &anchor.error_ns.to_be_bytes());
    let echo = packet.echo.unwrap_or(Echo { nonce: 0, received_ns: 0 });
    put(at::ECHO, &echo.nonce.to_be_bytes());
    put(at::ECHO_RECEIVED, &echo.received_ns.to_be_bytes());
    let flags = u64::from(packet.synchronised_once) | (u64::from(anchor.hops) << HOPS);
    put(at::FLAGS, &flags.to_be_bytes());
    put(at::STAMP, &packet.stamp.to_be_bytes());
    Ok(bytes)
}

/// What a whole packet says. **Nothing is authenticated here**: what a network delivers goes through
/// [`Keyring::open`](crate::gossip::keyring::Keyring::open) first.
///
/// # Errors
///
/// The first [`Refusal`] of the frame, else [`Refusal::Malformed`] naming the first field that cannot be.
pub fn decode(bytes: &[u8]) -> Result<Packet, Refusal> {
    Frame::of(bytes)?.decode()
}

/// A packet whose length, magic and version are right. Nothing else is known about it.
#[derive(Clone, Copy, Debug)]
pub(in crate::gossip) struct Frame<'a> {
    /// The fields of this version.
    fields: &'a [u8; FIELDS],
    /// All that the tag covers.
    pub(in crate::gossip) body: &'a [u8],
    pub(in crate::gossip) tag: &'a [u8; TAG_SIZE],
}

impl<'a> Frame<'a> {
    /// Major versions may differ in everything else, so the magic and the version come before the length.
    pub(in crate::gossip) fn of(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let &[m, n, major, minor, ..] = bytes else { return Err(Refusal::Length) };
        if [m, n] != MAGIC {
            return Err(Refusal::Magic);
        }
        if major != MAJOR {
            return Err(Refusal::Version { major });
        }
        let longest = if minor > MINOR { MAX_SIZE } else { SIZE };
        let (body, tag) = bytes.split_last_chunk().filter(|_| bytes.len() <= longest).ok_or(Refusal::Length)?;
        Ok(Self { fields: body.first_chunk().ok_or(Refusal::Length)?, body, tag })
    }

    pub(in crate::gossip) fn key_id(self) -> u16 {
        u16::from_be_bytes(self.field(KEY_ID_AT))
    }

    pub(in crate::gossip) fn decode(self) -> Result<Packet, Refusal> {
        let word = |at: usize| u64::from_be_bytes(self.field(at));
        let malformed = |field| Refusal::Malformed { field };
        let hops = (word(at::FLAGS) >> HOPS) as u8;
        let anchor = Anchor { offset_ns: word(at::ANCHOR) as i64, error_ns: word(at::ANCHOR_ERROR), hops };
        let echo = Echo { nonce: word(at::ECHO), received_ns: word(at::ECHO_RECEIVED) };
        let packet = Packet {
            kind: Kind::from_byte(self.fields[at::KIND]).ok_or(malformed("kind"))?,
            state: state_of(self.fields[at::STATE]).ok_or(malformed("state"))?,
            node: word(at::NODE),
            incarnation: word(at::INCARNATION),
            origin: word(at::ORIGIN),
            sequence: word(at::SEQUENCE),
            nonce: word(at::NONCE),
            tx_h_ns: word(at::TX_H),
            tx_l_ns: word(at::TX_L) as i64,
            y: f64::from_bits(word(at::Y)),
            s: f64::from_bits(word(at::S)),
            u: f64::from_bits(word(at::U)),
            error_ns: word(at::ERROR),
            anchor: (anchor.error_ns != NO_ANCHOR).then_some(anchor),
            echo: (echo.nonce != 0).then_some(echo),
            synchronised_once: word(at::FLAGS) & SYNCHRONISED_ONCE != 0,
            stamp: Timestamp::from_be_bytes(self.field(at::STAMP)),
        };
        check(&packet)?;
        // An absent value has one form only, so that nothing can be said between the lines.
        if anchor.error_ns == NO_ANCHOR && anchor.offset_ns != 0 {
            return Err(malformed("anchor"));
        }
        if echo.nonce == 0 && echo.received_ns != 0 {
            return Err(malformed("echo"));
        }
        Ok(packet)
    }

    /// The bytes from `at` on; each caller's `at` is a constant that lies inside.
    fn field<const N: usize>(self, at: usize) -> [u8; N] {
        core::array::from_fn(|i| self.fields[at + i])
    }
}
