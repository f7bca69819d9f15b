//! Ids from the operating system's randomness, which a fork does not repeat.

/// 48 random bits.
///
/// # Panics
///
/// As [`fresh_u64`].
pub fn fresh_node() -> u64 {
    fresh_u64() >> 16
}

/// 64 random bits, for an incarnation.
///
/// # Panics
///
/// When the operating system has no randomness to give: an id that others may share would be worse.
pub fn fresh_u64() -> u64 {
    getrandom::u64().unwrap_or_else(|error| panic!("no randomness for an id: {error}"))
}
