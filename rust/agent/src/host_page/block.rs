//! The blocks of a page that are durable: its header, and the two records of its lease. `docs/wire-format.md` specifies them.

use flocktime_core::layout::MAX_NODE;
use sha2::{Digest, Sha256};

use super::fault::Fault;

/// Bytes of a block. A disk may tear a write, but no two blocks share a sector.
pub(super) const BLOCK: usize = 4096;
/// Where the blocks lie: header, two records, and what is shared in memory only.
pub(super) const HEADER_AT: u64 = 0;
pub(super) const RECORDS_AT: [u64; 2] = [4096, 8192];
pub(super) const LIVE_AT: usize = 12288;
/// Bytes of a page.
pub(super) const SIZE: u64 = 16384;

const DIGEST: usize = 32;
pub(super) const PAGE_MAGIC: &[u8; 16] = b"flocktime page\r\n";
const RECORD_MAGIC: &[u8; 16] = b"flocktime lease\n";
const MAJOR: u16 = 1;
const MINOR: u16 = 0;

pub(super) type Block = [u8; BLOCK];

/// Which file this is: a copy has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The number of its inode.
    pub inode: u64,
    /// When it was made, nanoseconds since 1970; zero where the file system does not say.
    pub born_ns: u64,
}

/// What a page is, for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: [u8; 16],
    pub(super) node: u64,
    pub(super) file: FileIdentity,
    pub(super) made_us: u64,
}

impl Header {
    pub(super) fn to_block(self) -> Block {
        let mut fields = Fields::default();
        fields.put(PAGE_MAGIC);
        fields.put(&MAJOR.to_be_bytes());
        fields.put(&MINOR.to_be_bytes());
        fields.put(&(BLOCK as u32).to_be_bytes());
        fields.put(&self.id);
        for number in [self.node, self.file.inode, self.file.born_ns, self.made_us] {
            fields.put(&number.to_be_bytes());
        }
        fields.sealed()
    }

    pub(super) fn from_block(block: &Block) -> Result<Self, Fault> {
        let mut fields = Fields::of(block);
        if fields.take::<16>() != *PAGE_MAGIC {
            return Err(Fault::Foreign);
        }
        // Before the checksum: another version may compute it over something else.
        let major = u16::from_be_bytes(fields.take());
        if !is_genuine(block) {
            return Err(Fault::Damaged { what: "header" });
        }
        if major != MAJOR {
            return Err(Fault::Version { found: major });
        }
        let _minor: [u8; 2] = fields.take();
        let size = u32::from_be_bytes(fields.take());
        let id = fields.take();
        let [node, inode, born_ns, made_us] = [(); 4].map(|()| u64::from_be_bytes(fields.take()));
        if size as usize != BLOCK || node > MAX_NODE {
            return Err(Fault::Damaged { what: "header" });
        }
        Ok(Self { id, node, file: FileIdentity { inode, born_ns }, made_us })
    }
}

/// A lease as it is kept: up to where timestamps may have been issued. Bounds are upper halves, as
/// [`flocktime_core::SharedState`] has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The page that it belongs to.
    pub(super) page: [u8; 16],
    /// Which one of all records of the page.
    pub(super) sequence: u64,
    /// Every timestamp ever issued lies below this.
    pub(super) bound: u64,
    /// So does the bound of the next record, which may be lost.
    pub(super) limit: u64,
    /// When it was written, by the wall clock, microseconds since 1970. For people.
    pub(super) written_us: u64,
    /// By which process. For people.
    pub(super) process: u32,
}

impl Record {
    pub(super) fn to_block(self) -> Block {
        let mut fields = Fields::default();
        fields.put(RECORD_MAGIC);
        fields.put(&self.page);
        for number in [self.sequence, self.bound, self.limit, self.written_us] {
            fields.put(&number.to_be_bytes());
        }
        fields.put(&self.process.to_be_bytes());
        fields.sealed()
    }

    /// `None`: torn, damaged, or of another page.
    pub(super) fn from_block(block: &Block, page: [u8; 16]) -> Option<Self> {
        let mut fields = Fields::of(block);
        let ours = fields.take::<16>() == *RECORD_MAGIC && fields.take::<16>() == page && is_genuine(block);
        ours.then(|| {
            let [sequence, bound, limit, written_us] = [(); 4].map(|()| u64::from_be_bytes(fields.take()));
            Self { page, sequence, bound, limit, written_us, process: u32::from_be_bytes(fields.take()) }
        })
    }
}

/// The digest of all that comes before it, at the end of a block.
fn digest(block: &Block) -> [u8; DIGEST] {
    Sha256::digest(&block[..BLOCK - DIGEST]).into()
}

fn is_genuine(block: &Block) -> bool {
    block[BLOCK - DIGEST..] == digest(block)
}

/// A block as it is filled or read, field after field.
struct Fields {
    block: Block,
    at: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { block: [0; BLOCK], at: 0 }
    }
}

impl Fields {
    const fn of(block: &Block) -> Self {
        Self { block: *block, at: 0 }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.block[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let field = std::array::from_fn(|place| self.block[self.at + place]);
        self.at += N;
        field
    }

    fn sealed(mut self) -> Block {
        let sum = digest(&self.block);
        self.block[BLOCK - DIGEST..].copy_from_slice(&sum);
        self.block
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A record comes back as it was written; any one bit that is changed makes it none, and so does another page.
        #[test]
        fn a_damaged_record_is_none(numbers: [u64; 4], process: u32, page: [u8; 16], at in 0..BLOCK, bit in 0_u32..8) {
            let [sequence, bound, limit, written_us] = numbers;
            let record = Record { page, sequence, bound, limit, written_us, process };
            let mut block = record.to_block();
            prop_assert_eq!(Record::from_block(&block, page), Some(record));
            prop_assert_eq!(Record::from_block(&block, page.map(|byte| !byte)), None);
            block[at] ^= 1 << bit;
            prop_assert_eq!(Record::from_block(&block, page), None);
        }

        /// The same for a header.
        #[test]
        fn a_damaged_header_says_so(id: [u8; 16], node in 0..=MAX_NODE, numbers: [u64; 3], at in 0..BLOCK, bit in 0_u32..8) {
            let [inode, born_ns, made_us] = numbers;
            let header = Header { id, node, file: FileIdentity { inode, born_ns }, made_us };
            let mut block = header.to_block();
            prop_assert_eq!(Header::from_block(&block).ok(), Some(header));
            block[at] ^= 1 << bit;
            let fault = Header::from_block(&block).expect_err("damaged");
            prop_assert!(matches!(fault, Fault::Foreign | Fault::Damaged { .. }), "{:?}", fault);
        }
    }

    /// A page of a later version is told from a damaged one.
    #[test]
    fn another_version_is_named() {
        let file = FileIdentity { inode: 1, born_ns: 2 };
        let mut fields = Fields::of(&Header { id: [7; 16], node: 3, file, made_us: 4 }.to_block());
        fields.at = 16;
        fields.put(&9_u16.to_be_bytes());
        assert!(matches!(Header::from_block(&fields.sealed()), Err(Fault::Version { found: 9 })));
    }
}
