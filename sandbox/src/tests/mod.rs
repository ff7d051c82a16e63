//! The crate's tests over HTTP, against a real server on a port of its own.

use std::path::{Path, PathBuf};

/// A directory that is gone after the test.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty directory.
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(crate::ids::new_id("remit-sandbox-test"));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
