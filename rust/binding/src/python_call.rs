//! Calls Python code from Rust, so that the interpreter may end meanwhile.
//!
//! Up to 3.13 CPython ends a daemon thread that wants to go on while the interpreter shuts down with `pthread_exit`, which
//! unwinds its stack. `PyO3` catches what unwinds, the C library takes that ill, and the process aborts. A thread that waits for
//! events in a loop is likely to be met there. So it stays where it is, as CPython 3.14 lets it and as `PyO3` does where it
//! attaches. What objects run when they are let go, and a time source written in Python, is not called from here.
#![allow(unsafe_code, reason = "see above")]

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

unsafe extern "C-unwind" {
    /// As in `pyo3::ffi`, where it must not unwind.
    fn PyObject_Call(
        callable: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        keywords: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Dropped by whatever unwinds: no further than here.
struct Stay;

impl Drop for Stay {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}

/// `callable(*arguments, **keywords)`.
pub(crate) fn call<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: impl IntoPyObject<'py, Target = PyTuple, Output = Bound<'py, PyTuple>, Error: Into<PyErr>>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = callable.py();
    let arguments = arguments.into_pyobject(py).map_err(Into::into)?;
    let keywords = keywords.map_or(std::ptr::null_mut(), Bound::as_ptr);
    let stay = Stay;
    // SAFETY: live objects, the second one a tuple and the third one a dictionary or null; this thread holds the interpreter.
    // What comes back is a new reference, or null with an exception set. It unwinds only while the interpreter shuts down, and
    // then not past `stay`.
    let answer = unsafe { PyObject_Call(callable.as_ptr(), arguments.as_ptr(), keywords) };
    std::mem::forget(stay);
    // SAFETY: see above.
    unsafe { Bound::from_owned_ptr_or_err(py, answer) }
}
