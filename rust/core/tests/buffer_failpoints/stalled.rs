//! A producer that stands still.

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use flocktime_core::failpoint::{self, Step};
use flocktime_core::{BufferConfig, Empty, Overflow, PushError, Refused, Timestamp};

use crate::{Event, NODE, STEPS, accounted, buffer, names, shown, with};

type Pushed = Result<Timestamp, PushError<Event>>;

/// A producer that stands still in the middle of a push.
struct Stalled {
    resume: mpsc::Sender<()>,
    thread: JoinHandle<Pushed>,
}

impl Stalled {
    /// Returns when it stands there.
    fn at(step: Step, push: impl FnOnce() -> Pushed + Send + 'static) -> Self {
        let (arrived, arrival) = mpsc::channel();
        let (resume, resumed) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut is_first = true; // a push that stamps again comes by twice
            failpoint::set(move |at| {
                if at == step && std::mem::take(&mut is_first) {
                    arrived.send(()).expect("the test waits");
                    resumed.recv().expect("the test goes on");
                }
            });
            push()
        });
        arrival.recv().expect("it comes by");
        Self { resume, thread }
    }

    fn go_on(self) -> Pushed {
        self.resume.send(()).expect("it waits");
        self.thread.join().expect("no panic")
    }
}

/// While a producer stands still, others push. The consumer gets what came before its claim, says which event it waits for, and
/// the watermark stays below that; afterwards everything comes, in order.
#[test]
fn a_stalled_producer_holds_up_the_consumer_and_nobody_else() {
    for step in STEPS {
        let (buffer, source) = buffer(BufferConfig::new(8));
        let token = Arc::new(());
        let push = |name| buffer.push((name, Arc::clone(&token)));
        let before = push("before").expect("room");
        let stalled = Stalled::at(step, {
            let (buffer, event) = (Arc::clone(&buffer), ("stalled", Arc::clone(&token)));
            move || buffer.push(event)
        });
        let after = [push("b").expect("room"), push("c").expect("room")];

        let out = buffer.drain(9);
        match step {
            Step::Stamped => assert_eq!(names(&out), ["before", "b", "c"]),
            Step::Published => assert_eq!(names(&out), ["before", "stalled", "b", "c"]),
            Step::Claimed | Step::Written => {
                assert_eq!(names(&out), ["before"]);
                let waits = Err(Empty::Unwritten { ticket: 1 });
                assert_eq!((buffer.try_pop(), buffer.pop(Some(Duration::ZERO))), (waits.clone(), waits));
                assert_eq!((buffer.drain(9), buffer.len(), buffer.stats().unwritten), (vec![], 3, Some(1)));
                source.advance(1_000_000).expect("in range");
                assert_eq!((shown(&buffer), shown(&buffer)), (before, before));
            }
        }
        let promised = shown(&buffer);
        let stamp = stalled.go_on().expect("room");
        assert!(stamp > promised || step == Step::Published, "{step:?}: {stamp} was promised not to come");
        assert_eq!(stamp > after[1], step == Step::Stamped, "one that claims later is stamped later");
        let rest = buffer.drain(9);
        match step {
            Step::Stamped => assert_eq!(names(&rest), ["stalled"]),
            Step::Published => assert_eq!(names(&rest), [""; 0]),
            Step::Claimed | Step::Written => assert_eq!(names(&rest), ["stalled", "b", "c"]),
        }
        assert!(rest.iter().all(|&(stamp, _)| stamp > promised));
        assert_eq!((accounted(&buffer), buffer.stats().unwritten), ([4, 4, 0, 0, 0], None));
        drop((out, rest));
        assert_eq!(Arc::strong_count(&token), 1);
    }
}

/// A watermark of an empty buffer that is shown between a push's stamp and its claim: the push stamps again.
#[test]
fn a_stamp_that_a_watermark_has_overtaken_is_not_used() {
    let buffer = with(8, Overflow::Reject);
    let stalled = Stalled::at(Step::Stamped, {
        let buffer = Arc::clone(&buffer);
        move || buffer.push(("late", Arc::default()))
    });
    let promised = shown(&buffer);
    let stamp = stalled.go_on().expect("room");
    assert!(stamp > promised);
    assert_eq!(buffer.drain(9), [(stamp, ("late", Arc::default()))]);
}

/// With given timestamps the watermark holds at what was promised before a claim, too, however time goes on.
#[test]
fn a_given_timestamp_holds_the_watermark() {
    for step in [Step::Claimed, Step::Written] {
        let (buffer, source) = buffer(BufferConfig { max_delay_us: Some(1000), ..BufferConfig::new(8) });
        let given = Timestamp::new(999_500, 0, NODE, 0).expect("in range");
        let before = shown(&buffer);
        let stalled = Stalled::at(step, {
            let buffer = Arc::clone(&buffer);
            move || buffer.push_at(given, ("stalled", Arc::default())).map(|()| given)
        });
        source.advance(5_000).expect("in range");
        assert_eq!((shown(&buffer), shown(&buffer)), (before, before));
        assert!(given > before);
        stalled.go_on().expect("room");
        assert_eq!((shown(&buffer), names(&buffer.drain(9))), (before, vec!["stalled"]));
        assert!(shown(&buffer) > given);
    }
}

/// A buffer that is closed meanwhile: what was claimed comes, and only then it is over; what was not comes back.
#[test]
fn a_claim_outlives_the_closing() {
    for step in STEPS {
        let buffer = with(8, Overflow::Reject);
        let stalled = Stalled::at(step, {
            let buffer = Arc::clone(&buffer);
            move || buffer.push(("stalled", Arc::default()))
        });
        buffer.close();
        if matches!(step, Step::Claimed | Step::Written) {
            assert_eq!(buffer.try_pop(), Err(Empty::Unwritten { ticket: 0 }));
        }
        assert_eq!(shown(&buffer) == Timestamp::MAX, step == Step::Stamped);
        match stalled.go_on() {
            Ok(stamp) => assert_eq!(buffer.pop(None), Ok((stamp, ("stalled", Arc::default())))),
            Err(error) => assert_eq!((step, error.event.0, error.why), (Step::Stamped, "stalled", Refused::Closed)),
        }
        assert_eq!((buffer.pop(None), shown(&buffer)), (Err(Empty::Closed), Timestamp::MAX));
        accounted(&buffer);
    }
}

/// Where the oldest event of a full ring is not written yet, it cannot be dropped: the newest comes back, and says why.
#[test]
fn an_unwritten_event_is_not_dropped() {
    for step in [Step::Claimed, Step::Written] {
        let buffer = with(3, Overflow::DropOldest);
        let push = |name| buffer.push((name, Arc::default()));
        let stalled = Stalled::at(step, {
            let buffer = Arc::clone(&buffer);
            move || buffer.push(("stalled", Arc::default()))
        });
        push("b").and_then(|_| push("c")).expect("room");
        let refused = push("d").expect_err("the oldest is in the way");
        assert_eq!((refused.event.0, refused.why), ("d", Refused::Full { capacity: 3, unwritten: true }));
        assert_eq!(accounted(&buffer), [4, 0, 0, 1, 3]);
        stalled.go_on().expect("room");
        push("e").expect("the oldest makes room");
        assert_eq!(names(&buffer.drain(9)), ["b", "c", "e"]);
        assert_eq!(accounted(&buffer), [5, 3, 1, 1, 0]);
    }
}

/// Consumers that wait behind a stalled producer get everything when it goes on, each its share.
#[test]
fn waiting_consumers_hear_a_producer_that_goes_on() {
    for step in STEPS {
        let buffer = with(8, Overflow::Reject);
        let stalled = Stalled::at(step, {
            let buffer = Arc::clone(&buffer);
            move || buffer.push(("stalled", Arc::default()))
        });
        let consumers = [(); 3].map(|()| {
            let buffer = Arc::clone(&buffer);
            thread::spawn(move || buffer.pop(None).expect("one for each").1.0)
        });
        buffer.push(("b", Arc::default())).expect("room");
        buffer.push(("c", Arc::default())).expect("room");
        stalled.go_on().expect("room");
        let mut out = consumers.map(|consumer| consumer.join().expect("no panic"));
        out.sort_unstable();
        assert_eq!(out, ["b", "c", "stalled"]);
    }
}
