//! Making the file of a page: whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::block::{FileIdentity, HEADER_AT, Header, RECORDS_AT, Record, SIZE};
use super::fault::Fault;

/// Whoever may stamp may write: others than the owner and its group may not even read.
const MODE: u32 = 0o660;

/// Which file it is.
pub(super) fn identity(file: &File) -> io::Result<FileIdentity> {
    let metadata = file.metadata()?;
    let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born_ns = born.map_or(0, |born| u64::try_from(born.as_nanos()).unwrap_or(0));
    Ok(FileIdentity { inode: metadata.ino(), born_ns })
}

/// Makes the page under another name and then gives it its own, so that nobody ever opens half of one. False: somebody else was
/// faster, and theirs is there.
pub(super) fn make(path: &Path, id: [u8; 16], node: u64, first: Record) -> Result<bool, Fault> {
    let beside = beside(path, id);
    let made = write_whole(&beside, id, node, first).and_then(|()| match fs::hard_link(&beside, path) {
        Ok(()) => sync_directory(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Fault::Os { what: "naming the file", error }),
    });
    match fs::remove_file(&beside) {
        Err(error) if made.is_ok() => Err(Fault::Os { what: "removing the name that it was made under", error }),
        _ => made,
    }
}

fn write_whole(beside: &Path, id: [u8; 16], node: u64, first: Record) -> Result<(), Fault> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(MODE).open(beside);
    let file = file.map_err(Fault::os("making the file"))?;
    let header = Header {
        id,
        node,
        file: identity(&file).map_err(Fault::os("asking for its identity"))?,
        made_us: first.written_us,
    };
    // All of it, so that the file system has room for all of it from here on.
    let mut bytes = vec![0; SIZE as usize];
    let mut put = |at: u64, block: &[u8]| bytes[at as usize..at as usize + block.len()].copy_from_slice(block);
    put(HEADER_AT, &header.to_block());
    put(RECORDS_AT[0], &Record { sequence: 0, ..first }.to_block());
    put(RECORDS_AT[1], &first.to_block());
    file.write_all_at(&bytes, 0).and_then(|()| file.sync_all()).map_err(Fault::os("writing the file"))
}

pub(super) fn sync_directory(path: &Path) -> Result<(), Fault> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(Fault::os("making its name durable"))
}

fn beside(path: &Path, id: [u8; 16]) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:032x}.new", u128::from_be_bytes(id)));
    path.with_file_name(name)
}
