//! Keys over structured inputs. Every part has a label and a length prefix, so two different lists
//! of parts never have the same bytes.

use sha2::Digest as _;

use super::Sha256;

/// Collects labelled parts into one digest.
#[derive(Debug, Clone)]
pub struct Fingerprint(sha2::Sha256);

impl Fingerprint {
    /// Starts a fingerprint of a certain kind, such as `toolchain 1`: kinds never collide.
    pub fn new(kind: &str) -> Self {
        Self(sha2::Sha256::new()).with("kind", kind)
    }

    /// Adds a labelled part. The order of parts counts.
    #[must_use]
    pub fn with(mut self, label: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [label.as_bytes(), value.as_ref()] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// The digest of all parts.
    pub fn finish(self) -> Sha256 {
        let bytes: [u8; 32] = self.0.finalize().into();
        bytes.into()
    }
}
