//! The minimum speed of a server: one that sends byte after byte and never finishes would block a
//! run for ever.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Fewer bytes in a second than any line brings that is of use; on average over a span.
const BYTES_PER_SECOND_MIN: u64 = 1024;

/// A body that fails with [`io::ErrorKind::TimedOut`] where too little of it comes in a span.
pub(super) struct Paced<R> {
    inner: R,
    span: Duration,
    /// For bytes only: how long the disk takes for them is not the server's fault.
    waited: Duration,
    received: u64,
}

impl<R> Paced<R> {
    pub(super) fn new(inner: R, span: Duration) -> Self {
        Self { inner, span, waited: Duration::ZERO, received: 0 }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let begun = Instant::now();
        let read = self.inner.read(buffer)?;
        self.waited += begun.elapsed();
        self.received += read as u64;
        if self.waited >= self.span {
            let expected = u128::from(BYTES_PER_SECOND_MIN) * self.span.as_millis() / 1000;
            if read > 0 && u128::from(self.received) < expected {
                let (bytes, seconds) = (self.received, self.waited.as_secs_f32());
                let message = format!("only {bytes} bytes in {seconds:.1} s");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            (self.waited, self.received) = (Duration::ZERO, 0);
        }
        Ok(read)
    }
}
