//! `RECORD`: which files a distribution has installed, with digest and size. Source: “Recording
//! installed projects” and “Binary distribution format” of the Python packaging specifications.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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

impl RecordLine {
    /// The digest, if it is given and is a sha256; the specification allows other algorithms.
    pub fn sha256(&self) -> Option<Sha256> {
        let bytes = URL_SAFE_NO_PAD.decode(self.hash.strip_prefix("sha256=")?).ok()?;
        Some(<[u8; 32]>::try_from(bytes).ok()?.into())
    }
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
    fn what_is_no_record_is_refused() {
        for bytes in [&b"a,b,c,d\n"[..], b",sha256=x,1\n", b"\xff,,\n"] {
            assert!(Record::parse("x", bytes).is_err(), "{bytes:?}");
        }
    }
}
