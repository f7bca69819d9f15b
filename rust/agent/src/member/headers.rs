//! Riding on messages that services send anyway.

use super::config::Unavailable;
use super::shared::Core;
use super::standing::Member;
use crate::gossip::{HeaderRefusal, TakenHeader};

/// The longest name that a header's receiver may be given, bytes.
pub const MAX_LABEL: usize = 255;

/// Why there is no header, or why one was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The member does nothing.
    Unavailable(Unavailable),
    /// The receiver's name is empty, or longer than [`MAX_LABEL`] bytes.
    Label {
        /// Its bytes.
        length: usize,
    },
    /// The header was refused.
    Refused(HeaderRefusal),
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) => why.fmt(f),
            Self::Label { length } => {
                write!(f, "a peer's name has 1 to {MAX_LABEL} bytes, this one {length}")
            }
            Self::Refused(HeaderRefusal::Refused(refusal)) => refusal.fmt(f),
            Self::Refused(HeaderRefusal::Replayed) => f.write_str("seen before"),
            Self::Refused(HeaderRefusal::Own) => f.write_str("this member's own, come back"),
            Self::Refused(HeaderRefusal::NotReceived) => f.write_str("there is nothing to reply to"),
        }
    }
}

impl std::error::Error for HeaderError {}

impl From<Unavailable> for HeaderError {
    fn from(why: Unavailable) -> Self {
        Self::Unavailable(why)
    }
}

/// Headers. Each call holds the member's lock for microseconds; none waits for the network.
impl Member {
    /// A header for a message to whom this process calls `label`. It asks for nothing; the header of the answer completes a
    /// measurement. Make it as late as possible: what lies between this and the message's departure is measured as delay.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Label`], or [`HeaderError::Unavailable`].
    pub fn header(&self, label: &str) -> Result<String, HeaderError> {
        if label.is_empty() || label.len() > MAX_LABEL {
            return Err(HeaderError::Label { length: label.len() });
        }
        let mut core = self.shared.running()?;
        let Core { machine, world } = &mut *core;
        Ok(machine.header(label, world))
    }

    /// Takes a header in that came at this H of [`Member::raw_ns`]; `None`: now. Its timestamp is the caller's to merge.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Refused`], counted, with nothing changed; or [`HeaderError::Unavailable`].
    pub fn take_header(&self, text: &str, received_ns: Option<u64>) -> Result<TakenHeader, HeaderError> {
        let received_ns = received_ns.unwrap_or_else(|| self.raw_ns());
        let mut core = self.shared.running()?;
        let Core { machine, world } = &mut *core;
        machine.take_header(text, received_ns, world).map_err(HeaderError::Refused)
    }

    /// The header of the answer to a message whose header was taken in.
    ///
    /// # Errors
    ///
    /// [`HeaderError::Refused`]: it was not taken in, too long ago, or the sender is one of too many strangers; or
    /// [`HeaderError::Unavailable`].
    pub fn reply_header(&self, text: &str) -> Result<String, HeaderError> {
        let mut core = self.shared.running()?;
        let Core { machine, world } = &mut *core;
        machine.reply_header(text, world).map_err(HeaderError::Refused)
    }
}
