//! What the command line says.

/// How to measure.
pub(crate) struct Options {
    /// Interleaved blocks.
    pub(crate) blocks: usize,
    /// Events that one contender moves in one block.
    pub(crate) items: u64,
    /// Of the order within the blocks.
    pub(crate) seed: u64,
    /// Of the tables those only whose title has this in it.
    pub(crate) only: String,
    /// Fail where a bar is missed.
    pub(crate) check: bool,
}

impl Options {
    pub(crate) fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { blocks: 21, items: 500_000, seed: 1, only: String::new(), check: false };
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--blocks" => options.blocks = number(&name, &value()?, 5..=10_000)? as usize,
                "--items" => options.items = number(&name, &value()?, 1000..=100_000_000)?,
                "--seed" => options.seed = number(&name, &value()?, 1..=u64::MAX)?,
                "--only" => options.only = value()?,
                "--check" => options.check = true,
                "--bench" => {} // cargo says so to every benchmark
                _ => return Err(format!("no option {name}; there are --blocks, --items, --seed, --only and --check")),
            }
        }
        Ok(options)
    }
}

fn number(name: &str, text: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    let refused = || format!("{name} must lie in {}..={}, got {text}", range.start(), range.end());
    text.parse().ok().filter(|value| range.contains(value)).ok_or_else(refused)
}
