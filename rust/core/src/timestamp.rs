//! [`Timestamp`]: 128 bits, one integer, one total order.

use core::{fmt, str::FromStr};

use crate::error::{Form, InvalidTimestamp};
use crate::layout::{EPOCH_SHIFT, LOGICAL_SHIFT, MAX_LOGICAL, MAX_NODE, MAX_PHYSICAL, NODE_MASK, PHYSICAL_SHIFT};
use crate::{text, uuid7};

/// A hybrid timestamp: epoch, physical microseconds, logical counter, node; see [`crate::layout`].
///
/// Comparing timestamps is comparing the integer. The bytes are big-endian, so `memcmp`, a database index and the order
/// of the text forms agree with it.
///
/// ```
/// use flocktime_core::Timestamp;
/// let earlier = Timestamp::new(1_000_000, 7, 0x2a, 0)?;
/// let later = Timestamp::new(1_000_001, 0, 0x01, 0)?;
/// assert!(earlier < later);
/// assert!(earlier.to_be_bytes() < later.to_be_bytes());
/// assert!(Timestamp::new(1 << 52, 0, 0, 0).is_err());
/// # Ok::<(), flocktime_core::InvalidTimestamp>(())
/// ```
// Aligned to 8 bytes and not to 16: else the tag of a `Result` that holds one is 16 bytes wide, which the compiler writes in two halves
// and reads as a whole; the processor waits for that, 8 ns of 50.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed(8))]
pub struct Timestamp(u128);

impl Timestamp {
    /// The least timestamp.
    pub const MIN: Self = Self(0);
    /// The greatest timestamp. No clock adopts it: see [`crate::layout::HORIZON`].
    pub const MAX: Self = Self(u128::MAX);

    /// A timestamp of checked fields.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] naming the first field that does not fit its bits.
    pub fn new(physical_us: u64, logical: u16, node: u64, epoch: u16) -> Result<Self, InvalidTimestamp> {
        if physical_us > MAX_PHYSICAL {
            return Err(InvalidTimestamp::range(Form::Fields, "physical_us", MAX_PHYSICAL, None));
        }
        if logical > MAX_LOGICAL {
            return Err(InvalidTimestamp::range(Form::Fields, "logical", MAX_LOGICAL.into(), None));
        }
        if node > MAX_NODE {
            return Err(InvalidTimestamp::range(Form::Fields, "node", MAX_NODE, None));
        }
        Ok(Self::from_parts(physical_us, logical, node, epoch))
    }

    /// Fields that are known to fit; what does not is cut off.
    #[inline]
    pub(crate) const fn from_parts(physical_us: u64, logical: u16, node: u64, epoch: u16) -> Self {
        Self(
            (epoch as u128) << EPOCH_SHIFT
                | ((physical_us & MAX_PHYSICAL) as u128) << PHYSICAL_SHIFT
                | ((logical & MAX_LOGICAL) as u128) << LOGICAL_SHIFT
                | (node & MAX_NODE) as u128,
        )
    }

    /// Microseconds since 1970-01-01 UTC, 52 bits.
    #[inline]
    pub const fn physical_us(self) -> u64 {
        (self.0 >> PHYSICAL_SHIFT) as u64 & MAX_PHYSICAL
    }

    /// The counter within a microsecond, 12 bits.
    #[inline]
    pub const fn logical(self) -> u16 {
        (self.0 >> LOGICAL_SHIFT) as u16 & MAX_LOGICAL
    }

    /// Who issued it, 48 bits.
    #[inline]
    pub const fn node(self) -> u64 {
        self.0 as u64 & MAX_NODE
    }

    /// The epoch: a higher one beats every timestamp of a lower one.
    #[inline]
    pub const fn epoch(self) -> u16 {
        (self.0 >> EPOCH_SHIFT) as u16
    }

    /// The integer itself.
    #[inline]
    pub const fn to_u128(self) -> u128 {
        self.0
    }

    /// Any integer of 128 bits is a timestamp.
    #[inline]
    pub const fn from_u128(value: u128) -> Self {
        Self(value)
    }

    /// Big-endian, so that bytes sort like timestamps.
    #[inline]
    pub const fn to_be_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The inverse of [`Timestamp::to_be_bytes`].
    #[inline]
    pub const fn from_be_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// 32 lower-case hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] for another length, an upper-case digit or anything else, with its position.
    pub fn from_hex(hex: &str) -> Result<Self, InvalidTimestamp> {
        text::parse_hex(hex).map(Self)
    }

    /// The inverse of [`Timestamp::from_hex`].
    pub fn to_hex(self) -> String {
        format!("{:032x}", self.to_u128())
    }

    /// The text form of [`fmt::Display`] as a JSON string, quotes included, nothing around it.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] with the position of the first character that does not fit.
    pub fn from_json(json: &str) -> Result<Self, InvalidTimestamp> {
        text::parse_json(json)
    }

    /// The bits of a `UUIDv7`; order holds within an epoch.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] for an epoch above 15, which does not fit.
    pub fn to_uuid(self) -> Result<u128, InvalidTimestamp> {
        uuid7::pack(self)
    }

    /// The inverse of [`Timestamp::to_uuid`].
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] for another version or variant, or bits that no timestamp has.
    pub fn from_uuid(bits: u128) -> Result<Self, InvalidTimestamp> {
        uuid7::unpack(bits)
    }

    /// A well-mixed hash that both backends share: multiply, fold, multiply, fold, so that every bit reaches the low ones.
    #[inline]
    pub const fn mixed(self) -> u64 {
        let (high, low) = ((self.0 >> 64) as u64, self.0 as u64);
        let mixed = low ^ high.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 32)
    }

    /// Epoch, physical and logical: what a clock advances.
    #[inline]
    pub(crate) const fn without_node(self) -> u128 {
        self.0 & !NODE_MASK
    }

    /// The first timestamp of a microsecond, under the same epoch and node.
    #[inline]
    pub(crate) const fn at(self, physical_us: u64) -> Self {
        const KEPT: u128 = !0 << EPOCH_SHIFT | NODE_MASK;
        Self(self.0 & KEPT | (physical_us as u128) << PHYSICAL_SHIFT)
    }

    #[inline]
    pub(crate) const fn with_node(self, node: u64) -> Self {
        Self(self.without_node() | (node & MAX_NODE) as u128)
    }
}

impl fmt::Display for Timestamp {
    /// `00000_2026-11-23T01:57:54.123456Z_0000_00000000002a`: epoch, wall time, logical, node. Lossless, 51 characters, sorts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::render(*self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text::parse_str(text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Timestamp(physical_us={}, logical={}, node=0x{:012x}, epoch={})",
            self.physical_us(),
            self.logical(),
            self.node(),
            self.epoch()
        )
    }
}
