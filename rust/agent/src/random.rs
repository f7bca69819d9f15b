//! Node ids from the operating system's randomness, which a fork does not repeat.

/// 48 random bits.
///
/// # Panics
///
/// When the operating system has no randomness to give: a node id that others may share would be worse.
pub fn fresh_node() -> u64 {
    let random = getrandom::u64().unwrap_or_else(|error| panic!("no randomness for a node id: {error}"));
    random >> 16
}
