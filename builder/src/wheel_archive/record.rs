//! A wheel against its `RECORD`. Source: “Binary distribution format”: of each file but `RECORD`
//! and its signatures there must be a line with the right digest, of sha256 or better. A line
//! without a digest says nothing wrong; pip and uv install such wheels, and so does this tool, but
//! not silently.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;

use super::{WheelArchive, open_zip, unreadable};
use base::dist_info::{Record, RecordLine, Verdict};
use base::vocabulary::Problem;

impl WheelArchive {
    /// Reads every file and compares it with `RECORD`. Returns how many files have no digest there.
    ///
    /// # Errors
    /// A file that is not listed, or whose digest or size is another; a digest of a weak algorithm;
    /// a line that leaves the wheel, or two different ones of one file.
    pub fn verify(&self) -> Result<usize, Problem> {
        let mut lines = BTreeMap::new();
        for line in self.record.lines() {
            if line.path.starts_with('/') || line.path.split('/').any(|part| part == "..") {
                return Err(self.wrong(&line.path, "a line of `RECORD` leaves the wheel"));
            }
            if lines.insert(line.path.as_str(), line).is_some_and(|other| other != line) {
                return Err(self.wrong(&line.path, "`RECORD` has two different lines of it"));
            }
        }
        let file_name = self.file_name();
        let mut zip = open_zip(&self.path, &file_name)?;
        let mut unhashed = 0;
        for name in self.members().filter(|name| !self.is_record(name)) {
            let line = lines.get(name);
            let line = line.ok_or_else(|| self.wrong(name, "`RECORD` does not list it"))?;
            let member = zip.by_name(name).map_err(|error| unreadable(&file_name, &error))?;
            let verdict = line.verify(member).map_err(|error| {
                unreadable(&file_name, &format!("its member `{name}` cannot be read: {error}"))
            })?;
            match verdict {
                Verdict::Right => {}
                Verdict::Unhashed => unhashed += 1,
                Verdict::Weak(algorithm) => {
                    return Err(self
                        .wrong(name, "the digest in `RECORD` is of a weak algorithm")
                        .fact("expected", "sha256, sha384 or sha512")
                        .fact("received", algorithm));
                }
                Verdict::Wrong { expected, received } => {
                    return Err(self
                        .wrong(name, "it is not what `RECORD` says")
                        .fact("expected", expected)
                        .fact("received", received));
                }
            }
        }
        Ok(unhashed)
    }

    /// Writes the wheel into the directory `into` with a `RECORD` of what it has, and gives that
    /// wheel.
    pub fn with_true_record(&self, site_packages: &str, into: &Path) -> Result<Self, Problem> {
        let file_name = self.file_name();
        let own = format!("{}/RECORD", self.dist_info);
        let mut zip = open_zip(&self.path, &file_name)?;
        let mut lines = Vec::new();
        for name in self.members().filter(|name| !self.is_record(name)) {
            let member = zip.by_name(name).map_err(|error| unreadable(&file_name, &error))?;
            let line = RecordLine::of(name, member).map_err(|error| {
                unreadable(&file_name, &format!("its member `{name}` cannot be read: {error}"))
            })?;
            lines.push(line);
        }
        lines.push(RecordLine { path: own.clone(), hash: String::new(), size: String::new() });
        fs::create_dir_all(into)
            .map_err(|error| Problem::new("cannot prepare the installation").cause(error))?;
        let path = into.join(&file_name);
        let replaced = BTreeMap::from([(own, Record::of(lines).to_bytes())]);
        // A signature of the old one says nothing of the new one.
        let signatures = self.members().filter(|name| self.is_signature(name)).collect();
        self.copy_without(&path, &signatures, &replaced)?;
        Self::open(&path, site_packages)
    }

    fn is_record(&self, member: &str) -> bool {
        member.strip_prefix(&self.dist_info) == Some("/RECORD") || self.is_signature(member)
    }

    fn is_signature(&self, member: &str) -> bool {
        let name = member.strip_prefix(&self.dist_info);
        name.is_some_and(|name| matches!(name, "/RECORD.jws" | "/RECORD.p7s"))
    }

    fn wrong(&self, member: &str, because: &str) -> Problem {
        unreadable(&self.file_name(), &because).fact("file", member.escape_debug()).hint(format!(
            "report it to who made the wheel; `record = \"rewrite\"` under `[override.{}]` of the \
             recipe installs it with a `RECORD` of what it has",
            self.name
        ))
    }
}
