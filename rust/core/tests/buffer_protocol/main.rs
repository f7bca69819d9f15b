//! The protocol of the event buffer as a state machine, every reachable state of it: claiming, publishing, draining, the
//! watermark. And the two obvious protocols, which break it. The threads and memory orderings of what is shipped are the
//! matter of `buffer_loom`; here it is about which order of steps keeps the promise.

mod machine;
mod state;

use std::time::Instant;

use machine::{Asking, KEPT, Machine, ORDER, Stamping};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// Two of everything, and room for two events.
const SMALL: Machine = Machine {
    producers: 2,
    events_each: 2,
    consumers: 2,
    batch: 2,
    askers: 1,
    asks_each: 2,
    capacity: 2,
    stamping: Stamping::InTheSwap,
    asking: Asking::Swap,
};

/// Visits states, until all of `sought` were found to fail; which properties do not hold.
fn explore(name: &str, machine: Machine, sought: &[&'static str]) -> Vec<&'static str> {
    let start = Instant::now();
    let until =
        if sought.is_empty() { HasDiscoveries::All } else { HasDiscoveries::AllOf(sought.iter().copied().collect()) };
    let checker = machine.checker().threads(2).finish_when(until).spawn_bfs().join();
    println!("{name}: {} states, {:.1} s", checker.unique_state_count(), start.elapsed().as_secs_f64());
    let properties = checker.model().properties().into_iter();
    // Something was found against what is always so, or no example of what is sometimes so.
    let fails = |property: &Property<Machine>| {
        checker.discovery(property.name).is_some() != (property.expectation == Expectation::Sometimes)
    };
    properties.filter(fails).map(|property| property.name).collect()
}

/// In every reachable state.
fn assert_holds(name: &str, machine: Machine) {
    let broken = explore(name, machine, &[]);
    assert!(broken.is_empty(), "{name}: {broken:?}");
}

/// Whose violation was found.
fn assert_breaks(name: &str, machine: Machine, properties: &[&'static str]) {
    let broken = explore(name, machine, properties);
    assert!(properties.iter().all(|property| broken.contains(property)), "{name}: {broken:?}");
}

/// Batches concatenate in strict order of stamps, nothing passes a watermark, nothing is lost or taken twice.
#[test]
fn the_protocol_holds() {
    assert_holds("two producers, two consumers, two places", SMALL);
}

/// The same of three producers.
#[test]
fn the_protocol_holds_for_three_producers() {
    let machine = Machine { producers: 3, events_each: 1, consumers: 1, batch: 3, ..SMALL };
    assert_holds("three producers, one consumer, two places", machine);
}

/// The same where two threads ask for the watermark at once, and every push waits for a take.
#[test]
fn the_protocol_holds_for_two_who_ask() {
    let machine = Machine { consumers: 1, batch: 1, askers: 2, asks_each: 1, capacity: 1, ..SMALL };
    assert_holds("two producers, two watermarks at once, one place", machine);
}

/// A stamp that is taken before the place is claimed comes out after a later one, and below a watermark.
#[test]
fn stamping_before_claiming_is_caught() {
    assert_breaks("stamping before claiming", Machine { stamping: Stamping::BeforeClaim, ..SMALL }, &[ORDER, KEPT]);
}

/// A place that is claimed before it is stamped comes out before an earlier one.
#[test]
fn claiming_before_stamping_is_caught() {
    assert_breaks("claiming before stamping", Machine { stamping: Stamping::AfterClaim, ..SMALL }, &[ORDER]);
}

/// An idle buffer's watermark without the swap overtakes a producer that has stamped and not claimed.
#[test]
fn a_watermark_without_the_swap_is_caught() {
    assert_breaks("a watermark without the swap", Machine { asking: Asking::Look, ..SMALL }, &[KEPT]);
}
