//! The compiled backend, `flocktime._core`: thin Python classes, no rule of its own.

#![allow(clippy::doc_markdown, reason = "the docs of Python classes are Python's")]

mod beneath;
mod buffer_errors;
mod buffer_life;
mod buffer_stats;
mod clock;
mod clock_arguments;
mod clock_stats;
mod convert;
mod errors;
mod event_buffer;
mod flock_report;
mod flock_settings;
mod gossip_machine;
mod interval;
mod member;
mod moved_sources;
mod page;
mod python_call;
mod python_source;
mod simulation;
mod source;
mod stamp_object;
mod timestamp;
mod watchers;

use pyo3::prelude::*;

// One lock for all threads is what `stamp_object`'s pool and a fork's copied locks rely on: an interpreter without it turns it
// on for this module.
#[pymodule(gil_used = true)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    flocktime_agent::sys::watch_forks();
    module.add_class::<timestamp::PyTimestamp>()?;
    stamp_object::install(module.py())?;
    module.add_class::<clock::PyClock>()?;
    module.add_class::<event_buffer::PyEventBuffer>()?;
    module.add_class::<moved_sources::PyManualSource>()?;
    module.add_class::<moved_sources::PySkewedSource>()?;
    module.add_class::<gossip_machine::PyGossipMachine>()?;
    module.add_class::<beneath::PyFlockSource>()?;
    module.add_class::<member::PyFlockMember>()?;
    module.add_function(wrap_pyfunction!(simulation::simulate, module)?)?;
    module.add(
        "__all__",
        [
            "Clock",
            "EventBuffer",
            "FlockMember",
            "FlockSource",
            "GossipMachine",
            "ManualSource",
            "SkewedSource",
            "Timestamp",
            "simulate",
        ],
    )
}
