//! `RECORD`: the files that a distribution installed, with digest and size. Source: “Recording
//! installed projects” and “Binary distribution format” of the Python packaging specifications.

use std::fmt;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;

use crate::vocabulary::limits::RECORD_BYTES;
use crate::vocabulary::{Problem, Sha256};

/// One line of a `RECORD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordLine {
    /// The file, relative to `site-packages` with `/`, such as `../../../bin/django-admin`.
    pub path: String,
    /// `sha256=<base64, URL-safe, without padding>`; empty for `RECORD` itself.
    pub hash: String,
    /// The number of bytes; empty for `RECORD` itself.
    pub size: String,
}

/// The result of comparing a line with a file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Digest and size are right.
    Right,
    /// There is no digest, and nothing is wrong.
    Unhashed,
    /// The algorithm is not one that the specification permits.
    Weak(String),
    /// Digest or size are those of other content.
    Wrong {
        /// What the line says.
        expected: String,
        /// What the content has.
        received: String,
    },
}

impl RecordLine {
    /// A line of `path` with the sha256 and size of what `content` gives.
    pub fn of(path: &str, content: impl Read) -> io::Result<Self> {
        let (digest, bytes) = digest_of::<sha2::Sha256>(content)?;
        Ok(Self {
            path: path.to_owned(),
            hash: format!("sha256={digest}"),
            size: bytes.to_string(),
        })
    }

    /// Compares the line with a file's content. The specification requires sha256 or better.
    pub fn verify(&self, content: impl Read) -> io::Result<Verdict> {
        let (algorithm, expected) = self.hash.split_once('=').unwrap_or((&self.hash, ""));
        let (digest, bytes) = match algorithm {
            "" | "sha256" => digest_of::<sha2::Sha256>(content)?,
            "sha384" => digest_of::<sha2::Sha384>(content)?,
            "sha512" => digest_of::<sha2::Sha512>(content)?,
            other => return Ok(Verdict::Weak(other.to_owned())),
        };
        // Some wheels of PyPI write it in hexadecimal: another spelling, the same digest.
        let is_same = |it: &str| it == digest || hex_as_base64(it).is_some_and(|it| it == digest);
        if !self.hash.is_empty() && !is_same(expected.trim_end_matches('=')) {
            let received = format!("{algorithm}={digest}");
            return Ok(Verdict::Wrong { expected: self.hash.clone(), received });
        }
        if !self.size.is_empty() && self.size.parse() != Ok(bytes) {
            let [expected, received] =
                [&self.size, &bytes.to_string()].map(|size| format!("{size} bytes"));
            return Ok(Verdict::Wrong { expected, received });
        }
        Ok(if self.hash.is_empty() { Verdict::Unhashed } else { Verdict::Right })
    }

    /// The digest, if it is given and is a sha256; the specification allows other algorithms.
    pub fn sha256(&self) -> Option<Sha256> {
        let bytes = URL_SAFE_NO_PAD.decode(self.hash.strip_prefix("sha256=")?).ok()?;
        Some(<[u8; 32]>::try_from(bytes).ok()?.into())
    }
}

/// The digest as a `RECORD` writes it, and the number of bytes.
fn digest_of<D: Digest>(mut content: impl Read) -> io::Result<(String, u64)> {
    let (mut digest, mut bytes) = (D::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                digest.update(&buffer[..read]);
                bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((URL_SAFE_NO_PAD.encode(digest.finalize()), bytes))
}

/// Converts a hexadecimal digest to the form that a `RECORD` should have; `None` if it is not one.
fn hex_as_base64(text: &str) -> Option<String> {
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|it| it.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.filter(|_| is_hex).map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
}

/// The lines of a `RECORD` in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    lines: Vec<RecordLine>,
}

impl Record {
    /// Parses a `RECORD`. `of` names it in messages. A line may have fewer than three fields, as
    /// old `setuptools` wrote them, but not more.
    pub fn parse(of: impl fmt::Display, bytes: &[u8]) -> Result<Self, Problem> {
        let problem = |because: &dyn fmt::Display| {
            Problem::new(format!("cannot read the `RECORD` of `{of}`")).fact("because", because)
        };
        RECORD_BYTES.check(bytes.len()).map_err(|error| problem(&error))?;
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut lines = Vec::new();
        for row in reader.records() {
            let row = row.map_err(|error| problem(&error))?;
            if row.len() > 3 || row.get(0).is_none_or(str::is_empty) {
                return Err(problem(&format!("line {} is not path,hash,size", lines.len() + 1)));
            }
            let field = |index| row.get(index).unwrap_or_default().to_owned();
            lines.push(RecordLine { path: field(0), hash: field(1), size: field(2) });
        }
        Ok(Self { lines })
    }

    /// A record of these lines.
    pub fn of(lines: Vec<RecordLine>) -> Self {
        Self { lines }
    }

    /// The lines.
    pub fn lines(&self) -> &[RecordLine] {
        &self.lines
    }

    /// The line of a path as the `RECORD` spells it.
    pub fn line(&self, path: &str) -> Option<&RecordLine> {
        self.lines.iter().find(|line| line.path == path)
    }

    /// Gives the line of `path` the digest and size of `content`; does nothing without such a line.
    pub fn set(&mut self, path: &str, content: &[u8]) {
        for line in self.lines.iter_mut().filter(|line| line.path == path) {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::of(content).as_bytes());
            line.hash = format!("sha256={digest}");
            line.size = content.len().to_string();
        }
    }

    /// Takes the line of `path` out.
    pub fn remove(&mut self, path: &str) {
        self.lines.retain(|line| line.path != path);
    }

    /// The file's bytes, quoted as uv does it, so that untouched lines stay as uv wrote them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for line in &self.lines {
            writer
                .write_record([&line.path, &line.hash, &line.size])
                .expect("a vector takes every write");
        }
        writer.into_inner().expect("a vector takes every write")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_reading_and_writing() {
        let text = concat!(
            "a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n",
            "\"a,\"\"b\"\"\",,\nRECORD,,\n"
        );
        let mut record = Record::parse("x", text.as_bytes()).unwrap();
        assert_eq!(record.lines()[0].sha256(), Some(Sha256::of("")));
        assert_eq!(record.lines()[1].path, "a,\"b\"");
        assert_eq!(record.to_bytes(), text.as_bytes());
        record.set("a.py", b"x");
        assert_eq!(record.line("a.py").unwrap().sha256(), Some(Sha256::of("x")));
        record.remove("a.py");
        assert_eq!(record.lines().len(), 2);
    }

    #[test]
    fn a_line_is_held_against_content() {
        let line = |hash: &str, size: &str| RecordLine {
            path: "a".to_owned(),
            hash: hash.to_owned(),
            size: size.to_owned(),
        };
        // printf a | openssl dgst -binary -sha256 | basenc --base64url
        let sha256 = "sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs";
        let hex = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
        let sha384 = "sha384=VKWbnyK4CAjRiggkULfLe4q-j8cxkQQ9V0c-FlpXmGmDUrohl2d1LsQqtQG8s0xc";
        for (line, expected) in [
            (line(sha256, "1"), Some(Verdict::Right)),
            (line(&format!("{sha256}="), ""), Some(Verdict::Right)),
            (line(&format!("sha256={hex}"), "1"), Some(Verdict::Right)),
            (line(&format!("sha256={}", hex.replace('c', "d")), "1"), None),
            (line("", "1"), Some(Verdict::Unhashed)),
            (line("md5=DMF1ucDxtqgxw5niaXcmYQ", "1"), Some(Verdict::Weak("md5".to_owned()))),
            (line(sha256, "2"), None),
            (line(sha256, "-1"), None),
            (line("", "2"), None),
            (line("sha256=", "1"), None),
            (line(sha384, "1"), None),
            (line("sha512=", "1"), None),
        ] {
            let verdict = line.verify(&b"a"[..]).unwrap();
            match expected {
                Some(expected) => assert_eq!(verdict, expected, "{line:?}"),
                None => assert!(matches!(verdict, Verdict::Wrong { .. }), "{line:?}: {verdict:?}"),
            }
        }
        assert_eq!(RecordLine::of("a", &b"a"[..]).unwrap(), line(sha256, "1"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bytes in [&b"a,b,c,d\n"[..], b",sha256=x,1\n", b"\xff,,\n"] {
            assert!(Record::parse("x", bytes).is_err(), "{bytes:?}");
        }
    }
}
