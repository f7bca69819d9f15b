//! [`PageError`]: what is wrong with a page, and whose word it is.

use std::io;
use std::path::{Path, PathBuf};

/// A page that cannot be used. Nothing was changed in it.
#[derive(Debug)]
pub struct PageError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a page.
#[derive(Debug)]
pub enum Fault {
    /// The operating system refuses.
    Os {
        /// What was asked of it.
        what: &'static str,
        /// Its word.
        error: io::Error,
    },
    /// It is not a file of a page's size.
    Size {
        /// Bytes that it has.
        found: u64,
    },
    /// It does not begin as a page does.
    Foreign,
    /// It was written by a version that this one does not understand.
    Version {
        /// Its major version.
        found: u16,
    },
    /// What is durable in it was changed by somebody else: its checksum is wrong.
    Damaged {
        /// Which part.
        what: &'static str,
    },
    /// The file is not the one that the page was made in: it was copied, or restored from a backup.
    Copied,
    /// Another process has held it for longer than opening waits.
    Busy {
        /// The process that said so last.
        holder: u32,
    },
    /// Another flock member says to its clocks what to follow.
    Taken {
        /// Its process.
        holder: u32,
    },
    /// This machine cannot do what a page needs.
    Unsupported {
        /// What that is.
        what: &'static str,
    },
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> PageError {
        PageError { path: path.to_owned(), fault: self }
    }

    pub(super) const fn os(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Os { what, error }
    }
}

impl std::fmt::Display for PageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.path.display(), self.fault)
    }
}

impl std::error::Error for PageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Os { error, .. } => Some(error),
            _ => None,
        }
    }
}
