//! Who may speak: packets are signed with one key and read with any of a few, so that keys change without a gap.
//!
//! The tag is HMAC-SHA-256 (RFC 2104, FIPS 198-1) over everything before it, cut to its leftmost 128 bits (SP 800-107). It says
//! that somebody who has the key wrote these bytes, to anybody and at any time: that they are new and meant for this member
//! is the business of the [`ReplayWindow`](super::replay::ReplayWindow) and of the echoed nonces.

mod key;
#[cfg(test)]
mod rfc4231;

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::packet::{Frame, KEY_ID_AT, MAX_SIZE, Packet, Refusal, SIZE, TAG_SIZE};

pub use key::{FRESH_SECRET, Key, KeyError, MAX_SECRET, MIN_SECRET};

/// The most keys that a keyring holds.
pub const MAX_KEYS: usize = 16;

/// The keys of a member: it signs with one and reads with all. Without keys it signs nothing and demands nothing.
///
/// To change keys without a gap: give every member the new key beside the old one; then let every member sign with the new one;
/// then take the old one away.
///
/// It never changes, so threads may share it.
#[derive(Clone)]
pub struct Keyring {
    /// Index of the key to sign with.
    signing: usize,
    /// Empty: open to everybody. The state of each already holds the secret's block, and is cloned for each packet.
    keys: Vec<(u16, Hmac<Sha256>)>,
}

impl Keyring {
    /// No keys: packets are neither signed nor, on arrival, allowed to be.
    pub const fn without_keys() -> Self {
        Self { signing: 0, keys: Vec::new() }
    }

    /// Signs with the key `signing`, reads with all of `keys`.
    ///
    /// # Errors
    ///
    /// [`KeyError::TooMany`], [`KeyError::Duplicate`], or [`KeyError::NoSigningKey`], which no keys at all are as well.
    pub fn new(signing: u16, keys: &[Key]) -> Result<Self, KeyError> {
        if keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany { count: keys.len() });
        }
        for (i, key) in keys.iter().enumerate() {
            if keys[..i].iter().any(|other| other.id() == key.id()) {
                return Err(KeyError::Duplicate { id: key.id() });
            }
        }
        let index = keys.iter().position(|key| key.id() == signing).ok_or(KeyError::NoSigningKey { id: signing })?;
        let keys = keys.iter().map(|key| Ok((key.id(), keyed(key.secret(), key.id())?))).collect::<Result<_, _>>()?;
        Ok(Self { signing: index, keys })
    }

    /// The id that this member signs with; `None` without keys.
    pub fn signing_id(&self) -> Option<u16> {
        self.keys.get(self.signing).map(|&(id, _)| id)
    }

    /// Whether packets have to be signed.
    pub fn demands_signatures(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Writes key id and tag into an encoded packet, over what was there. Without keys, both become zero.
    ///
    /// `N` is checked when this is compiled: no packet has another length.
    pub fn seal<const N: usize>(&self, packet: &mut [u8; N]) {
        const { assert!(N >= SIZE && N <= MAX_SIZE, "no packet has this length") };
        let (id, mac) = self.keys.get(self.signing).map_or((0, None), |(id, mac)| (*id, Some(mac)));
        packet[KEY_ID_AT..KEY_ID_AT + 2].copy_from_slice(&id.to_be_bytes());
        let (body, tag) = packet.split_at_mut(N - TAG_SIZE);
        match mac {
            Some(mac) => tag.copy_from_slice(&tag_of(mac, body)),
            None => tag.fill(0),
        }
    }

    /// Judges who wrote a packet, in time that does not depend on where a tag is wrong. Of its fields nothing is looked at but
    /// magic, version and key id.
    ///
    /// # Errors
    ///
    /// The frame's [`Refusal`] first ([`Refusal::Length`], [`Refusal::Magic`], [`Refusal::Version`]). With keys:
    /// [`Refusal::Unauthenticated`] for key id 0, [`Refusal::UnknownKey`] for one that is not here, [`Refusal::Forged`] for a tag
    /// that is wrong. Without keys: [`Refusal::UnknownKey`] for a signed packet, [`Refusal::Malformed`] for one with a tag
    /// and no key.
    pub fn open<'a>(&self, bytes: &'a [u8]) -> Result<Opened<'a>, Refusal> {
        let frame = Frame::of(bytes)?;
        let id = frame.key_id();
        if id == 0 {
            if self.demands_signatures() {
                return Err(Refusal::Unauthenticated);
            }
            if *frame.tag != [0; TAG_SIZE] {
                return Err(Refusal::Malformed { field: "tag" });
            }
            return Ok(Opened { frame });
        }
        let (_, mac) = self.keys.iter().find(|key| key.0 == id).ok_or(Refusal::UnknownKey { id })?;
        let judged = mac.clone().chain_update(frame.body).verify_truncated_left(frame.tag);
        judged.map(|()| Opened { frame }).map_err(|_| Refusal::Forged)
    }
}

/// The state of a MAC that has taken in the secret's block.
fn keyed(secret: &[u8], id: u16) -> Result<Hmac<Sha256>, KeyError> {
    // The crate takes every length; a key of its own has been checked already.
    Hmac::new_from_slice(secret).map_err(|_| KeyError::SecretLength { id, length: secret.len() })
}

fn tag_of(mac: &Hmac<Sha256>, body: &[u8]) -> [u8; TAG_SIZE] {
    let whole = mac.clone().chain_update(body).finalize().into_bytes();
    core::array::from_fn(|i| whole[i])
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u16> = self.keys.iter().map(|&(id, _)| id).collect();
        write!(f, "Keyring {{ signs with: {:?}, reads: {ids:?} }}", self.signing_id())
    }
}

/// A packet that a [`Keyring`] lets in, and only a keyring makes one.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'a> {
    frame: Frame<'a>,
}

impl<'a> Opened<'a> {
    /// The key that it was signed with; 0 where there are no keys. Once nobody signs with an old key, it can go.
    pub fn key_id(self) -> u16 {
        self.frame.key_id()
    }

    /// Everything that the tag covers: fields of this version and what a higher minor version appended.
    pub fn body(self) -> &'a [u8] {
        self.frame.body
    }

    /// What it says.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`] naming the first field that cannot be.
    pub fn decode(self) -> Result<Packet, Refusal> {
        self.frame.decode()
    }
}
