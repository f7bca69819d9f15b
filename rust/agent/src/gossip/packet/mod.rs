//! What members say to each other: one packet of constant size, as bytes and as text. Numbers in, bytes out; no I/O, no clock.
//!
//! A packet is judged in three stages, cheapest first, and each has its [`Refusal`]s: the frame (length, magic, version),
//! the tag (see [`Keyring`](super::keyring::Keyring)), the fields. Nothing allocates but [`to_text`].

mod codec;
mod refusal;
mod text;

use flocktime_core::Timestamp;
pub use flocktime_core::flocking::State;
use flocktime_core::layout::MAX_NODE;

pub use codec::{decode, encode};
pub use refusal::Refusal;
pub use text::{MAX_TEXT, from_text, to_text};

pub(super) use codec::{Frame, KEY_ID_AT};

/// The major version that is spoken here. Another one is refused.
pub const MAJOR: u8 = 1;
/// The minor version that is written here. A higher one is read: its appended fields are skipped.
pub const MINOR: u8 = 0;
/// Bytes of a packet of this version.
pub const SIZE: usize = 168;
/// The most bytes that a packet of this major version may have, whatever its minor version appends.
pub const MAX_SIZE: usize = 256;
/// Bytes of the tag, always the last ones.
pub const TAG_SIZE: usize = 16;
/// The largest rate correction `y`, either way, dimensionless.
pub const MAX_Y: f64 = 0.001;
/// The largest phase slew `s`, either way, dimensionless.
pub const MAX_S: f64 = 0.06;
/// The largest slow slew `u` towards UTC, either way, dimensionless.
pub const MAX_U: f64 = 0.001;

/// The error of an anchor that is none.
const NO_ANCHOR: u64 = u64::MAX;

/// What a packet asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Please answer.
    Request = 1,
    /// The answer to a request, whose nonce it echoes.
    Reply = 2,
    /// Asks for nothing: it rides on a message that is sent anyway.
    Note = 3,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Request),
            2 => Some(Self::Reply),
            3 => Some(Self::Note),
            _ => None,
        }
    }
}

/// The state that a byte stands for: see [`State`]'s numbers.
const fn state_of(byte: u8) -> Option<State> {
    match byte {
        0 => Some(State::Alone),
        1 => Some(State::Joining),
        2 => Some(State::Undecided),
        3 => Some(State::Synchronised),
        4 => Some(State::Degraded),
        5 => Some(State::Monitoring),
        _ => None,
    }
}

/// A member's estimate of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// UTC minus the sender's L, in nanoseconds.
    pub offset_ns: i64,
    /// How far that may be off, in nanoseconds; below `u64::MAX`, which says that there is no anchor.
    pub error_ns: u64,
    /// How often it was passed on: zero for the sender's own OS clock.
    pub hops: u8,
}

/// Proof that a packet arrived, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// The nonce of the packet that arrived, not 0.
    pub nonce: u64,
    /// When it arrived, in nanoseconds of the H of who sends the echo.
    pub received_ns: u64,
}

/// Everything that a packet says. The key and the tag are the [`Keyring`](super::keyring::Keyring)'s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Packet {
    /// What it asks for.
    pub kind: Kind,
    /// The sender's state.
    pub state: State,
    /// Who sends, 48 bits: the node of its timestamps.
    pub node: u64,
    /// Which life of the sender: another one after every start.
    pub incarnation: u64,
    /// The sender's identity over restarts.
    pub origin: u64,
    /// Counts up from 1 within an incarnation.
    pub sequence: u64,
    /// Random, not 0: what the peer echoes.
    pub nonce: u64,
    /// The sender's H when it sent, in nanoseconds.
    pub tx_h_ns: u64,
    /// The sender's L at that H, in nanoseconds since 1970.
    pub tx_l_ns: i64,
    /// The sender's rate correction, at most [`MAX_Y`] either way.
    pub y: f64,
    /// The sender's phase slew, at most [`MAX_S`] either way.
    pub s: f64,
    /// The sender's slow slew, at most [`MAX_U`] either way.
    pub u: f64,
    /// How far the sender's L may be off, in nanoseconds. For people who look at packets: a reader goes by what it measures.
    pub error_ns: u64,
    /// The sender's estimate of UTC, where it has one.
    pub anchor: Option<Anchor>,
    /// The peer's latest packet, where one has arrived.
    pub echo: Option<Echo>,
    /// The sender has been synchronised at some time in this incarnation. For people who look at packets: nothing follows from it.
    pub synchronised_once: bool,
    /// The sender's hybrid timestamp.
    pub stamp: Timestamp,
}

/// The limits that writing and reading share.
fn check(packet: &Packet) -> Result<(), Refusal> {
    // A NaN is within no bound.
    let within = |value: f64, bound: f64| value.abs() <= bound;
    let field = match packet {
        _ if packet.node > MAX_NODE => "node",
        _ if packet.sequence == 0 => "sequence",
        _ if packet.nonce == 0 => "nonce",
        _ if !within(packet.y, MAX_Y) => "y",
        _ if !within(packet.s, MAX_S) => "s",
        _ if !within(packet.u, MAX_U) => "u",
        Packet { anchor: Some(Anchor { error_ns: NO_ANCHOR, .. }), .. } => "anchor",
        Packet { echo: Some(Echo { nonce: 0, .. }), .. } => "echo",
        _ => return Ok(()),
    };
    Err(Refusal::Malformed { field })
}
