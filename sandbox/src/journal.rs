//! The journal: an append-only file of JSON lines from which a killed sandbox comes back whole.
//!
//! One line holds *all* changes of one request, so a line torn by `kill -9` takes the whole request
//! with it: no charge without its books, no answer without its charge. One thread writes, and takes
//! with one `write` whatever was appended during the last one; a request waits for its own line to be
//! written before it answers. There is no `fsync`: the promise is against killed processes, not
//! against a power cut.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

/// The file's name within the sandbox's directory.
pub(crate) const FILE_NAME: &str = "journal.jsonl";

/// The single way to the journal's file.
pub(crate) struct Journal {
    shared: Arc<Shared>,
    written: watch::Receiver<u64>,
    writer: Option<JoinHandle<()>>,
}

/// The number of a line: whoever holds it can wait until that line is in the file.
#[derive(Clone, Copy, Debug)]
#[must_use = "an answer must not be sent before its line is written"]
pub(crate) struct LineNumber(u64);

#[derive(Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    last_line: u64,
    closed: bool,
}

impl Journal {
    /// Opens the journal in `dir` (made if missing), hands every change of old to `replay`, in order,
    /// and cuts off a torn last line.
    ///
    /// Fails when the directory cannot be used, another sandbox has it, or an older line is damaged.
    pub(crate) fn open<C: DeserializeOwned>(dir: &Path, mut replay: impl FnMut(C)) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(dir.join(FILE_NAME))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::ResourceBusy, "another sandbox uses this directory")
            }
            TryLockError::Error(error) => error,
        })?;
        let whole = read_lines(&mut file, &mut replay)?;
        file.set_len(whole)?;
        Ok(Self::start(file))
    }

    fn start(file: File) -> Self {
        let shared = Arc::new(Shared::default());
        let (progress, written) = watch::channel(0);
        let writer = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || write_lines(file, &shared, &progress)
        });
        Self { shared, written, writer: Some(writer) }
    }

    /// Appends one line with these changes. The order of calls is the order of the file, so call it
    /// while holding the lock on the state that the changes belong to.
    #[expect(clippy::expect_used, reason = "writing our own plain structures into memory has no way to fail")]
    pub(crate) fn append<C: Serialize>(&self, changes: &[C]) -> LineNumber {
        let mut pending = self.shared.lock();
        if !changes.is_empty() {
            serde_json::to_writer(&mut pending.bytes, changes).expect("changes are plain JSON");
            pending.bytes.push(b'\n');
            pending.last_line += 1;
            self.shared.wake.notify_one();
        }
        LineNumber(pending.last_line)
    }

    /// Waits until the line is in the file.
    pub(crate) async fn written(&self, line: LineNumber) {
        // An error means that the writer ended, which it does only when this journal is dropped.
        let _ = self.written.clone().wait_for(|written| *written >= line.0).await;
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replays the file's lines and answers how many bytes of it are whole lines.
fn read_lines<C: DeserializeOwned>(file: &mut File, replay: &mut impl FnMut(C)) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 20, &*file);
    let mut line = Vec::new();
    let mut whole = 0;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok(whole);
        }
        let changes: Vec<C> = serde_json::from_slice(&line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("journal damaged at byte {whole}: {error}"))
        })?;
        changes.into_iter().for_each(&mut *replay);
        whole += length as u64;
    }
}

fn write_lines(mut file: File, shared: &Shared, progress: &watch::Sender<u64>) {
    let mut batch = Vec::new();
    loop {
        let (last_line, closed) = {
            let mut pending = shared.lock();
            while pending.bytes.is_empty() && !pending.closed {
                pending = shared.wake.wait(pending).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut batch, &mut pending.bytes);
            (pending.last_line, pending.closed)
        };
        if let Err(error) = file.write_all(&batch) {
            // Going on would mean answering for charges that a restart forgets.
            tracing::error!(%error, "the journal cannot be written, giving up");
            std::process::exit(1);
        }
        batch.clear();
        progress.send_replace(last_line);
        if closed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::TempDir;

    fn replayed(dir: &Path) -> Vec<u32> {
        let mut seen = Vec::new();
        drop(Journal::open::<u32>(dir, |change| seen.push(change)).unwrap());
        seen
    }

    #[tokio::test]
    async fn a_line_is_in_the_file_before_the_wait_ends() {
        let dir = TempDir::new();
        let journal = Journal::open::<u32>(dir.path(), |_| ()).unwrap();
        let line = journal.append(&[1_u32, 2]);
        journal.written(line).await;
        let text = std::fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
        assert_eq!(text, "[1,2]\n");
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_file_goes_on() {
        let dir = TempDir::new();
        std::fs::write(dir.path().join(FILE_NAME), "[1]\n[2,3]\n[4,").unwrap();
        assert_eq!(replayed(dir.path()), [1, 2, 3]);
        let journal = Journal::open::<u32>(dir.path(), |_| ()).unwrap();
        let _ = journal.append(&[5_u32]);
        drop(journal);
        assert_eq!(replayed(dir.path()), [1, 2, 3, 5]);
    }

    #[test]
    fn damage_before_the_end_is_refused() {
        let dir = TempDir::new();
        std::fs::write(dir.path().join(FILE_NAME), "[1]\n[2,\n[3]\n").unwrap();
        assert!(Journal::open::<u32>(dir.path(), |_| ()).is_err());
    }

    #[test]
    fn two_sandboxes_cannot_share_a_directory() {
        let dir = TempDir::new();
        let _first = Journal::open::<u32>(dir.path(), |_| ()).unwrap();
        assert!(Journal::open::<u32>(dir.path(), |_| ()).is_err());
    }
}
