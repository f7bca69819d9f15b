//! Where flocktime meets the operating system. The rules live in `flocktime-core`, which asks for nothing but numbers.

#[cfg(unix)]
pub mod clockbound;
pub mod commit_wait;
pub mod gossip;
#[cfg(unix)]
pub mod host_page;
#[cfg(unix)]
pub mod member;
pub mod random;
pub mod sys;
#[cfg(unix)]
mod threads;
