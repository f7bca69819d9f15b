//! The interleavings of small programs around an `EventBuffer`, as it is shipped. How many executions each model went through
//! is printed: run with
//! `cargo --config 'target."cfg(all())".rustflags=["--cfg=loom"]' test -p flocktime-core --test buffer_loom -- --show-output`.
//!
//! # What the models prove, and what they do not
//!
//! The ring, the buffer, the watermark and the waiting are what ships; a cursor is packed into 64 bits, because no model
//! checker has a 128-bit atomic (see `cursor.rs`), and the clock is outside: its own swap is one step that nobody interrupts.
//! Two or three threads, a few events each, two or three preemptions. That the models are able to fail is shown by
//! `tools/mutants.py`, which breaks the sources one line at a time.
#![cfg(loom)]

mod ends;
mod looks;
mod pairs;
mod play;
mod trailing;
mod waiting;
mod watermark;
mod world;
