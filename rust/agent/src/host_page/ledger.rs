//! [`Ledger`]: the two records of a lease, and what to write next. Pure: which bytes, not how.
//!
//! # Why two records, and a limit in each
//!
//! A write may be torn when the power fails, so the record that holds is never written over: the next one takes the other's
//! place. Where one of both is unreadable at a start, nobody can tell whether it was torn before it was confirmed or damaged
//! after timestamps were issued under it. So each record names the limit of its successor's bound, and a start that has only
//! one readable record begins at its limit. A lease that has to go beyond that (the clock was set forward, the epoch was
//! raised) raises the limit in a record of its own first.

use super::block::Record;

/// What is readable of the two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ledger(pub(super) [Option<Record>; 2]);

/// A record to write, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) slot: usize,
    pub(super) record: Record,
}

/// Where a start begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// All timestamps ever issued lie below this.
    pub(super) bound: u64,
    /// The record that is unreadable.
    pub(super) damaged: Option<usize>,
}

impl Ledger {
    /// The record with the highest sequence number.
    pub(super) fn latest(&self) -> Option<&Record> {
        self.0.iter().flatten().max_by_key(|record| record.sequence)
    }

    /// When the page's own processes have written last, and for how long that was meant to do, microseconds and upper halves. A record
    /// that was put back after a failure was written then, whichever of both it is.
    pub(super) fn written(&self) -> Option<(u64, u64)> {
        let latest = self.latest()?;
        let at_us = self.0.iter().flatten().map(|record| record.written_us).max()?;
        // Each process may have a lease of its own: the margin tells how long that of the last one was.
        Some((at_us, latest.limit.saturating_sub(latest.bound) / 2))
    }

    /// `None`: neither record is readable.
    pub(super) fn beginning(&self) -> Option<Beginning> {
        match self.0 {
            [Some(first), Some(second)] => {
                let latest = if first.sequence > second.sequence { first } else { second };
                Some(Beginning { bound: latest.bound, damaged: None })
            }
            [None, Some(left)] => Some(Beginning { bound: left.limit, damaged: Some(0) }),
            [Some(left), None] => Some(Beginning { bound: left.limit, damaged: Some(1) }),
            [None, None] => None,
        }
    }

    /// What to write to extend the lease to `bound`, in this order, each confirmed before the next: one record, or two where the
    /// first has to raise the limit. `leased` is confirmed already, by the record with the number `confirmed`. `margin` is how far a
    /// successor may go beyond its predecessor.
    pub(super) fn entries(&self, model: Record, bound: u64, leased: u64, confirmed: u64, margin: u64) -> Vec<Entry> {
        let mut sequence = self.latest().map_or(0, |latest| latest.sequence);
        let mut slot = self.free_slot(confirmed);
        let mut entries = Vec::with_capacity(2);
        let mut add = |slot, bound: u64, limit| {
            sequence += 1;
            entries.push(Entry { slot, record: Record { sequence, bound, limit, ..model } });
        };
        let limit = bound.saturating_add(margin);
        if self.0[1 - slot].is_some_and(|kept| kept.limit < bound) {
            add(slot, leased, limit);
            slot = 1 - slot;
        }
        add(slot, bound, limit);
        entries
    }

    /// Not that of the record which holds. One that was written and not confirmed looks as good as any, and is not: after an
    /// error of the disk what is read may never have reached it.
    fn free_slot(&self, confirmed: u64) -> usize {
        match self.0 {
            [None, _] => 0,
            [_, None] => 1,
            [Some(first), Some(_)] if first.sequence == confirmed => 1,
            [Some(_), Some(second)] if second.sequence == confirmed => 0,
            [Some(first), Some(second)] => usize::from(first.sequence > second.sequence),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIKE: Record = Record { page: [1; 16], sequence: 0, bound: 0, limit: 0, written_us: 0, process: 0 };
    const MARGIN: u64 = 100;

    /// A disk on which one write is torn or lost, at any point, and the page that writes to it.
    #[derive(Clone, Debug)]
    struct Model {
        disk: Ledger,
        /// What was confirmed.
        leased: u64,
        confirmed: u64,
    }

    impl Model {
        fn new() -> Self {
            let first = Record { sequence: 1, limit: MARGIN, ..LIKE };
            Self { disk: Ledger([Some(first), Some(LIKE)]), leased: 0, confirmed: 1 }
        }

        /// Extends the lease. What a power failure may leave at each moment, with the lease that was confirmed by then.
        fn extend(&mut self, by: u64) -> Vec<(Ledger, u64)> {
            let mut left = vec![];
            let bound = self.leased + by;
            for entry in self.disk.entries(LIKE, bound, self.leased, self.confirmed, MARGIN) {
                let mut torn = self.disk;
                torn.0[entry.slot] = None;
                left.extend([(self.disk, self.leased), (torn, self.leased)]);
                self.disk.0[entry.slot] = Some(entry.record);
                left.push((self.disk, self.leased));
                (self.confirmed, self.leased) = (entry.record.sequence, entry.record.bound);
                left.push((self.disk, self.leased));
            }
            left
        }
    }

    /// The file was written last when either record was: after a failure that is the one which does not count.
    #[test]
    fn both_records_date_it() {
        let latest = Record { sequence: 8, bound: 30, limit: 50, written_us: 1_000, ..LIKE };
        let kept = Record { sequence: 7, bound: 20, limit: 80, written_us: 9_000, ..LIKE };
        assert_eq!(Ledger([Some(latest), Some(kept)]).written(), Some((9_000, 10)));
        assert_eq!(Ledger([None, Some(latest)]).written(), Some((1_000, 10)));
        assert_eq!(Ledger([None, None]).written(), None);
    }

    proptest! {
        /// Whenever the power fails, a start begins at or above all that was leased; so it does where one record is damaged at rest.
        #[test]
        fn a_start_never_lies_below_the_lease(steps in prop::collection::vec(0_u64..1000, 1..20)) {
            let mut model = Model::new();
            for by in steps {
                for (disk, leased) in model.extend(by) {
                    let begun = disk.beginning().expect("one is readable");
                    prop_assert!(begun.bound >= leased, "{:?} {}", disk, leased);
                }
                for damaged in 0..2 {
                    let mut disk = model.disk;
                    disk.0[damaged] = None;
                    prop_assert!(disk.beginning().expect("one is left").bound >= model.leased);
                }
                prop_assert_eq!(model.disk.beginning().expect("both are").bound, model.leased);
            }
        }

        /// A write whose confirmation fails may have reached the disk or not. However often that happens, what was confirmed last
        /// is not written over.
        #[test]
        fn what_was_confirmed_is_kept(steps in prop::collection::vec((0_u64..50, any::<bool>(), any::<bool>()), 1..20)) {
            let mut model = Model::new();
            let mut durable = model.disk;
            for (by, confirms, reaches) in steps {
                for entry in model.disk.entries(LIKE, model.leased + by, model.leased, model.confirmed, MARGIN) {
                    model.disk.0[entry.slot] = Some(entry.record); // as it is read back
                    if confirms || reaches {
                        durable.0[entry.slot] = Some(entry.record);
                    }
                    if !confirms {
                        break;
                    }
                    (model.confirmed, model.leased) = (entry.record.sequence, entry.record.bound);
                }
                prop_assert!(durable.beginning().is_some_and(|begun| begun.bound >= model.leased), "{:?}", durable);
            }
        }
    }
}
