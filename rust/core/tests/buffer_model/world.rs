//! The model: a `VecDeque`, counters, and what was promised.

use std::collections::VecDeque;
use std::sync::Arc;

use flocktime_core::{BufferConfig, Clock, Config, EventBuffer, ManualSource, Overflow, Refused, Timestamp};

use crate::calls::START_US;

/// The number of an event, and a token that says whether it was dropped.
pub(crate) type Event = (u64, Arc<()>);

pub(crate) struct World {
    pub(crate) buffer: EventBuffer<Event, ManualSource>,
    pub(crate) config: BufferConfig,
    pub(crate) source: ManualSource,
    pub(crate) token: Arc<()>,
    pub(crate) first_ticket: u64,
    pub(crate) next: u64,
    /// Oldest first; `None` where nobody made the event. The timestamp is filled in when it has been seen.
    pub(crate) inside: VecDeque<Option<(Option<Timestamp>, u64)>>,
    /// `None`: not settled. Else whether the buffer stamps.
    pub(crate) stamps: Option<bool>,
    pub(crate) pushed: u64,
    pub(crate) drained: u64,
    pub(crate) dropped: u64,
    pub(crate) rejected: u64,
    pub(crate) high_water: usize,
    pub(crate) closed: bool,
    pub(crate) last_out: Option<Timestamp>,
    pub(crate) watermark: Option<Timestamp>,
}

impl World {
    pub(crate) fn new(config: BufferConfig, first_ticket: u64) -> Self {
        let source = ManualSource::new(START_US as i64).expect("in range");
        let clock = Arc::new(Clock::new(source.clone(), Config::new(|| 7)));
        Self {
            buffer: EventBuffer::starting_at(clock, config, first_ticket).expect("a valid capacity"),
            config,
            source,
            token: Arc::new(()),
            first_ticket,
            next: 0,
            inside: VecDeque::new(),
            stamps: config.max_delay_us.map(|_| false),
            pushed: 0,
            drained: 0,
            dropped: 0,
            rejected: 0,
            high_water: 0,
            closed: false,
            last_out: None,
            watermark: None,
        }
    }

    pub(crate) fn event(&mut self) -> Event {
        self.next += 1;
        (self.next, Arc::clone(&self.token))
    }

    pub(crate) fn share(&self, sixteenths: usize) -> usize {
        (self.config.capacity * sixteenths).div_ceil(16)
    }

    pub(crate) fn room(&self) -> usize {
        self.config.capacity - self.inside.len()
    }

    /// What a push of one has to say. Takes it in where it can be; `counts`: a full buffer is counted under any policy.
    pub(crate) fn expect_push(
        &mut self,
        number: Option<u64>,
        stamp: Option<Timestamp>,
        counts: bool,
    ) -> Result<(), Refused> {
        let full = Refused::Full { capacity: self.config.capacity, unwritten: false };
        let refused = match (self.closed, self.room(), self.config.overflow) {
            (true, ..) => Some(Refused::Closed),
            (false, 0, Overflow::Reject | Overflow::Block) => Some(full),
            (false, 0, Overflow::DropOldest) => {
                self.forget_oldest();
                None
            }
            (false, ..) => None,
        };
        if let Some(why) = refused {
            let is_counted = counts || self.config.overflow != Overflow::Block || why == Refused::Closed;
            self.rejected += u64::from(is_counted);
            self.pushed += u64::from(is_counted);
            return Err(why);
        }
        self.pushed += 1;
        self.inside.push_back(number.map(|number| (stamp, number)));
        self.high_water = self.high_water.max(self.inside.len());
        Ok(())
    }

    pub(crate) fn forget_oldest(&mut self) {
        self.dropped += 1;
        if let Some((stamp, _)) = self.inside.pop_front().flatten() {
            self.last_out = stamp.or(self.last_out);
        }
    }

    /// What was taken out has to be these, each later than what was promised; a buffer that stamps gives them in order.
    pub(crate) fn expect_out(&mut self, out: &[(Timestamp, Event)], expected: &[(Option<Timestamp>, u64)]) {
        assert_eq!(out.iter().map(|(_, event)| event.0).collect::<Vec<_>>(), numbers(expected));
        for (stamp, (number, _)) in out {
            assert!(self.watermark.is_none_or(|promised| *stamp > promised), "{number} at {stamp} was not to come");
            assert!(
                self.stamps == Some(false) || self.last_out.is_none_or(|last| *stamp > last),
                "{number} at {stamp}"
            );
            self.last_out = Some(*stamp);
        }
        assert!(out.is_sorted_by_key(|&(stamp, _)| stamp));
        self.drained += out.len() as u64;
    }

    /// The next so many tickets, without those that nobody made; more, where there was none among them.
    pub(crate) fn take(&mut self, most: usize) -> Vec<(Option<Timestamp>, u64)> {
        let mut taken = Vec::new();
        while taken.is_empty() && most > 0 && !self.inside.is_empty() {
            let count = most.min(self.inside.len());
            taken.extend(self.inside.drain(..count).flatten());
            self.dropped += (count - taken.len()) as u64;
        }
        taken
    }

    pub(crate) fn settle(&mut self, pushed: usize) {
        if pushed > 0 {
            self.stamps.get_or_insert(true);
        }
    }

    pub(crate) fn show_watermark(&mut self) {
        let shown = self.buffer.watermark().expect("the clock stamps");
        assert!(shown >= self.watermark, "it went back from {:?} to {shown:?}", self.watermark);
        let now = self.buffer.clock().now().expect("the source can be read").physical_us();
        if self.closed && self.inside.is_empty() {
            assert_eq!(shown, Some(Timestamp::MAX));
        } else if *self.stamps.get_or_insert(true) {
            assert!(shown.is_some() && shown >= self.last_out, "{shown:?} trails {:?}", self.last_out);
        } else if let Some(delay) = self.config.max_delay_us {
            let behind = now.saturating_sub(delay).saturating_sub(1);
            let shown = shown.map_or(0, Timestamp::physical_us);
            // The clock may have carried into the next microsecond since.
            assert!(shown <= behind && (shown + 1 >= behind || !self.inside.is_empty()), "{shown} of {behind}");
        } else {
            assert_eq!(shown, None);
        }
        self.watermark = shown;
    }

    /// The same events inside, the same account, and nothing leaked or dropped twice.
    pub(crate) fn check(&mut self) {
        let mut seen = Vec::new();
        self.buffer.visit(|stamp, event| seen.push((Some(stamp), event.0)));
        let known: Vec<_> = self.inside.iter().flatten().copied().collect();
        assert_eq!(numbers(&seen), numbers(&known));
        assert!(
            known.iter().zip(&seen).all(|(known, seen)| known.0.is_none_or(|_| known == seen)),
            "{known:?} {seen:?}"
        );
        let mut stamps = seen.iter();
        self.inside.iter_mut().flatten().for_each(|one| one.0 = stamps.next().and_then(|seen| seen.0));

        let stats = self.buffer.stats();
        let counted =
            (stats.pushed - self.first_ticket, stats.drained - self.first_ticket, stats.dropped, stats.rejected);
        assert_eq!(counted, (self.pushed, self.drained, self.dropped, self.rejected));
        assert_eq!(stats.pushed, stats.drained + stats.dropped + stats.rejected + stats.inside);
        assert_eq!((stats.inside, self.buffer.len()), (self.inside.len() as u64, self.inside.len()));
        assert_eq!((stats.high_water, stats.capacity), (self.high_water as u64, self.config.capacity as u64));
        assert_eq!((stats.unwritten, stats.closed), (None, self.closed));
        assert_eq!(Arc::strong_count(&self.token), 1 + seen.len(), "as many tokens as events");
    }
}

fn numbers(events: &[(Option<Timestamp>, u64)]) -> Vec<u64> {
    events.iter().map(|&(_, number)| number).collect()
}
