//! A producer that is unwound.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;

use flocktime_core::Overflow;
use flocktime_core::failpoint::{self, Step};

use crate::{STEPS, accounted, names, with};

/// Pushes, and is unwound at this step where it comes by for the `nth` time; whether it was.
fn unwound(step: Step, nth: usize, push: impl FnOnce()) -> bool {
    let mut passes = 0;
    failpoint::set(move |at| {
        passes += usize::from(at == step);
        if at == step && passes == nth {
            resume_unwind(Box::new(()));
        }
    });
    let unwound = catch_unwind(AssertUnwindSafe(push)).is_err();
    failpoint::set(|_| ());
    unwound
}

/// A producer that is unwound loses its own event, once, and nothing else; what it had claimed counts as dropped.
#[test]
fn an_unwound_producer_loses_its_own_event_only() {
    for (step, overflow) in STEPS.into_iter().flat_map(|step| [(step, Overflow::Reject), (step, Overflow::DropOldest)])
    {
        let buffer = with(3, overflow);
        let token = Arc::new(());
        let push = |name| assert!(buffer.push((name, Arc::clone(&token))).is_ok());
        push("before");
        assert!(unwound(step, 1, || push("unwound")), "{step:?}");
        let came_in = step == Step::Published;
        assert_eq!(Arc::strong_count(&token), 2 + usize::from(came_in), "{step:?}");
        push("after");
        let expected = if came_in { vec!["before", "unwound", "after"] } else { vec!["before", "after"] };
        let claimed = u64::from(step != Step::Stamped);
        assert_eq!((accounted(&buffer), buffer.stats().unwritten), ([2 + claimed, 0, 0, 0, 2 + claimed], None));
        assert_eq!(names(&buffer.drain(9)), expected);
        let lost = claimed - u64::from(came_in);
        assert_eq!(accounted(&buffer), [2 + claimed, expected.len() as u64, lost, 0, 0], "{step:?}");
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// Of many at once, unwound at each step of each: those before it came in, the others are dropped once. No batch is empty while
/// an event can be taken, and no pop fails.
#[test]
fn an_unwound_batch_keeps_what_it_had_handed_on() {
    const ALL: [&str; 3] = ["a", "b", "c"];
    for (step, nth, singly) in
        STEPS.into_iter().flat_map(|step| (1..4).flat_map(move |nth| [(step, nth, true), (step, nth, false)]))
    {
        let buffer = with(8, Overflow::Reject);
        let token = Arc::new(());
        let event = |name| (name, Arc::clone(&token));
        let was_unwound = unwound(step, nth, || drop(buffer.push_many(ALL.map(event).into())));
        assert_eq!(was_unwound, step != Step::Stamped || nth == 1, "stamped at once");
        let came_in = match step {
            Step::Stamped if was_unwound => 0,
            Step::Stamped => 3,
            Step::Claimed | Step::Written => nth - 1,
            Step::Published => nth,
        };
        assert_eq!(Arc::strong_count(&token), 1 + came_in);
        buffer.push(event("after")).expect("room");
        let mut out = Vec::new();
        while let Some(next) = if singly { buffer.try_pop().ok() } else { buffer.drain(1).pop() } {
            out.push(next);
        }
        assert_eq!(names(&out), [&ALL[..came_in], &["after"]].concat());
        let claimed = if step == Step::Stamped && was_unwound { 0 } else { 3 };
        assert_eq!(accounted(&buffer), [claimed + 1, came_in as u64 + 1, claimed - came_in as u64, 0, 0]);
        drop((out, buffer));
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// What an unwound producer leaves in a full ring is passed over by a consumer that waits, asleep most of the times, so that a
/// producer that waits for room gets it: nobody waits for the dead.
#[test]
fn nobody_waits_for_an_unwound_producer() {
    const ROUNDS: usize = 100;
    for step in [Step::Claimed, Step::Written, Step::Published] {
        let buffer = with(1, Overflow::Block);
        let consumer = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || std::iter::from_fn(|| buffer.pop(None).ok()).collect::<Vec<_>>()
        });
        for _ in 0..ROUNDS {
            while !buffer.is_empty() {
                thread::yield_now();
            }
            (0..20).for_each(|_| thread::yield_now()); // it falls asleep
            assert!(unwound(step, 1, || drop(buffer.push(("unwound", Arc::default())))));
            buffer.push(("after", Arc::default())).expect("the consumer makes room");
        }
        buffer.close();
        let out = consumer.join().expect("no panic");
        let expected = if step == Step::Published { vec!["unwound", "after"] } else { vec!["after"] };
        assert_eq!(names(&out), expected.repeat(ROUNDS));
    }
}
