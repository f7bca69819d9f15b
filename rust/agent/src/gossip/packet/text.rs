//! A packet as an HTTP header.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{MAX_SIZE, Refusal};

/// The most characters of a packet as text.
pub const MAX_TEXT: usize = MAX_SIZE.div_ceil(3) * 4 - 2;

/// A packet as text: base64url without padding, 224 characters for a packet of this version.
pub fn to_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that a text holds, written into `room`. They are as untrusted as the text was.
///
/// # Errors
///
/// [`Refusal::Length`] for more than [`MAX_TEXT`] characters, before anything is decoded, and [`Refusal::Malformed`] for a
/// character outside of the alphabet (white space and padding are), for a length that no bytes have, and for a last character
/// with bits that belong to no byte: each packet has one text only.
pub fn from_text<'a>(text: &str, room: &'a mut [u8; MAX_SIZE]) -> Result<&'a [u8], Refusal> {
    if text.len() > MAX_TEXT {
        return Err(Refusal::Length);
    }
    let length = URL_SAFE_NO_PAD.decode_slice(text, room).map_err(|_| Refusal::Malformed { field: "text" })?;
    Ok(&room[..length])
}
