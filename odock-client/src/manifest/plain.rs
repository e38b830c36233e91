//! Files that have an end: opening anything else could take for ever.

use std::fs::{self, File, FileType};
use std::io;
use std::path::Path;

/// Opens a file to be read to its end.
///
/// A named pipe that nobody writes into holds up whoever opens it, and a socket cannot be opened. A descriptor that a shell
/// handed down is fine, for whoever made it writes into it: `-f <(generate)` is `/dev/fd/63`.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let what = fs::metadata(path)?.file_type();
    if is_endless(what) && !is_handed_down(path) {
        return Err(io::Error::other("it is a named pipe or a socket, and may never end"));
    }
    File::open(path)
}

#[cfg(unix)]
fn is_endless(what: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    what.is_fifo() || what.is_socket()
}

#[cfg(not(unix))]
fn is_endless(_: FileType) -> bool {
    false
}

fn is_handed_down(path: &Path) -> bool {
    ["/dev/fd", "/proc/self/fd"].iter().any(|place| path.starts_with(place)) || path == Path::new("/dev/stdin")
}
