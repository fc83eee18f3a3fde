//! SHA-256 digests and the two ways in which the field writes them: hexadecimal (uv.lock, PEP 503,
//! Debian) and SRI (Nix, `sha256-<base64>`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

/// A SHA-256 digest. It is displayed and serialised as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// A string that is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The length or the alphabet is not that of 64 hexadecimal digits.
    #[error("`{0}` is not a sha256 in hexadecimal (64 digits)")]
    Hex(String),
    /// Not `sha256-` and the base64 of 32 bytes.
    #[error("`{0}` is not an SRI hash of the form `sha256-<base64>`")]
    Sri(String),
    /// A hash of another algorithm, such as `md5:…`.
    #[error("`{0}` is not a sha256; only sha256 pins a file here")]
    Algorithm(String),
}

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(sha2::Sha256::digest(bytes.as_ref()).into())
    }

    /// Takes 64 hexadecimal digits of either case.
    pub fn from_hex(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError::Hex(text.to_owned());
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return Err(error());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(bytes.chunks(2)) {
            let high = char::from(pair[0]).to_digit(16).ok_or_else(error)?;
            let low = char::from(pair[1]).to_digit(16).ok_or_else(error)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| error())?;
        }
        Ok(Self(digest))
    }

    /// Takes `sha256:<hex>`, as uv.lock writes it.
    pub fn from_prefixed(text: &str) -> Result<Self, DigestError> {
        match text.split_once(':') {
            Some(("sha256", hex)) => Self::from_hex(hex),
            Some(_) => Err(DigestError::Algorithm(text.to_owned())),
            None => Err(DigestError::Hex(text.to_owned())),
        }
    }

    /// Takes `sha256-<base64>`: W3C Subresource Integrity, as Nix writes `outputHash`.
    pub fn from_sri(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError::Sri(text.to_owned());
        let encoded = text.strip_prefix("sha256-").ok_or_else(error)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| error())?;
        Ok(Self(bytes.try_into().map_err(|_| error())?))
    }

    /// `sha256-<base64>`, to be pasted into a Nix `outputHash`.
    pub fn to_sri(&self) -> String {
        format!("sha256-{}", STANDARD.encode(self.0))
    }

    /// The raw 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

impl FromStr for Sha256 {
    type Err = DigestError;

    /// Takes any of the three spellings.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.starts_with("sha256-") {
            Self::from_sri(text)
        } else if text.contains(':') {
            Self::from_prefixed(text)
        } else {
            Self::from_hex(text)
        }
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A [`Sha256`] that serialises as SRI, for fields that people paste into Nix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sri(pub Sha256);

impl fmt::Display for Sri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_sri())
    }
}

impl Serialize for Sri {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Sri).map_err(serde::de::Error::custom)
    }
}

/// Hashes what passes through: a reader or a writer whose bytes are wanted with their digest.
#[derive(Debug)]
pub struct Hashing<T> {
    inner: T,
    hasher: sha2::Sha256,
    bytes: u64,
}

impl<T> Hashing<T> {
    /// Wraps a reader or a writer.
    pub fn new(inner: T) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), bytes: 0 }
    }

    /// The wrapped value, the digest of all that passed, and how many bytes that were.
    pub fn finish(self) -> (T, Sha256, u64) {
        (self.inner, Sha256(self.hasher.finalize().into()), self.bytes)
    }

    /// The digest of all that has passed so far.
    pub fn digest(&self) -> Sha256 {
        Sha256(self.hasher.clone().finalize().into())
    }

    /// The wrapped value. What is read or written past this wrapper is not hashed.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<T: std::io::Write> std::io::Write for Hashing<T> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.passed(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<T: std::io::Read> std::io::Read for Hashing<T> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.passed(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf '' | sha256sum; nix hash to-sri --type sha256 e3b0…
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const EMPTY_SRI: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn spellings_agree() {
        let digest = Sha256::of("");
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(digest.to_sri(), EMPTY_SRI);
        for text in [EMPTY.to_owned(), EMPTY.to_uppercase(), format!("sha256:{EMPTY}")] {
            assert_eq!(text.parse(), Ok(digest), "{text}");
        }
        assert_eq!(EMPTY_SRI.parse(), Ok(digest));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "e3b0", "md5:e3b0", &EMPTY.replace('e', "g"), "sha256-e3b0", "../../x"] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
