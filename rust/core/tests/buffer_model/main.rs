//! Any sequence of calls, on one thread, against a `VecDeque`: after every step the same events inside in the same order, the same
//! account, and a watermark that keeps its word.

mod calls;
mod world;

use std::sync::Arc;

use flocktime_core::{BufferConfig, Overflow};
use proptest::prelude::*;

use calls::{Call, START_US};
use world::World;

const TICKETS: u64 = 1 << 48;

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        8 => Just(Call::Push),
        4 => Just(Call::PushWith),
        4 => (-3000..3000_i64).prop_map(Call::PushAt),
        2 => (-3000..3000_i64).prop_map(Call::TryPushAt),
        4 => (0..48_usize).prop_map(Call::PushMany),
        2 => (1..48_usize, 0..4_usize).prop_map(|(count, missing)| Call::PushManyWith { count, missing }),
        6 => Just(Call::Pop),
        4 => (0..24_usize).prop_map(Call::Drain),
        6 => Just(Call::Watermark),
        4 => (0..2000_u64).prop_map(Call::Pass),
        1 => (0..2000_u64).prop_map(Call::StepBack),
        1 => Just(Call::Close),
    ];
    prop::collection::vec(call, 1..60)
}

fn configs() -> impl Strategy<Value = BufferConfig> {
    let capacity = prop::sample::select(vec![1, 1, 2, 2, 3, 3, 5, 5, 1000]);
    let overflow = prop::sample::select(vec![Overflow::Reject, Overflow::DropOldest, Overflow::Block]);
    let delay = prop::sample::select(vec![None, Some(0), Some(1000), Some(2 * START_US)]);
    (capacity, overflow, delay).prop_map(|(capacity, overflow, max_delay_us)| BufferConfig {
        capacity,
        overflow,
        max_delay_us,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Whatever is called, with any capacity, policy and delay, also where the numbers of events start over.
    #[test]
    fn any_calls_do_what_the_model_does(
        config in configs(),
        ticket in prop::sample::select(vec![0, TICKETS / 2 - 3, TICKETS - 1, TICKETS - 7, TICKETS - 999]),
        calls in calls(),
    ) {
        let mut world = World::new(config, ticket);
        for call in &calls {
            world.call(call);
        }
        let World { buffer, token, .. } = world;
        drop(buffer);
        prop_assert_eq!(Arc::strong_count(&token), 1);
    }
}
