//! The events of one process: a fork begins another life.

use std::sync::{Arc, OnceLock};

use flocktime_core::{BufferConfig, EventBuffer, NoBuffer, fork};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::clock::PyClock;
use crate::source::Source;
use crate::watchers::Watchers;

pub(crate) struct Life {
    generation: u32,
    pub(crate) buffer: EventBuffer<Py<PyTuple>, Source>,
    /// Who waits for events, and who for room.
    items: Watchers,
    room: Watchers,
    /// That of the child.
    next: OnceLock<Box<Life>>,
}

/// What somebody waits for.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Items,
    Room,
}

impl Wanted {
    /// What those wait for who make this.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Items => Self::Room,
            Self::Room => Self::Items,
        }
    }
}

impl Life {
    pub(crate) fn new(clock: &Py<PyClock>, config: BufferConfig) -> Result<Self, NoBuffer> {
        Ok(Self {
            generation: fork::generation(),
            buffer: EventBuffer::new(Arc::clone(clock.get().shared()), config)?,
            items: Watchers::default(),
            room: Watchers::default(),
            next: OnceLock::new(),
        })
    }

    /// This process's. A child begins with an empty one: its parent keeps the events that were inside.
    #[inline]
    pub(crate) fn current(&self, fresh: impl Fn() -> Self) -> &Self {
        let generation = fork::generation();
        if self.generation == generation { self } else { self.in_child(generation, fresh) }
    }

    #[cold]
    fn in_child(&self, generation: u32, fresh: impl Fn() -> Self) -> &Self {
        let mut life = self;
        while life.generation != generation {
            life = life.next.get().map_or_else(|| life.end(fresh()), Box::as_ref);
        }
        life
    }

    /// Another process begins; what this one had inside is let go.
    fn end(&self, next: Self) -> &Self {
        let inherited = self.buffer.drain(usize::MAX);
        let next = self.next.get_or_init(|| Box::new(next));
        drop(inherited); // may run anything, which finds the next one
        next
    }

    fn watchers(&self, wanted: Wanted) -> &Watchers {
        match wanted {
            Wanted::Items => &self.items,
            Wanted::Room => &self.room,
        }
    }

    fn there(&self, wanted: Wanted) -> usize {
        match wanted {
            Wanted::Items => self.buffer.len(),
            Wanted::Room => self.buffer.capacity() - self.buffer.len(),
        }
    }

    pub(crate) fn watch(&self, wanted: Wanted, level: usize, wake: Py<PyAny>) {
        self.watchers(wanted).add(level, wake);
    }

    pub(crate) fn unwatch(&self, wanted: Wanted, wake: &Bound<'_, PyAny>) -> bool {
        self.watchers(wanted).remove(wake)
    }

    /// Wakes those who wait, as many as there is something new for.
    #[inline]
    pub(crate) fn ring(&self, py: Python<'_>, wanted: Wanted, new: usize) -> PyResult<()> {
        self.watchers(wanted).ring(py, new, || self.there(wanted))
    }

    /// Wakes those whom there is something for.
    pub(crate) fn pass_on(&self, py: Python<'_>, wanted: Wanted) -> PyResult<()> {
        self.ring(py, wanted, self.there(wanted))
    }

    pub(crate) fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.buffer.close();
        let items = self.items.ring_all(py);
        self.room.ring_all(py).and(items)
    }

    /// This one and all that follow, for the garbage collector.
    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |life| life.next.get().map(AsRef::as_ref))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for life in self.all() {
            let mut outcome = Ok(());
            life.buffer.visit(|_, pair| {
                if outcome.is_ok() {
                    outcome = visit.call(pair);
                }
            });
            outcome?;
            life.items.traverse(visit)?;
            life.room.traverse(visit)?;
        }
        Ok(())
    }

    pub(crate) fn clear(&self) {
        for life in self.all() {
            drop(life.buffer.drain(usize::MAX));
            life.items.clear();
            life.room.clear();
        }
    }
}
