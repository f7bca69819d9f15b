//! Who was refused lately. Who refuses everybody is probably the wrong one itself.

use std::collections::VecDeque;

const MEMORY_NS: u64 = 600_000_000_000;
const MOST: usize = 16;
/// So many distinct suspects make a clock suspect itself.
pub(crate) const ENOUGH: usize = 3;

/// The nodes refused for drift, each with the monotonic time of its latest refusal, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Blame(VecDeque<(u64, u64)>);

impl Blame {
    pub(crate) fn refused(&mut self, node: u64, now_ns: u64) {
        self.0.retain(|&(known, _)| known != node);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((node, now_ns));
    }

    pub(crate) fn suspects(&self, now_ns: u64) -> Vec<u64> {
        let recent = |&&(_, at): &&(u64, u64)| now_ns.saturating_sub(at) < MEMORY_NS;
        self.0.iter().filter(recent).map(|&(node, _)| node).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
