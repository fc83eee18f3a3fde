//! The tree of a commit, listed by `git ls-tree` and read by `git cat-file`: the plain objects.

use super::mirror::Mirror;
use super::{Commit, is_allowed};
use crate::sys::tree::Tree;
use crate::vocabulary::Problem;

/// An entry of a commit's tree, at whatever depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) object: String,
    mode: u32,
    size: u64,
}

impl Entry {
    pub(super) fn is_submodule(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// As much of a tree as is held in memory at a time.
const BATCH_BYTES: u64 = 64 << 20;

impl Mirror {
    /// All entries but directories, in git's order.
    pub(super) fn list(&self, commit: &Commit<'_>) -> Result<Vec<Entry>, Problem> {
        let output = self
            .git()
            .args(["ls-tree", "-r", "-l", "-z", "--full-tree"])
            .arg(commit.rev)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(commit.problem().fact("git said", said.trim()));
        }
        let lines = output.stdout.split(|byte| *byte == 0);
        let lines = lines.filter(|line| !line.is_empty());
        let strange = |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            commit.problem().fact("entry", line.escape_debug())
        };
        lines.map(|line| parse(line).filter(is_allowed).ok_or_else(|| strange(line))).collect()
    }

    /// Writes files and links; returns how many of the files are pointers of git LFS.
    pub(super) fn write(
        &self,
        commit: &Commit<'_>,
        entries: &[Entry],
        tree: &mut Tree,
        prefix: &[u8],
    ) -> Result<usize, Problem> {
        let blobs: Vec<_> = entries.iter().filter(|entry| !entry.is_submodule()).collect();
        let mut pointers = 0;
        let mut rest = blobs.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|entry| {
                bytes += entry.size;
                bytes <= BATCH_BYTES
            });
            // One that is larger than a batch goes alone.
            let count = fits.count().max(1);
            let (batch, later) = rest.split_at(count);
            rest = later;
            let contents = self.read(commit, batch)?;
            let mut contents = contents.as_slice();
            for entry in batch {
                let content = next_object(&mut contents, entry)
                    .ok_or_else(|| commit.problem().fact("because", "git printed nonsense"))?;
                let name = [prefix, &entry.path].concat();
                let added = match entry.mode {
                    0o120_000 => tree.link(&name, content),
                    // git knows no other modes than 644 and 755, but old trees hold 664.
                    mode => tree.file(&name, mode & 0o100 != 0, &mut &*content),
                };
                added.map_err(|error| commit.broken(error))?;
                pointers += usize::from(is_lfs_pointer(content));
            }
        }
        Ok(pointers)
    }

    fn read(&self, commit: &Commit<'_>, entries: &[&Entry]) -> Result<Vec<u8>, Problem> {
        let names: Vec<&str> = entries.iter().map(|entry| entry.object.as_str()).collect();
        let names = names.join(
            "
",
        ) + "
";
        let output =
            self.git().args(["cat-file", "--batch"]).output_with_input(names.as_bytes())?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(commit.problem().fact("git said", said.trim()))
    }
}

/// `<mode> <type> <object> <size>\t<path>`.
fn parse(line: &[u8]) -> Option<Entry> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let (head, path) = (std::str::from_utf8(&line[..tab]).ok()?, &line[tab + 1..]);
    let mut words = head.split_ascii_whitespace();
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let kind = words.next()?;
    let object = words.next()?.to_owned();
    let size = match (mode, kind) {
        (0o160_000, "commit") => 0,
        (0o100_000..0o101_000 | 0o120_000, "blob") => words.next()?.parse().ok()?,
        _ => return None,
    };
    Some(Entry { path: path.to_vec(), object, mode, size })
}

/// `<object> blob <size>\n<content>\n`.
fn next_object<'a>(output: &mut &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let head = format!("{} blob {}\n", entry.object, entry.size);
    let rest = output.strip_prefix(head.as_bytes())?;
    let size = usize::try_from(entry.size).ok()?;
    let content = rest.get(..size)?;
    *output = rest.get(size..)?.strip_prefix(b"\n")?;
    Some(content)
}

fn is_lfs_pointer(content: &[u8]) -> bool {
    content.len() < 1024 && content.starts_with(b"version https://git-lfs.github.com/spec/")
}
