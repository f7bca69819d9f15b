//! Who was refused lately. Who refuses everybody is probably the wrong one itself.
//!
//! Nobody waits here. A flock's own thread refuses messages too, and a program may fork meanwhile: a lock that was held then would
//! stay so in the child, for ever. What is lost instead is little: of two refusals at one instant only one is recorded here,
//! while both are counted.

use crate::latest::Latest;
use crate::sync::{AtomicU64, Ordering};

const MEMORY_NS: u64 = 600_000_000_000;
const MOST: usize = 16;
/// So many distinct suspects make a clock suspect itself.
pub(crate) const ENOUGH: usize = 3;

/// `era | entries`, and then for each entry `node | monotonic nanoseconds`.
type Words = [u64; 2 + 2 * MOST];

/// The nodes refused for drift, each with the monotonic time of its latest refusal, the latest last.
#[derive(Debug)]
pub(crate) struct Blame {
    words: Latest<{ 2 + 2 * MOST }>,
    /// Counts the times that all was forgiven; entries of another era are none.
    era: AtomicU64,
}

impl Blame {
    pub(crate) fn new() -> Self {
        Self { words: Latest::new([0; 2 + 2 * MOST]), era: AtomicU64::new(0) }
    }

    pub(crate) fn refused(&self, node: u64, now_ns: u64) {
        let era = self.era.load(Ordering::Acquire);
        let _another_is_at_it = self.words.try_update(|words| {
            let mut kept: Vec<(u64, u64)> = entries(words, era).filter(|&(known, _)| known != node).collect();
            if kept.len() == MOST {
                kept.remove(0);
            }
            kept.push((node, now_ns));
            packed(era, &kept)
        });
    }

    pub(crate) fn suspects(&self, now_ns: u64) -> Vec<u64> {
        let era = self.era.load(Ordering::Acquire);
        let recent = |&(_, at): &(u64, u64)| now_ns.saturating_sub(at) < MEMORY_NS;
        self.words.read(|words| entries(words, era).filter(recent).map(|(node, _)| node).collect())
    }

    pub(crate) fn clear(&self) {
        self.era.fetch_add(1, Ordering::AcqRel);
    }
}

fn entries(words: &Words, era: u64) -> impl Iterator<Item = (u64, u64)> {
    let count = if words[0] == era { words[1] as usize } else { 0 };
    words[2..].as_chunks().0.iter().take(count).map(|&[node, at_ns]| (node, at_ns))
}

fn packed(era: u64, entries: &[(u64, u64)]) -> Words {
    let mut words = [0; 2 + 2 * MOST];
    (words[0], words[1]) = (era, entries.len() as u64);
    for (place, &(node, at_ns)) in words[2..].as_chunks_mut().0.iter_mut().zip(entries) {
        *place = [node, at_ns];
    }
    words
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Sixteen at most, each once, the latest last, for ten minutes; and none that was forgiven.
    #[test]
    fn the_latest_refusals_are_kept() {
        let blame = Blame::new();
        for round in 0..3 {
            for node in 0..20 {
                blame.refused(node, round * 20 + node);
            }
        }
        blame.refused(7, 60);
        let expected: Vec<u64> = (4..20).filter(|&node| node != 7).chain([7]).collect();
        assert_eq!(blame.suspects(60), expected);
        assert_eq!(blame.suspects(MEMORY_NS + 59), [7]);
        assert_eq!(blame.suspects(MEMORY_NS + 60), []);
        blame.clear();
        assert_eq!(blame.suspects(60), []);
        blame.refused(9, 61);
        assert_eq!(blame.suspects(61), [9]);
    }

    /// A refusal in the middle of another one waits for nothing; its node is not recorded. Nor is one that a pardon overtakes.
    #[test]
    fn nobody_waits() {
        let blame = Blame::new();
        blame.refused(1, 0);
        assert!(blame.words.try_update(|words| {
            blame.refused(2, 0);
            assert_eq!(blame.suspects(0), [1]);
            *words
        }));
        assert_eq!(blame.suspects(0), [1]);
        let overtaken = packed(0, &[(1, 0), (3, 0)]);
        blame.clear();
        assert!(blame.words.try_write(overtaken));
        assert_eq!(blame.suspects(0), []);
    }
}
