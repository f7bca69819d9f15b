//! [`Bell`]: wakes a thread that waits for its socket.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Any thread rings; one waits until [`Bell::as_fd`] becomes readable. Rings that nobody has heard yet add up to one.
#[derive(Debug)]
pub(super) struct Bell {
    rope: UnixStream,
    clapper: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (rope, clapper) = UnixStream::pair()?;
        rope.set_nonblocking(true)?;
        clapper.set_nonblocking(true)?;
        Ok(Self { rope, clapper })
    }

    /// Never blocks.
    pub(super) fn ring(&self) {
        // The only error is that it is full of rings that nobody has heard yet.
        let _full = (&self.rope).write(&[1]);
    }

    /// Forgets the rings so far.
    pub(super) fn hush(&self) {
        let mut rings = [0; 64];
        loop {
            match (&self.clapper).read(&mut rings) {
                Ok(heard) if heard == rings.len() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.clapper.as_fd()
    }
}
