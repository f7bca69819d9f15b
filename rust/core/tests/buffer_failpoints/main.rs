//! A producer that is stopped, or unwound, at each step of a push: what others can do meanwhile, and what is lost.
//! Run with `cargo test -p flocktime-core --features failpoints --test buffer_failpoints`.

mod stalled;
mod unwound;

use std::sync::Arc;

use flocktime_core::failpoint::Step;
use flocktime_core::{BufferConfig, Clock, Config, EventBuffer, ManualSource, Overflow, Timestamp};

const NODE: u64 = 0x2a;
const STEPS: [Step; 4] = [Step::Stamped, Step::Claimed, Step::Written, Step::Published];

/// An event that counts its drops: a clone of the token is inside.
type Event = (&'static str, Arc<()>);
type Buffer = Arc<EventBuffer<Event, ManualSource>>;

fn buffer(config: BufferConfig) -> (Buffer, ManualSource) {
    let source = ManualSource::new(1_000_000).expect("in range");
    let clock = Arc::new(Clock::new(source.clone(), Config::new(|| NODE)));
    (Arc::new(EventBuffer::new(clock, config).expect("a valid capacity")), source)
}

fn with(capacity: usize, overflow: Overflow) -> Buffer {
    buffer(BufferConfig { overflow, ..BufferConfig::new(capacity) }).0
}

fn names(drained: &[(Timestamp, Event)]) -> Vec<&'static str> {
    assert!(drained.windows(2).all(|pair| pair[0].0 < pair[1].0), "{drained:?}");
    drained.iter().map(|(_, event)| event.0).collect()
}

fn shown(buffer: &Buffer) -> Timestamp {
    buffer.watermark().expect("the clock stamps").expect("the buffer stamps")
}

fn accounted(buffer: &Buffer) -> [u64; 5] {
    let stats = buffer.stats();
    assert_eq!(stats.pushed, stats.drained + stats.dropped + stats.rejected + stats.inside, "{stats:?}");
    [stats.pushed, stats.drained, stats.dropped, stats.rejected, stats.inside]
}
