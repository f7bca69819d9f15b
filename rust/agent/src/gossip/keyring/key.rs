//! One key, as numbers and as text, and why it or a set of them is refused.

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::MAX_KEYS;

/// The shortest secret, in bytes.
pub const MIN_SECRET: usize = 16;
/// The longest secret, in bytes: one block of the hash, so that every bit of it counts as it is.
pub const MAX_SECRET: usize = 64;
/// Bytes of a secret made by [`Key::fresh`].
pub const FRESH_SECRET: usize = 32;

/// The most characters of a key as text: five digits, a colon, 64 bytes.
const MAX_KEY_TEXT: usize = 5 + 1 + (MAX_SECRET * 4).div_ceil(3);

/// A shared secret and the number that packets name it by.
///
/// Its text form is `ID:SECRET`, the secret in base64url without padding. `Debug` keeps the secret to itself, and there is no
/// `Display`: only [`Key::to_text`] tells. Memory is not wiped when a key is dropped.
#[derive(Clone)]
pub struct Key {
    id: u16,
    secret: Vec<u8>,
}

impl Key {
    /// A key of a given secret, which should be random.
    ///
    /// # Errors
    ///
    /// [`KeyError::Id`] for id 0, [`KeyError::SecretLength`] for a secret of less than [`MIN_SECRET`] or more than [`MAX_SECRET`]
    /// bytes.
    pub fn new(id: u16, secret: &[u8]) -> Result<Self, KeyError> {
        if id == 0 {
            return Err(KeyError::Id);
        }
        if !(MIN_SECRET..=MAX_SECRET).contains(&secret.len()) {
            return Err(KeyError::SecretLength { id, length: secret.len() });
        }
        Ok(Self { id, secret: secret.to_vec() })
    }

    /// A key of [`FRESH_SECRET`] bytes of the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Id`] for id 0, [`KeyError::Randomness`] when there is none.
    pub fn fresh(id: u16) -> Result<Self, KeyError> {
        let mut secret = [0; FRESH_SECRET];
        getrandom::fill(&mut secret).map_err(|_| KeyError::Randomness)?;
        Self::new(id, &secret)
    }

    /// The number that packets name it by, 1 to 65,535.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// The secret itself.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// `ID:SECRET`. **Whoever reads this text may speak for the whole flock.**
    pub fn to_text(&self) -> String {
        format!("{}:{}", self.id, URL_SAFE_NO_PAD.encode(&self.secret))
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// Strict: decimal digits without a sign or a leading zero, one colon, base64url without padding, nothing around it.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.len() > MAX_KEY_TEXT {
            return Err(KeyError::Text { reason: "too long" });
        }
        let (digits, encoded) = text.split_once(':').ok_or(KeyError::Text { reason: "no colon after the id" })?;
        if digits.is_empty() || digits.starts_with('0') && digits != "0" || !digits.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(KeyError::Text { reason: "the id is not a plain decimal number" });
        }
        let id = digits.parse().map_err(|_| KeyError::Text { reason: "the id is above 65535" })?;
        let secret = URL_SAFE_NO_PAD
            .decode(encoded)
            .map_err(|_| KeyError::Text { reason: "the secret is not base64url without padding" })?;
        Self::new(id, &secret)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key {{ id: {}, secret: {} bytes }}", self.id, self.secret.len())
    }
}

/// Why a key or a keyring was refused. It never tells a secret, or text that may hold one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Id 0 says that a packet is not signed.
    Id,
    /// A secret that is too short or too long.
    SecretLength {
        /// The key.
        id: u16,
        /// Bytes of its secret.
        length: usize,
    },
    /// A text that is no key.
    Text {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Two keys of one id.
    Duplicate {
        /// The id.
        id: u16,
    },
    /// More keys than [`MAX_KEYS`].
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// The key to sign with is not among the keys.
    NoSigningKey {
        /// The id that was asked for.
        id: u16,
    },
    /// The operating system has no randomness to give.
    Randomness,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("the id of a key must lie in 1..=65535"),
            Self::SecretLength { id, length } => {
                write!(f, "the secret of key {id} has {length} bytes, must have {MIN_SECRET} to {MAX_SECRET}")
            }
            Self::Text { reason } => write!(f, "not a key (ID:SECRET): {reason}"),
            Self::Duplicate { id } => write!(f, "there are two keys with the id {id}"),
            Self::TooMany { count } => write!(f, "{count} keys, at most {MAX_KEYS} are kept"),
            Self::NoSigningKey { id } => write!(f, "there is no key {id} to sign with"),
            Self::Randomness => f.write_str("the operating system has no randomness for a key"),
        }
    }
}

impl core::error::Error for KeyError {}
