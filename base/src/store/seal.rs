//! Small files of the cache that describe another file or tree. Each contains its own digest, so a
//! changed or truncated seal is ignored instead of believed.

use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sys::files::{read_if_there, write_atomically};
use crate::vocabulary::Sha256;

/// The file of an entry that says what the rest of it must be.
pub const SEAL: &str = "seal.json";

#[derive(Serialize, Deserialize)]
struct Sealed {
    sha256: Sha256,
    sealed: Value,
}

/// Writes the seal of an entry that is being made.
pub fn seal(entry: &Path, content: &impl Serialize) -> io::Result<()> {
    write_sealed(&entry.join(SEAL), content)
}

/// Reads the seal of an entry: `None` if there is none that is whole.
pub fn unseal<T: DeserializeOwned>(entry: &Path) -> io::Result<Option<T>> {
    read_sealed(&entry.join(SEAL))
}

/// Writes a value as JSON beside its digest, atomically.
pub fn write_sealed(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let sealed = serde_json::to_value(content)?;
    let sealed = Sealed { sha256: digest(&sealed), sealed };
    write_atomically(path, &serde_json::to_vec(&sealed)?)
}

/// Reads what [`write_sealed`] wrote: `None` if nothing is there, or something else.
pub fn read_sealed<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let Some(bytes) = read_if_there(path)? else {
        return Ok(None);
    };
    let sealed = serde_json::from_slice::<Sealed>(&bytes).ok();
    let sealed = sealed.filter(|it| digest(&it.sealed) == it.sha256);
    Ok(sealed.and_then(|it| serde_json::from_value(it.sealed).ok()))
}

fn digest(value: &Value) -> Sha256 {
    Sha256::of(value.to_string())
}
