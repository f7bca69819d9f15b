//! [`Mapping`]: the memory of a page. The one file of the host page with `unsafe`.
#![allow(unsafe_code, reason = "memory that other processes write is reached through a pointer")]
#![allow(clippy::cast_ptr_alignment, reason = "a mapping begins at a page of the machine's")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};

use super::block::{LIVE_AT, SIZE};
use super::live::Live;

const _: () = assert!(LIVE_AT + size_of::<Live>() <= SIZE as usize && LIVE_AT.is_multiple_of(align_of::<Live>()));

/// What a page shares in memory, for as long as somebody holds one of these. Clones are of the same memory.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    /// Into `memory`. Every timestamp goes this way, and it is the shortest.
    live: NonNull<Live>,
    _memory: Arc<MmapRaw>,
}

// SAFETY: a reference to atomics and an owner of what they lie in, both of which threads may share.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a file of a page's size.
    pub(super) fn new(file: &File) -> io::Result<Self> {
        let memory = MmapOptions::new().len(SIZE as usize).map_raw(file)?;
        // SAFETY: the mapping is `SIZE` long, and the block lies within it (see above).
        let live = unsafe { memory.as_mut_ptr().add(LIVE_AT) }.cast::<Live>();
        let live = NonNull::new(live).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { live, _memory: Arc::new(memory) })
    }
}

impl Deref for Mapping {
    type Target = Live;

    #[inline]
    fn deref(&self) -> &Live {
        // SAFETY: the mapping lives as long as `self`, begins at a page of the machine's, and `Live` lies in it, aligned. `Live`
        // consists of atomics, of which every bit pattern is a value, and which other processes change by atomic operations only;
        // what else they write through the file lies in other blocks. A file that somebody makes shorter is no matter of memory
        // safety: the operating system then ends the process (SIGBUS).
        unsafe { self.live.as_ref() }
    }
}
