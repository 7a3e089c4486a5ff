//! The state of files, to tell whether they were changed since they were read.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// What tells one state of the files from another: device, inode, size and times of each; `None`
/// for one that is not there.
pub(super) type Print = Vec<FilePrint>;

/// The same of one file.
pub(super) type FilePrint = Option<(u64, u64, u64, i64, i64)>;

/// The state of the files now.
pub(super) fn print(files: &[PathBuf]) -> Print {
    let one = |path: &PathBuf| {
        let found = std::fs::metadata(path).ok()?;
        Some((
            found.dev(),
            found.ino(),
            found.size(),
            found.mtime(),
            found.mtime_nsec(),
        ))
    };
    files.iter().map(one).collect()
}
