//! Interleaved blocks: every contender in every block, in an order of its own, so that each ratio comes from the same moment.

use crate::options::Options;

/// Whoever is timed.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Moves so many events, and returns the figure.
    pub(crate) run: Box<dyn Fn(u64) -> f64>,
}

/// How many times as fast `ours` is as `theirs`.
pub(crate) struct Bar {
    pub(crate) ours: &'static str,
    pub(crate) theirs: &'static str,
    /// The ratio is at least this; `None`: it is there to be read.
    pub(crate) least: Option<f64>,
}

/// A median between its quartiles.
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values[(values.len() - 1) * part / 4];
        Self { lower: at(1), median: at(2), upper: at(3) }
    }
}

/// One figure for each contender and block.
pub(crate) struct Measured {
    samples: Vec<(&'static str, Vec<f64>)>,
}

impl Measured {
    pub(crate) fn blocks(&self) -> usize {
        self.samples.first().map_or(0, |(_, values)| values.len())
    }

    pub(crate) fn figures(&self) -> impl Iterator<Item = (&'static str, Spread)> {
        self.samples.iter().map(|(name, values)| (*name, Spread::of(values.clone())))
    }

    /// Block by block; `None` where one of them was not measured.
    pub(crate) fn ratio(&self, bar: &Bar) -> Option<Spread> {
        let of = |name| self.samples.iter().find(|(found, _)| *found == name).map(|(_, values)| values);
        let (ours, theirs) = (of(bar.ours)?, of(bar.theirs)?);
        Some(Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| theirs / ours).collect()))
    }
}

pub(crate) fn run(contenders: &[Contender], options: &Options) -> Measured {
    let mut samples: Vec<_> = contenders.iter().map(|one| (one.name, Vec::new())).collect();
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut state = options.seed;
    for block in 0..=options.blocks {
        shuffle(&mut order, &mut state);
        for &at in &order {
            let figure = (contenders[at].run)(options.items);
            if block > 0 {
                samples[at].1.push(figure); // the first block warms up
            }
        }
    }
    Measured { samples }
}

/// Fisher and Yates's, by a xorshift generator; `state` is not zero.
fn shuffle(order: &mut [usize], state: &mut u64) {
    for last in (1..order.len()).rev() {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        order.swap(last, (*state % (last as u64 + 1)) as usize);
    }
}
