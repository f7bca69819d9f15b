//! Why something is not taken for a packet.

use core::fmt;

use super::{MAJOR, MAX_SIZE, SIZE};

/// Why bytes or text were not taken for a packet. Nothing has changed but a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Too short, too long, or not as long as its minor version is.
    Length,
    /// Not a packet of this protocol.
    Magic,
    /// Another major version.
    Version {
        /// The one it is of.
        major: u8,
    },
    /// A field, or the text as a whole, has a value that it cannot have.
    Malformed {
        /// Which: a name of the table in `docs/wire-format.md`, or `text`.
        field: &'static str,
    },
    /// Signed with a key that is not among ours.
    UnknownKey {
        /// The one it names.
        id: u16,
    },
    /// Not signed, where keys are configured.
    Unauthenticated,
    /// The tag does not belong to these bytes.
    Forged,
}

impl Refusal {
    /// The name of its counter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Magic => "magic",
            Self::Version { .. } => "version",
            Self::Malformed { .. } => "malformed",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Unauthenticated => "unauthenticated",
            Self::Forged => "forged",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "no packet of {SIZE} to {MAX_SIZE} bytes has this length"),
            Self::Magic => f.write_str("not a packet of this protocol"),
            Self::Version { major } => write!(f, "a packet of major version {major}, {MAJOR} is spoken here"),
            Self::Malformed { field } => write!(f, "malformed packet: {field}"),
            Self::UnknownKey { id } => write!(f, "signed with the unknown key {id}"),
            Self::Unauthenticated => f.write_str("not signed, but keys are configured"),
            Self::Forged => f.write_str("the tag does not belong to the packet"),
        }
    }
}

impl core::error::Error for Refusal {}
