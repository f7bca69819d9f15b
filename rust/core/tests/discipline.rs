//! The line of the disciplined clock: what it shows, that it never runs backward, and that no number makes it panic.

use flocktime_core::Discipline;
use proptest::prelude::*;

const DAY_NS: u64 = 86_400_000_000_000;
const NOW_NS: i64 = 1_800_000_000_000_000_000;

/// Rates in parts per billion, within what a flock uses.
fn rates() -> impl Strategy<Value = (i64, i64, i64)> {
    let edges = |most: i64| prop_oneof![8 => -most..=most, 1 => Just(-most), 1 => Just(most), 1 => Just(0)];
    (edges(200_000), edges(50_000_000), edges(50_000))
}

fn of_ppb(h0_ns: u64, (y, s, u): (i64, i64, i64), slew_ns: u64) -> Discipline {
    let [y, s, u] = [y, s, u].map(|ppb| ppb as f64 / 1e9);
    Discipline { h0_ns, l0_ns: NOW_NS, y, s, u, slew_ns }
}

fn disciplines() -> impl Strategy<Value = Discipline> {
    (0..=2 * DAY_NS, rates(), prop_oneof![Just(2_000_000_000), 0..=DAY_NS])
        .prop_map(|(h0, ppb, slew)| of_ppb(h0, ppb, slew))
}

/// Anything at all, of 64 bits each.
fn any_discipline() -> impl Strategy<Value = Discipline> {
    any::<[u64; 6]>().prop_map(Discipline::from_words)
}

/// Trillionths of what is due on an error in parts per billion, exactly: `e · ((1 + y)(1 + s + u) − 1)`, in 1e-18 ns.
fn gained(elapsed_ns: u64, (y, s, u): (i64, i64, i64)) -> i128 {
    const ONE: i128 = 1_000_000_000;
    i128::from(elapsed_ns) * ((ONE + i128::from(y)) * (ONE + i128::from(s) + i128::from(u)) - ONE * ONE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    /// To the nanosecond over a day, held against exact integers.
    #[test]
    fn it_shows_the_formula(ppb in rates(), h0 in 0..DAY_NS, slew in 0..=DAY_NS, elapsed in 0..=DAY_NS) {
        let (slewing, after) = (elapsed.min(slew), elapsed.saturating_sub(slew));
        let exact = gained(slewing, ppb) + gained(after, (ppb.0, 0, 0));
        let expected = NOW_NS + elapsed as i64 + exact.div_euclid(1_000_000_000_000_000_000) as i64;
        let shown = of_ppb(h0, ppb, slew).at(h0 + elapsed);
        prop_assert!((shown - expected).abs() <= 1, "{shown} is not {expected}");
    }

    /// Never backward in H, from one nanosecond to the next and over any stretch, across the end of the slews as well; and no
    /// slower than 0.94.
    #[test]
    fn it_never_runs_backward(line in disciplines(), from in 0..4 * DAY_NS, on in prop_oneof![0..100_u64, 0..4 * DAY_NS]) {
        let end = line.h0_ns + line.slew_ns;
        for from in [from, line.h0_ns, end.saturating_sub(50), end] {
            prop_assert!(line.at(from) <= line.at(from + 1));
            let run = line.at(from + on) - line.at(from);
            let least = (from + on).saturating_sub(from.max(line.h0_ns)) as f64 * 0.94;
            prop_assert!(run >= 0 && run as f64 >= least - 1.0, "{run} ns in {on} ns");
        }
        prop_assert!(line.slope_at(from) > 0.94);
    }

    /// A counter before the beginning shows the beginning.
    #[test]
    fn before_the_beginning_it_stands(line in disciplines(), h_ns in 0..2 * DAY_NS) {
        let h_ns = h_ns.min(line.h0_ns);
        prop_assert_eq!(line.at(h_ns), line.l0_ns);
        prop_assert!(h_ns == line.h0_ns || line.holds_ns(h_ns) == 0);
    }

    /// After the slews only the rate correction is left: two lines that differ in nothing but their slews keep their distance.
    #[test]
    fn slews_expire(line in disciplines(), on in 1..DAY_NS) {
        let plain = Discipline { s: 0.0, u: 0.0, ..line };
        let end = line.h0_ns + line.slew_ns;
        let (then, later) = (line.at(end) - plain.at(end), line.at(end + on) - plain.at(end + on));
        prop_assert!((later - then).abs() <= 1);
        prop_assert_eq!(line.slope_at(end + on).to_bits(), (1.0 + line.y).to_bits());
        prop_assert_eq!((line.holds_ns(end), line.holds_ns(end + on)), (0, u64::MAX));
    }

    /// For as long as a slope is said to hold, it is what the line rises by.
    #[test]
    fn a_slope_holds_as_long_as_it_says(line in disciplines(), at in 0..4 * DAY_NS, share in 0.0..=1.0) {
        let run = (line.holds_ns(at).min(DAY_NS) as f64 * share) as u64;
        let foreseen = i128::from(line.at(at)) + (run as f64 * (line.slope_at(at) - 1.0)).round() as i128 + i128::from(run);
        prop_assert!((foreseen - i128::from(line.at(at + run))).abs() <= 2);
    }

    /// Rebased, it shows the same time where that happens, and is never below it from there on.
    #[test]
    fn rebased_it_goes_on(line in disciplines(), ppb in rates(), at in 0..4 * DAY_NS, on in 0..DAY_NS) {
        let next = of_ppb(0, ppb, 0);
        let rebased = line.rebased(at, next.y, next.s, next.u, 2_000_000_000);
        prop_assert_eq!(rebased.at(at), line.at(at));
        prop_assert!(rebased.at(at + on) >= line.at(at));
    }

    /// Whatever the numbers, there is an answer: no panic, no overflow, and words lead back to the same bits.
    #[test]
    fn any_number_has_an_answer(line in any_discipline(), h_ns in any::<u64>()) {
        for h_ns in [h_ns, 0, u64::MAX, line.h0_ns, line.h0_ns.wrapping_add(line.slew_ns)] {
            let _answers = (line.at(h_ns), line.slope_at(h_ns), line.holds_ns(h_ns));
            let _next = line.rebased(h_ns, line.u, line.y, line.s, line.h0_ns).at(line.slew_ns);
        }
        let words = line.to_words();
        prop_assert_eq!(Discipline::from_words(words).to_words(), words);
    }

    /// The far future does not overflow: within the rates of a flock it is as late as 64 bits go.
    #[test]
    fn the_far_future_is_the_latest(ppb in rates(), slew in any::<u64>()) {
        let line = of_ppb(0, ppb, slew);
        prop_assert_eq!(line.at(u64::MAX), i64::MAX);
        let early = Discipline { l0_ns: i64::MIN, ..line };
        let due = -(1_i128 << 63) + i128::from(u64::MAX);
        prop_assert!((i128::from(early.at(u64::MAX)) - due).abs() < (1_i128 << 64) / 16);
    }
}

/// The formula in numbers that anybody can check: 5 % for two of three seconds, then 100 ppm.
#[test]
fn an_example() {
    let line = Discipline { h0_ns: 7, l0_ns: 1_000, y: 1e-4, s: 0.05, u: 5e-5, slew_ns: 2_000_000_000 };
    // (1 + 1e-4) · (1 + 0.05 + 5e-5) = 1.050155005
    assert_eq!(line.at(1_000_000_007), 1_000 + 1_050_155_005);
    assert_eq!(line.at(3_000_000_007), 1_000 + 2 * 1_050_155_005 + 1_000_100_000);
    assert_eq!((line.holds_ns(7), line.holds_ns(1_000_000_007)), (2_000_000_000, 1_000_000_000));
}

/// What is no number is no error of the rate, and a rate that is out of all proportion saturates.
#[test]
fn numbers_that_are_none() {
    let line = Discipline { l0_ns: 5, slew_ns: 1_000, ..Discipline::default() };
    for s in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(Discipline { s, ..line }.at(1_000), 1_005, "infinity times zero is no number either");
    }
    for (s, expected) in [(1e300, 9_005), (-1e300, 1_005 - 8_000)] {
        let shown = Discipline { s, ..line }.at(1_000);
        assert!((shown - expected).abs() <= 1, "{shown}");
    }
}
