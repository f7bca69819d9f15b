//! A seeded world for the flock: oscillators, operating systems, networks, faults and liars around the real machine and the
//! real clock, judged from outside by true time.
//!
//! One scenario and one seed give one outcome, to the bit. Runs of one seed that differ in a fault differ in nothing else: an
//! attack on one member changes no delay between others. No I/O, no threads, no wall clock.
//!
//! ```
//! use flocktime_simulator::{Scenario, run};
//! let scenario = Scenario::from_json(r#"{"nodes": 4, "seconds": 30}"#)?;
//! let outcome = run(&scenario, 7, &mut |_share| true)?;
//! assert_eq!(outcome.series.len(), 30);
//! assert_eq!(outcome.trace, run(&scenario, 7, &mut |_share| true)?.trace);
//! # Ok::<(), flocktime_simulator::Error>(())
//! ```

pub mod contraction;
pub mod delay;
mod engine;
mod error;
pub mod fault;
mod liar;
mod measure;
mod network;
mod os_clock;
mod oscillator;
pub mod outcome;
mod queue;
mod random;
mod results;
pub mod scenario;
mod station;
mod statistics;
mod world;

pub use engine::run;
pub use error::Error;
pub use outcome::Outcome;
pub use scenario::Scenario;
