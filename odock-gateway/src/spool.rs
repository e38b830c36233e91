//! Bodies that are too large to be held in memory: written to a nameless file as they come, and read from it as they are
//! sent on.
//!
//! The file has no name, so that nothing of it is left whatever becomes of the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;

/// Bytes of a body that stay in memory.
const IN_MEMORY: usize = 256 << 10;
/// Bytes that are read at a time.
const CHUNK: u64 = 128 << 10;

/// A body on its way in.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    memory: BytesMut,
    file: Option<tokio::fs::File>,
    len: u64,
}

impl Spool {
    /// A spool whose file, if it needs one, is made in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), memory: BytesMut::new(), file: None, len: 0 }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(bytes).await;
        }
        self.memory.extend_from_slice(bytes);
        if self.memory.len() > IN_MEMORY {
            let dir = std::mem::take(&mut self.dir);
            let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(dir)).await;
            let mut file = tokio::fs::File::from_std(made.map_err(io::Error::other)??);
            file.write_all(&std::mem::take(&mut self.memory)).await?;
            self.file = Some(file);
        }
        Ok(())
    }

    /// The whole body.
    ///
    /// # Errors
    /// When the last bytes cannot be written.
    pub async fn finish(self) -> io::Result<Spooled> {
        let Some(mut file) = self.file else { return Ok(Spooled::in_memory(self.memory.freeze())) };
        file.flush().await?;
        let file = Arc::new(Mutex::new(file.into_std().await));
        Ok(Spooled(Place::File { file, len: self.len }))
    }
}

/// A whole body, which may be read any number of times, also at once.
#[derive(Clone, Debug)]
pub struct Spooled(Place);

#[derive(Clone, Debug)]
enum Place {
    Memory(Bytes),
    File { file: Arc<Mutex<File>>, len: u64 },
}

impl Spooled {
    /// A body that stays in memory.
    #[must_use]
    pub fn in_memory(bytes: Bytes) -> Self {
        Self(Place::Memory(bytes))
    }

    /// Its length.
    #[must_use]
    pub fn len(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::File { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it, to be sent; `None` if it is empty.
    #[must_use]
    pub fn piece(&self, range: Range<u64>) -> Option<Piece> {
        let range = range.start..range.end.min(self.len());
        if range.is_empty() {
            return None;
        }
        Some(match &self.0 {
            Place::Memory(bytes) => bytes.slice(index(range.start)..index(range.end)).into(),
            Place::File { file, .. } => Piece::Spooled(SpooledPiece { file: Arc::clone(file), range }),
        })
    }
}

/// What stands in memory has indices that fit.
fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// A part of a body, in memory or not.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// A part of a body in a file.
    Spooled(SpooledPiece),
}

impl Piece {
    /// Its length.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Spooled(piece) => piece.len(),
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its bytes, if they are in memory.
    #[must_use]
    pub fn in_memory(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Spooled(_) => None,
        }
    }
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A part of a body in a file.
#[derive(Clone, Debug)]
pub struct SpooledPiece {
    file: Arc<Mutex<File>>,
    range: Range<u64>,
}

impl SpooledPiece {
    /// Bytes that are still to be read.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether all of it was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }

    /// Takes the next bytes off its front. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self) -> io::Result<Bytes> {
        let most = index(self.len().min(CHUNK));
        let mut bytes = BytesMut::zeroed(most);
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(self.range.start))?;
            file.read_exact(&mut bytes)?;
        }
        self.range.start += most as u64;
        Ok(bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn spooled(dir: &Path, bytes: &[u8]) -> Spooled {
        let mut spool = Spool::new(dir);
        for piece in bytes.chunks(60_000) {
            spool.write(piece).await.unwrap();
        }
        spool.finish().await.unwrap()
    }

    fn read(piece: Piece) -> Vec<u8> {
        match piece {
            Piece::Bytes(bytes) => bytes.to_vec(),
            Piece::Spooled(mut piece) => {
                let mut all = Vec::new();
                while !piece.is_empty() {
                    all.extend(piece.read().unwrap());
                }
                all
            }
        }
    }

    #[tokio::test]
    async fn what_comes_out_is_what_went_in_and_a_large_body_is_not_in_memory() {
        let dir = tempfile::tempdir().unwrap();
        for size in [0, 1, IN_MEMORY, IN_MEMORY + 1, 1_000_000] {
            #[allow(clippy::cast_possible_truncation, reason = "any bytes will do")]
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let body = spooled(dir.path(), &bytes).await;
            assert_eq!(body.len(), size as u64);
            assert_eq!(matches!(body.0, Place::File { .. }), size > IN_MEMORY, "{size}");
            let whole = body.piece(0..body.len()).map(read).unwrap_or_default();
            assert_eq!(whole, bytes);
            if size > 10 {
                assert_eq!(read(body.piece(3..size as u64 - 2).unwrap()), &bytes[3..size - 2]);
            }
            assert!(body.piece(5..5).is_none());
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has no name");
    }

    #[tokio::test]
    async fn a_directory_that_is_gone_is_an_error() {
        let mut spool = Spool::new(Path::new("/nowhere/at/all"));
        assert!(spool.write(&vec![0; IN_MEMORY + 1]).await.is_err());
    }
}
