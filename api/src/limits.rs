//! What a request may be at most, whatever it asks for.

use std::time::Duration;

/// A body larger than this is refused: 64 KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a body may take, once it is waited for.
pub const BODY_WITHIN: Duration = Duration::from_secs(10);
