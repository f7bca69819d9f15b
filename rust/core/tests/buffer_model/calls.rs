//! What can be called, and what each call has to say and do.

use std::sync::Arc;
use std::time::Duration;

use flocktime_core::{Empty, Overflow, Refused, Run, Timestamp};

use crate::world::World;

pub(crate) const START_US: u64 = 1_000_000;

/// Numbers are shares of the capacity in sixteenths where they count events.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Push,
    PushWith,
    /// So many microseconds before (or after) what the clock says.
    PushAt(i64),
    TryPushAt(i64),
    PushMany(usize),
    /// Of which `missing` are not made.
    PushManyWith {
        count: usize,
        missing: usize,
    },
    Pop,
    Drain(usize),
    Watermark,
    Pass(u64),
    StepBack(u64),
    Close,
}

impl World {
    /// Makes the call, and holds the buffer against the model.
    pub(crate) fn call(&mut self, call: &Call) {
        match *call {
            Call::Push => {
                let event = self.event();
                let number = event.0;
                let done = self.buffer.push_timeout(event, Duration::ZERO);
                self.settle(1);
                let expected = self.expect_push(Some(number), done.as_ref().ok().copied(), true);
                assert_eq!(
                    done.map(|_| ()).map_err(|error| (error.event.0, error.why)),
                    expected.map_err(|why| (number, why))
                );
            }
            Call::PushWith => {
                let event = self.event();
                let mut made_for = None;
                let done = self.buffer.try_push_with(|stamp| {
                    made_for = Some(stamp);
                    event.clone()
                });
                self.settle(1);
                let expected = self.expect_push(Some(event.0), made_for, false);
                assert_eq!(done, expected.map(|()| made_for.expect("it was made")));
            }
            Call::PushAt(offset) => self.push_at(offset, true),
            Call::TryPushAt(offset) => self.push_at(offset, false),
            Call::PushMany(count) => self.push_many(self.share(count)),
            Call::PushManyWith { count, missing } => self.push_many_with(self.share(count), missing),
            Call::Pop => {
                let expected = self.take(1);
                match self.buffer.try_pop() {
                    Ok(out) => self.expect_out(&[out], &expected),
                    Err(why) => {
                        assert_eq!(why, if self.closed { Empty::Closed } else { Empty::Nothing });
                        assert_eq!(expected, []);
                    }
                }
            }
            Call::Drain(most) => {
                let most = self.share(most);
                let mut expected = self.take(most);
                if self.stamps == Some(false) {
                    expected.sort_by_key(|&(stamp, _)| stamp);
                }
                let out = self.buffer.drain(most);
                self.expect_out(&out, &expected);
            }
            Call::Watermark => self.show_watermark(),
            Call::Pass(us) => self.source.advance(us).expect("in range"),
            Call::StepBack(us) => self.source.step_back(us).expect("in range"),
            Call::Close => {
                self.buffer.close();
                self.closed = true;
            }
        }
        self.check();
    }

    fn push_at(&mut self, offset: i64, waits: bool) {
        let now = self.buffer.clock().now().expect("the source can be read").physical_us();
        let given = Timestamp::new(now.saturating_add_signed(offset), 1, 7, 0).expect("in range");
        let event = self.event();
        let number = event.0;
        let done = if waits && self.config.overflow != Overflow::Block {
            self.buffer.push_at(given, event)
        } else {
            self.buffer.try_push_at(given, event)
        };
        let why = done.map_err(|error| (error.event.0 == number, error.why));
        if self.stamps == Some(true) {
            assert_eq!(why, Err((true, Refused::Ordered)));
        } else if let Err((true, Refused::Late { timestamp, watermark })) = why {
            assert!(timestamp == given && given <= watermark);
            let delay = self.config.max_delay_us.expect("without a delay nothing is late");
            assert!(given.physical_us() + delay < now, "{given} is in time: it is {now}, delay {delay}");
        } else {
            self.stamps = Some(false);
            assert!(why.is_err() || self.watermark.is_none_or(|promised| given > promised), "{given} is late");
            let expected = self.expect_push(Some(number), Some(given), false);
            assert_eq!(why, expected.map_err(|why| (true, why)));
            return;
        }
        self.pushed += 1;
        self.rejected += 1;
    }

    fn push_many(&mut self, count: usize) {
        // Nobody would make room.
        let count = if self.config.overflow == Overflow::Block { count.min(self.room()) } else { count };
        let events: Vec<_> = (0..count).map(|_| self.event()).collect();
        let all: Vec<_> = events.iter().map(|event| event.0).collect();
        let done = self.buffer.push_many(events);
        self.settle(count);
        let expected: Vec<_> = all.iter().map(|&number| self.expect_push(Some(number), None, true)).collect();
        let pushed = expected.iter().filter(|one| one.is_ok()).count();
        match done {
            Ok(()) => assert_eq!(pushed, count),
            Err(error) => {
                assert_eq!((error.pushed, Err(error.why)), (pushed, expected[count - 1].clone()));
                assert_eq!(error.events.iter().map(|event| event.0).collect::<Vec<_>>(), all[pushed..]);
            }
        }
    }

    fn push_many_with(&mut self, count: usize, missing: usize) {
        let mut made = Vec::new();
        let (first, token) = (self.next + 1, Arc::clone(&self.token));
        let done = self.buffer.try_push_many_with(count, |from, run: Run| {
            assert_eq!(from, made.len());
            made.extend((first + from as u64..).zip(run).map(|(number, stamp)| Some((stamp, number))));
            let end = made.len().saturating_sub(missing).max(from);
            made[end..].fill(None);
            made[from..end].iter().flatten().map(|&(_, number)| (number, Arc::clone(&token))).collect()
        });
        drop(token);
        self.next += made.len() as u64;
        self.settle(count);
        let mut refused = None;
        for at in 0..count {
            let one = made.get(at).copied().flatten();
            let expected = self.expect_push(one.map(|one| one.1), one.map(|one| one.0), false);
            refused = refused.or(expected.err().map(|why| (at, why)));
        }
        assert_eq!(done.err(), refused);
    }
}
