//! Downloads: a file is hashed while it is written to a temporary name, an interrupted transfer
//! resumes where it stopped, and only a file with the pinned hash is returned.

use std::io::{self, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use ureq::Body;
use ureq::http::{Response, header};
use url::Url;

use super::client::{Client, ended, header_text, is_gzip};
use super::error::TransferError;
use super::pace::Paced;
use crate::fetch::store::temporary;
use base::vocabulary::Sha256;
use base::vocabulary::digest::Hashing;

/// What is known of a file before it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Its digest. `None` only for archives whose unpacked tree is pinned instead.
    pub sha256: Option<Sha256>,
    /// Its size.
    pub size: Option<u64>,
}

/// What a file may have whose size nobody has said. The largest wheels of the public indexes have
/// some 4 GB.
const UNKNOWN_SIZE_MAX: u64 = 16 << 30;

/// Bytes that do not compress grow: by an eighth with fixed Huffman codes (RFC 1951, 3.2.6).
const fn zipped_at_most(size: u64) -> u64 {
    size + size / 8 + 64 * 1024
}

impl Client {
    /// Downloads to a temporary file in `dir` and verifies it. `on_bytes` hears of the bytes as
    /// they come.
    pub fn download(
        &self,
        url: &Url,
        pin: Pin,
        dir: &Path,
        on_bytes: &dyn Fn(u64),
    ) -> Result<NamedTempFile, TransferError> {
        let mut partial = Partial::new(dir)?;
        self.persist(|| self.go_on(url, pin, &mut partial, on_bytes))?;
        match partial.verify(pin) {
            // The server may have changed the file between the two halves.
            Err(TransferError::WrongHash { .. }) if partial.resumed => {
                partial.restart()?;
                self.persist(|| {
                    partial.restart()?;
                    self.go_on(url, pin, &mut partial, on_bytes)
                })?;
                partial.verify(pin)
            }
            verified => verified,
        }?;
        partial.finish(pin)
    }

    fn go_on(
        &self,
        url: &Url,
        pin: Pin,
        partial: &mut Partial,
        on_bytes: &dyn Fn(u64),
    ) -> Result<(), TransferError> {
        // A gzipped tar is not to be unpacked by the way: what is locked is its bytes.
        let mut headers = vec![(header::ACCEPT_ENCODING, "identity".to_owned())];
        if partial.received > 0 {
            headers.push((header::RANGE, format!("bytes={}-", partial.received)));
        }
        let response = match self.get(url, &headers) {
            // Range not satisfiable: the file is shorter than what we have of it.
            Err(TransferError::Status { status: 416, .. }) if partial.received > 0 => {
                partial.restart()?;
                self.get(url, &headers[..1])?.1
            }
            other => other?.1,
        };
        if partial.received > 0 && !continues(&response, partial.received) {
            partial.restart()?;
        }
        partial.resumed |= partial.received > 0;
        partial.zipped = is_gzip(&response);
        let expected =
            response.body().content_length().map(|length| partial.received.saturating_add(length));
        if let (Some(expected), Some(size), false) = (expected, pin.size, partial.zipped)
            && expected != size
        {
            return Err(TransferError::WrongSize { expected: size, received: expected });
        }
        let limit = match pin.size {
            Some(size) if partial.zipped => zipped_at_most(size),
            Some(size) => size,
            None => UNKNOWN_SIZE_MAX,
        };
        let body = Paced::new(response.into_body().into_reader(), self.patience.stall);
        partial.append(body, expected, limit, on_bytes)?;
        match pin.size {
            Some(size) if !partial.zipped && partial.received < size => {
                // Without `Content-Length` an early end looks like any end (RFC 9112, 6.3).
                Err(TransferError::Truncated { received: partial.received, expected: Some(size) })
            }
            _ => Ok(()),
        }
    }
}

/// Whether the answer is the rest of the file from `offset` on (RFC 9110, 14.4).
fn continues(response: &Response<Body>, offset: u64) -> bool {
    response.status() == 206
        && !is_gzip(response)
        && header_text(response, header::CONTENT_RANGE).starts_with(&format!("bytes {offset}-"))
}

/// The part of a file that is present.
struct Partial {
    file: Hashing<NamedTempFile>,
    received: u64,
    resumed: bool,
    zipped: bool,
}

impl Partial {
    fn new(dir: &Path) -> io::Result<Self> {
        Ok(Self { file: Hashing::new(temporary(dir)?), received: 0, resumed: false, zipped: false })
    }

    fn restart(&mut self) -> io::Result<()> {
        let dir = self.file.inner().path().parent().map(Path::to_owned);
        *self = Self::new(&dir.unwrap_or_default())?;
        Ok(())
    }

    fn append(
        &mut self,
        mut body: impl Read,
        expected: Option<u64>,
        limit: u64,
        on_bytes: &dyn Fn(u64),
    ) -> Result<(), TransferError> {
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let failed = ended(error, self.received, expected);
                    if self.zipped {
                        self.restart()?;
                    }
                    return Err(failed);
                }
            };
            if self.received + read as u64 > limit {
                return Err(TransferError::TooLarge(limit));
            }
            self.file.write_all(&buffer[..read])?;
            self.received += read as u64;
            on_bytes(read as u64);
        }
        Ok(())
    }

    /// Compares with the pin; a file that came gzipped although it was not asked for may be
    /// unpacked to the right one.
    fn verify(&mut self, pin: Pin) -> Result<(), TransferError> {
        let Some(expected) = pin.sha256 else {
            return Ok(());
        };
        if self.digest() == expected {
            return Ok(());
        }
        if self.zipped {
            self.unzip(pin.size.unwrap_or(UNKNOWN_SIZE_MAX))?;
        }
        let received = self.digest();
        if received == expected {
            return Ok(());
        }
        Err(TransferError::WrongHash { expected, received, bytes: self.received })
    }

    fn digest(&self) -> Sha256 {
        self.file.digest()
    }

    fn unzip(&mut self, limit: u64) -> Result<(), TransferError> {
        let packed = std::fs::File::open(self.file.inner().path())?;
        let mut plain = flate2::read::MultiGzDecoder::new(packed).take(limit + 1);
        self.restart()?;
        self.received = match io::copy(&mut plain, &mut self.file) {
            Ok(bytes) if bytes > limit => return Err(TransferError::TooLarge(limit)),
            Ok(bytes) => bytes,
            // It was not gzip after all; the digest will tell.
            Err(error) if is_nonsense(&error) => 0,
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }

    fn finish(self, pin: Pin) -> Result<NamedTempFile, TransferError> {
        let (file, _, received) = self.file.finish();
        if let Some(size) = pin.size
            && size != received
        {
            return Err(TransferError::WrongSize { expected: size, received });
        }
        file.as_file().sync_all()?;
        Ok(file)
    }
}

fn is_nonsense(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}
