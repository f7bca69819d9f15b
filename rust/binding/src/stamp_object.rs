//! Makes `Timestamp` objects the way CPython makes its own small ones: one allocation, no constructor call, one free.
//!
//! `PyO3` goes through the type's constructor and, at the end, its general destructor. For an object of 16 plain bytes that
//! is about 10 ns of a 70 ns call, more than all the rules of the clock together. It is worth this one `unsafe` file; the
//! figures are in DESIGN.md, "Why timestamps are allocated by hand".
//!
//! The layout is never assumed: it is read off a `Timestamp` that `PyO3` made, and where it is not the plain one (another
//! interpreter, a garbage-collected or debug layout, no global lock) everything stays with `PyO3`.
#![allow(unsafe_code, reason = "see above")]

use std::cell::UnsafeCell;
use std::sync::OnceLock;

use flocktime_core::Timestamp;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::timestamp::PyTimestamp;

/// What `install` found: a type whose objects are a header and 16 bytes.
struct Plain {
    /// The type; it lives as long as the interpreter, since the module holds it.
    class: *mut ffi::PyTypeObject,
    /// Bytes from the start of an object to its value.
    offset: usize,
    /// Bytes of an object.
    size: usize,
}

// SAFETY: the pointer is to a type object that is never freed; it is only followed by threads that hold the interpreter.
unsafe impl Send for Plain {}
// SAFETY: as above, and the fields never change after `install`.
unsafe impl Sync for Plain {}

static PLAIN: OnceLock<Plain> = OnceLock::new();

/// Blocks that were freed and wait for the next timestamp, as CPython keeps its floats: 2 KiB at most.
struct Pool {
    blocks: UnsafeCell<[*mut ffi::PyObject; Self::MOST]>,
    /// How many of them are there, `0..=MOST`.
    count: UnsafeCell<usize>,
}

// SAFETY: `pop` and `push` are called by threads that hold the interpreter's one lock only, and do not let go of it.
unsafe impl Sync for Pool {}

static POOL: Pool = Pool { blocks: UnsafeCell::new([std::ptr::null_mut(); Pool::MOST]), count: UnsafeCell::new(0) };

impl Pool {
    const MOST: usize = 64;

    /// A block of `size` bytes, null when there is no memory.
    ///
    /// # Safety
    ///
    /// The caller holds the interpreter, and always asks for the same size.
    #[inline]
    unsafe fn pop(&self, size: usize) -> *mut ffi::PyObject {
        // SAFETY: the lock makes this the only access; entries below `count` were pushed, and `count <= MOST`.
        unsafe {
            let count = &mut *self.count.get();
            if *count == 0 {
                return ffi::PyObject_Malloc(size).cast();
            }
            *count -= 1;
            (*self.blocks.get())[*count]
        }
    }

    /// Keeps a block, or gives it back to the allocator.
    ///
    /// # Safety
    ///
    /// The caller holds the interpreter, and `block` came from `PyObject_Malloc`, in `pop`'s size, and is used no more.
    #[inline]
    unsafe fn push(&self, block: *mut ffi::PyObject) {
        // SAFETY: the lock makes this the only access; `count < MOST` is an index of the array.
        unsafe {
            let count = &mut *self.count.get();
            if *count == Self::MOST {
                return ffi::PyObject_Free(block.cast());
            }
            (*self.blocks.get())[*count] = block;
            *count += 1;
        }
    }
}

/// A `Timestamp` object of this value.
#[inline]
pub(crate) fn stamp(py: Python<'_>, value: Timestamp) -> Bound<'_, PyTimestamp> {
    match PLAIN.get() {
        Some(plain) => allocate(py, plain, value),
        None => general(py, value),
    }
}

#[cold]
fn general(py: Python<'_>, value: Timestamp) -> Bound<'_, PyTimestamp> {
    // As `PyO3` itself does for returned values: without memory for 32 bytes there is nothing left to report.
    Bound::new(py, PyTimestamp(value)).unwrap_or_else(|error| panic!("no memory for a timestamp: {error}"))
}

#[inline]
#[allow(clippy::cast_ptr_alignment, reason = "checked once, in `measure`")]
fn allocate<'py>(py: Python<'py>, plain: &Plain, value: Timestamp) -> Bound<'py, PyTimestamp> {
    // SAFETY: `py` proves that this thread holds the interpreter, and `plain` never changes.
    let object = unsafe { POOL.pop(plain.size) };
    if object.is_null() {
        return general(py, value);
    }
    // SAFETY: the block is fresh and `size` bytes long, as `tp_basicsize` says; `PyObject_Init` writes the header, and the
    // value lies behind it at the offset that `PyO3`'s own object has it at, inside the block and aligned (checked once in
    // `measure`). The reference that `PyObject_Init` creates is handed to `Bound`, and the object is of the very type.
    unsafe {
        ffi::PyObject_Init(object, plain.class);
        object.cast::<u8>().add(plain.offset).cast::<PyTimestamp>().write(PyTimestamp(value));
        Bound::from_owned_ptr(py, object).cast_into_unchecked()
    }
}

/// Takes back what `allocate` or `PyO3` made; both come from `PyObject_Malloc`, in the same size.
unsafe extern "C" fn free(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls this once, with the last reference, holding the interpreter. The value has no destructor, and
    // an object of a heap type holds a reference to its type, which goes with it.
    unsafe {
        let class = ffi::Py_TYPE(object);
        POOL.push(object);
        ffi::Py_DECREF(class.cast());
    }
}

/// Looks at a sample object and, where its layout is the plain one, takes over making and freeing.
pub(crate) fn install(py: Python<'_>) -> PyResult<()> {
    if cfg!(Py_GIL_DISABLED) {
        return Ok(()); // the pool relies on the lock
    }
    let sample = Bound::new(py, PyTimestamp(Timestamp::MAX))?;
    if let Some(plain) = measure(&sample) {
        drop(sample); // freed by the destructor that it was made for
        if PLAIN.get().is_none() {
            // SAFETY: the type is alive and this thread holds the interpreter; no object of the type is being freed now.
            unsafe { (*plain.class).tp_dealloc = Some(free) };
        }
        PLAIN.get_or_init(|| plain);
    }
    Ok(())
}

fn measure(sample: &Bound<'_, PyTimestamp>) -> Option<Plain> {
    let class = sample.get_type().as_type_ptr();
    // SAFETY: `class` is the type of a live object.
    let (size, collected, release) = unsafe {
        (
            (*class).tp_basicsize as usize,
            ffi::PyType_IS_GC(class) != 0,
            (*class).tp_free.map(|release| release as usize),
        )
    };
    let offset = std::ptr::from_ref(sample.get()) as usize - sample.as_ptr() as usize;
    let header = size_of::<ffi::PyObject>();
    let plain = offset == header.next_multiple_of(align_of::<PyTimestamp>())
        && size == offset + size_of::<PyTimestamp>()
        && align_of::<PyTimestamp>() <= 16
        && !collected
        && release == Some(ffi::PyObject_Free as *const () as usize)
        && !std::mem::needs_drop::<PyTimestamp>();
    plain.then_some(Plain { class, offset, size })
}
