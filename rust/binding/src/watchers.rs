//! Who waits for a buffer: callables, each to be called once, in the order in which they came.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use pyo3::exceptions::{PyMemoryError, PyRecursionError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBool;

use crate::python_call::call;

/// Touched only by threads that hold the interpreter. The lock is held for a few steps without Python, so that nobody waits for it.
#[derive(Default)]
pub(crate) struct Watchers {
    /// How many there are: what a push looks at.
    count: AtomicUsize,
    waiting: Mutex<VecDeque<Watcher>>,
}

struct Watcher {
    /// How much has to be there.
    level: usize,
    wake: Py<PyAny>,
}

impl Watchers {
    pub(crate) fn add(&self, level: usize, wake: Py<PyAny>) {
        let mut waiting = self.locked();
        waiting.push_back(Watcher { level, wake });
        self.count.store(waiting.len(), Ordering::Relaxed);
    }

    /// Whether it was still there.
    pub(crate) fn remove(&self, wake: &Bound<'_, PyAny>) -> bool {
        let mut waiting = self.locked();
        let found = waiting.iter().position(|watcher| watcher.wake.is(wake));
        let removed = found.and_then(|at| waiting.remove(at));
        self.count.store(waiting.len(), Ordering::Relaxed);
        drop(waiting);
        removed.is_some()
    }

    /// Calls up to `most` of those whom `there` is enough for. Who answers `False` is gone: the next one is called.
    ///
    /// All of them, whatever one of the calls raises: that one is made again by another thread. Where it lacked stack or memory,
    /// that is the end of it; anything else was raised by code that came in between, a signal's handler say, and is raised here.
    #[inline]
    pub(crate) fn ring(&self, py: Python<'_>, most: usize, there: impl Fn() -> usize) -> PyResult<()> {
        if self.count.load(Ordering::Relaxed) > 0 { self.call(py, most, there()) } else { Ok(()) }
    }

    pub(crate) fn ring_all(&self, py: Python<'_>) -> PyResult<()> {
        self.ring(py, usize::MAX, || usize::MAX)
    }

    #[cold]
    fn call(&self, py: Python<'_>, most: usize, there: usize) -> PyResult<()> {
        let (mut called, mut uncalled, mut interruption) = (0, Vec::new(), None);
        while called < most {
            let Some(watcher) = self.next(there) else { break };
            match call(watcher.wake.bind(py), (), None) {
                Ok(answer) => called += usize::from(!answer.is(PyBool::new(py, false))),
                Err(error) => {
                    called += 1;
                    if !is_exhaustion(py, &error) {
                        interruption.get_or_insert(error);
                    }
                    if call_elsewhere(py, &watcher.wake).is_err() {
                        uncalled.push(watcher);
                    }
                }
            }
        }
        for watcher in uncalled.into_iter().rev() {
            self.put_back(watcher); // for the next one who comes by
        }
        interruption.map_or(Ok(()), Err)
    }

    fn next(&self, there: usize) -> Option<Watcher> {
        let mut waiting = self.locked();
        let found = waiting.iter().position(|watcher| watcher.level <= there)?;
        let watcher = waiting.remove(found);
        self.count.store(waiting.len(), Ordering::Relaxed);
        watcher
    }

    fn put_back(&self, watcher: Watcher) {
        let mut waiting = self.locked();
        waiting.push_front(watcher);
        self.count.store(waiting.len(), Ordering::Relaxed);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.locked().iter().try_for_each(|watcher| visit.call(&watcher.wake))
    }

    pub(crate) fn clear(&self) {
        let waiting = std::mem::take(&mut *self.locked());
        self.count.store(0, Ordering::Relaxed);
        drop(waiting); // may run anything: outside the lock
    }

    fn locked(&self) -> MutexGuard<'_, VecDeque<Watcher>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_exhaustion(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyRecursionError>(py) || error.is_instance_of::<PyMemoryError>(py)
}

/// Calls it on a thread of its own, which has all its stack.
///
/// # Errors
///
/// There is no such thread.
fn call_elsewhere(py: Python<'_>, wake: &Py<PyAny>) -> io::Result<()> {
    // Let go by a thread that has the interpreter, or by nobody.
    let wake = ManuallyDrop::new(wake.clone_ref(py));
    let calls = move || {
        Python::try_attach(|py| {
            let wake = ManuallyDrop::into_inner(wake).into_bound(py);
            if let Err(error) = call(&wake, (), None) {
                error.write_unraisable(py, Some(&wake));
            }
        });
    };
    thread::Builder::new().name("flocktime-wake".to_owned()).spawn(calls).map(drop)
}
