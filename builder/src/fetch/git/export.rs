//! Reads the tree of a commit as plain objects, with `git ls-tree` and `git cat-file`.

use std::io::{self, BufRead, BufReader, Read};
use std::process::ChildStdout;

use super::mirror::Mirror;
use super::{Commit, is_allowed};
use base::sys::process::Process;
use base::sys::tree::{Limits, MemberError, Tree};
use base::vocabulary::Problem;

/// An entry of a commit's tree, at whatever depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) object: String,
    pub(super) size: u64,
    mode: u32,
}

impl Entry {
    pub(super) fn is_submodule(&self) -> bool {
        self.mode == 0o160_000
    }
}

/// The list of a tree may have as many bytes: half a million paths of five hundred bytes each.
const LIST_BYTES_MAX: u64 = 256 << 20;

/// No link's target is longer (`PATH_MAX`).
const TARGET_MAX: u64 = 4096;

impl Mirror {
    /// All entries but directories, in git's order. A small object can be a huge tree, because a
    /// tree can contain another any number of times. So a list that is too long is not read to its
    /// end, and its sizes are checked against the limits before any file is read.
    pub(super) fn list(&self, commit: &Commit<'_>, limits: Limits) -> Result<Vec<Entry>, Problem> {
        let git = self.git().args(["ls-tree", "-r", "-l", "-z", "--full-tree"]).arg(commit.rev);
        stream(commit, git, &[], |list| entries(commit, list, limits))
    }

    /// Writes files and links; returns how many of the files are pointers of git LFS.
    pub(super) fn write(
        &self,
        commit: &Commit<'_>,
        entries: &[Entry],
        tree: &mut Tree,
        prefix: &[u8],
    ) -> Result<usize, Problem> {
        let blobs: Vec<&Entry> = entries.iter().filter(|entry| !entry.is_submodule()).collect();
        let objects = blobs.iter().flat_map(|entry| [entry.object.as_str(), "\n"]);
        let objects = objects.collect::<String>();
        let git = self.git().args(["cat-file", "--batch"]);
        stream(commit, git, objects.as_bytes(), |contents| {
            let mut pointers = 0;
            for entry in blobs {
                let name = [prefix, &entry.path].concat();
                let is_pointer = add(tree, &name, entry, contents);
                pointers += usize::from(is_pointer.map_err(|error| commit.broken(error))?);
            }
            Ok(pointers)
        })
    }
}

/// Runs a program of git's whose output is read while it comes.
fn stream<T>(
    commit: &Commit<'_>,
    git: Process,
    input: &[u8],
    read: impl FnOnce(&mut BufReader<ChildStdout>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let (result, output) = git.streamed(input, read)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let failed = |problem: Problem| match said.trim() {
        "" => problem,
        said => problem.fact("git said", said),
    };
    match result {
        Ok(_) if !output.status.success() => Err(failed(commit.problem())),
        result => result.map_err(failed),
    }
}

/// Reads the list of `git ls-tree -z`.
pub(super) fn entries(
    commit: &Commit<'_>,
    list: impl BufRead,
    limits: Limits,
) -> Result<Vec<Entry>, Problem> {
    let strange = |line: &[u8]| {
        let line = String::from_utf8_lossy(line).into_owned();
        commit.problem().fact("entry", line.escape_debug())
    };
    let mut list = list.take(LIST_BYTES_MAX);
    let (mut entries, mut bytes, mut line) = (Vec::new(), 0_u64, Vec::new());
    loop {
        line.clear();
        list.read_until(0, &mut line).map_err(|error| commit.problem().cause(error))?;
        if list.limit() == 0 {
            let reason = format!("the list of its files has more than {LIST_BYTES_MAX} bytes");
            return Err(commit.problem().fact("because", reason));
        }
        if line.is_empty() {
            return Ok(entries);
        }
        let entry = line.strip_suffix(&[0]).and_then(parse).filter(is_allowed);
        let entry = entry.ok_or_else(|| strange(&line))?;
        bytes = bytes.saturating_add(entry.size);
        if bytes > limits.bytes {
            return Err(commit.broken(MemberError::TooLarge(limits.bytes)));
        }
        if entries.len() >= limits.members {
            return Err(commit.broken(MemberError::TooMany(limits.members)));
        }
        entries.push(entry);
    }
}

/// Adds `<object> blob <size>\n<content>\n` to a tree; says whether it is a pointer of git LFS.
fn add(
    tree: &mut Tree,
    name: &[u8],
    entry: &Entry,
    contents: &mut impl Read,
) -> Result<bool, MemberError> {
    let head = format!("{} blob {}\n", entry.object, entry.size);
    expect(contents, head.as_bytes())?;
    let mut content = contents.by_ref().take(entry.size);
    let mut start = Vec::new();
    content.by_ref().take(TARGET_MAX + 1).read_to_end(&mut start)?;
    match entry.mode {
        0o120_000 if start.len() as u64 > TARGET_MAX => {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(MemberError::Special(name, "a link to a path of more than 4096 bytes"));
        }
        0o120_000 => tree.link(name, &start)?,
        // git knows no other modes than 644 and 755, but old trees hold 664.
        mode => tree.file(name, mode & 0o100 != 0, &mut start.as_slice().chain(&mut content))?,
    }
    if content.limit() > 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    expect(contents, b"\n")?;
    Ok(entry.size < LFS_POINTER_MAX && start.starts_with(LFS_POINTER))
}

fn expect(contents: &mut impl Read, expected: &[u8]) -> io::Result<()> {
    let mut found = vec![0; expected.len()];
    contents.read_exact(&mut found)?;
    if found == expected { Ok(()) } else { Err(io::Error::other("git printed nonsense")) }
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

const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";
const LFS_POINTER_MAX: u64 = 1024;
