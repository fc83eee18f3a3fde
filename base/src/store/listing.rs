//! A listing of a tree that is too large to read at each use: every path with its kind, mode, size
//! and content hash, and the stamps that the kernel gave it.
//!
//! Each use compares the stamps of all paths: size, inode, `mtime` and `ctime`. Every write to a
//! file, replacement, or change of its mode or times changes its `ctime`, which no system call can
//! set (`inode(7)`). So an edit is found without reading a byte. Only errors of the disk itself are
//! missed; [`Check::Content`] finds those. Where stamps differ, the content decides: a copied cache
//! has other stamps and is just as valid.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rayon::prelude::*;

use super::Verified;
use super::seal::{read_sealed, write_sealed};
use crate::sys::files::{digest_of, is_absent, read_if_there, sorted_entries, write_atomically};
use crate::vocabulary::Sha256;
use crate::vocabulary::fingerprint::Fingerprint;

/// How much of a tree is read to verify it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// What the kernel says of each path; the content of those of which it says something new.
    #[default]
    Stamps,
    /// The content of all files.
    Content,
}

/// What a tree consisted of when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(BTreeMap<PathBuf, Listed>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Listed {
    content: Content,
    stamp: Stamp,
}

/// What is the same in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Content {
    kind: char,
    mode: u32,
    /// In bytes; 0 of a directory, whose size is the file system's affair.
    size: u64,
    /// The digest of a file's bytes, or of a link's text.
    sha256: Option<Sha256>,
}

/// What is not: inode, and the times of the last change of content and of anything, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    mtime: i128,
    ctime: i128,
}

/// The two files beside a tree: the listing, and what is read of it first.
const LISTING: &str = "listing";
const SUMMARY: &str = "listing.json";

#[derive(serde::Serialize, serde::Deserialize)]
struct Summary {
    /// The digest of the listing file.
    listing: Sha256,
    /// The digest of everything that a walk sees without reading a file.
    seen: Sha256,
}

/// How many paths a message names.
const SHOWN_MAX: usize = 5;

impl Listing {
    /// Lists the tree `name` of an entry that is being made, and writes the listing beside it. The
    /// whole tree must already be on the disk: a file written at the moment of its listing would
    /// keep the same times.
    pub fn record(entry: &Path, name: &str) -> io::Result<()> {
        let seen = walk(&entry.join(name))?;
        let listing = Self(read_all(&entry.join(name), seen)?);
        listing.write(entry)
    }

    /// Whether the tree matches its listing. If only the stamps differ, they are recorded again.
    pub fn verify(entry: &Path, name: &str, check: Check) -> io::Result<Verified<()>> {
        let tree = entry.join(name);
        let damaged = |what: &str| Ok(Verified::Damaged(what.to_owned()));
        let Some(summary) = read_sealed::<Summary>(&entry.join(SUMMARY))? else {
            return damaged("its seal is missing or damaged");
        };
        let seen = match walk(&tree) {
            Err(error) if is_absent(&error) => return damaged("it is missing"),
            seen => seen?,
        };
        let same_stamps = digest_of_seen(&seen) == summary.seen;
        if same_stamps && check == Check::Stamps {
            return Ok(Verified::Whole(()));
        }
        let text = read_if_there(&entry.join(LISTING))?;
        let text = text.filter(|text| Sha256::of(text) == summary.listing);
        let Some(known) = text.as_deref().and_then(Self::parse) else {
            return damaged("its listing is missing or damaged");
        };
        let unread = |path: &Path, listed: &Listed| {
            let old = known.0.get(path);
            check == Check::Stamps && old.is_some_and(|old| old.as_seen() == *listed)
        };
        let (trusted, to_read): (BTreeMap<_, _>, BTreeMap<_, _>) =
            seen.into_iter().partition(|(path, listed)| unread(path, listed));
        let mut now = read_all(&tree, to_read)?;
        now.extend(trusted.into_keys().map(|path| {
            let listed = known.0[&path].clone();
            (path, listed)
        }));
        let differing = known.differing(&now);
        if !differing.is_empty() {
            return Ok(Verified::Damaged(differing));
        }
        if !same_stamps {
            Self(now).write(entry)?;
        }
        Ok(Verified::Whole(()))
    }

    /// What differs in content, for a message; empty if nothing does.
    fn differing(&self, now: &BTreeMap<PathBuf, Listed>) -> String {
        let changed = self.0.iter().filter_map(|(path, old)| match now.get(path) {
            None => Some(format!("`{}` is missing", path.display())),
            Some(new) if new.content != old.content => {
                Some(format!("`{}` was changed", path.display()))
            }
            Some(_) => None,
        });
        let added = now.keys().filter(|path| !self.0.contains_key(*path));
        let added = added.map(|path| format!("`{}` was added", path.display()));
        let all: Vec<String> = changed.chain(added).collect();
        let mut shown = all[..all.len().min(SHOWN_MAX)].join(", ");
        if all.len() > SHOWN_MAX {
            shown.push_str(&format!(", and {} more", all.len() - SHOWN_MAX));
        }
        shown
    }

    fn write(&self, entry: &Path) -> io::Result<()> {
        let seen = self.0.iter().map(|(path, listed)| (path.clone(), listed.as_seen())).collect();
        let text = self.to_text();
        let summary = Summary { listing: Sha256::of(&text), seen: digest_of_seen(&seen) };
        // Killed between the two, it says that it is damaged, and the tree is made again.
        write_atomically(&entry.join(LISTING), &text)?;
        write_sealed(&entry.join(SUMMARY), &summary)
    }

    /// One line for each path, ended by a NUL as a path can hold any other byte.
    fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (path, Listed { content, stamp }) in &self.0 {
            let Content { kind, mode, size, sha256 } = content;
            let sha256 = sha256.map_or_else(|| "-".to_owned(), |it| it.to_string());
            let Stamp { inode, mtime, ctime } = stamp;
            let line = format!("{kind} {mode:o} {size} {sha256} {inode} {mtime} {ctime} ");
            text.extend_from_slice(line.as_bytes());
            text.extend_from_slice(path.as_os_str().as_bytes());
            text.extend_from_slice(b"\0\n");
        }
        text
    }

    /// `None` for what [`Listing::to_text`] does not write.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut listing = BTreeMap::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = memchr_pair(rest)?;
            let (line, after) = rest.split_at(end);
            rest = &after[2..];
            let mut parts = line.splitn(8, |byte| *byte == b' ');
            let mut field = || std::str::from_utf8(parts.next()?).ok();
            let kind = field()?.chars().next()?;
            let mode = u32::from_str_radix(field()?, 8).ok()?;
            let size = field()?.parse().ok()?;
            let sha256 = match field()? {
                "-" => None,
                hex => Some(Sha256::from_hex(hex).ok()?),
            };
            let inode = field()?.parse().ok()?;
            let (mtime, ctime) = (field()?.parse().ok()?, field()?.parse().ok()?);
            let path = PathBuf::from(OsStr::from_bytes(parts.next()?));
            let content = Content { kind, mode, size, sha256 };
            listing.insert(path, Listed { content, stamp: Stamp { inode, mtime, ctime } });
        }
        Some(Self(listing))
    }
}

/// Where the next line ends.
fn memchr_pair(text: &[u8]) -> Option<usize> {
    text.windows(2).position(|pair| pair == b"\0\n")
}

impl Listed {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let kind = match metadata.file_type() {
            kind if kind.is_dir() => 'd',
            kind if kind.is_file() => 'f',
            kind if kind.is_symlink() => 'l',
            _ => 's',
        };
        let size = if kind == 'd' { 0 } else { metadata.len() };
        let time = |seconds: i64, nanoseconds: i64| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        Self {
            content: Content { kind, mode: metadata.mode() & 0o7777, size, sha256: None },
            stamp: Stamp {
                inode: metadata.ino(),
                mtime: time(metadata.mtime(), metadata.mtime_nsec()),
                ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            },
        }
    }

    /// The same without what must be read.
    fn as_seen(&self) -> Self {
        Self { content: Content { sha256: None, ..self.content.clone() }, stamp: self.stamp }
    }
}

/// All that a walk sees; no file is read.
fn walk(tree: &Path) -> io::Result<BTreeMap<PathBuf, Listed>> {
    let top = fs::symlink_metadata(tree)?;
    if !top.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut found = BTreeMap::from([(PathBuf::new(), Listed::of(&top))]);
    let mut ahead = vec![PathBuf::new()];
    while let Some(path) = ahead.pop() {
        for entry in sorted_entries(&tree.join(&path))? {
            let listed = Listed::of(&entry.metadata()?);
            let path = path.join(entry.file_name());
            if listed.content.kind == 'd' {
                ahead.push(path.clone());
            }
            found.insert(path, listed);
        }
    }
    Ok(found)
}

fn digest_of_seen(seen: &BTreeMap<PathBuf, Listed>) -> Sha256 {
    let start = Fingerprint::new("stamps 1");
    seen.iter()
        .fold(start, |print, (path, Listed { content, stamp })| {
            let mut fields = Vec::with_capacity(64);
            fields.extend_from_slice(&u32::from(content.kind).to_le_bytes());
            fields.extend_from_slice(&content.mode.to_le_bytes());
            fields.extend_from_slice(&content.size.to_le_bytes());
            fields.extend_from_slice(&stamp.inode.to_le_bytes());
            fields.extend_from_slice(&stamp.mtime.to_le_bytes());
            fields.extend_from_slice(&stamp.ctime.to_le_bytes());
            let path = path.as_os_str().as_bytes();
            print.with("path", path).with("seen", fields)
        })
        .finish()
}

/// Reads the content of files and links, several at a time.
fn read_all(tree: &Path, seen: BTreeMap<PathBuf, Listed>) -> io::Result<BTreeMap<PathBuf, Listed>> {
    let read = |(path, mut listed): (PathBuf, Listed)| -> io::Result<(PathBuf, Listed)> {
        let place = tree.join(&path);
        listed.content.sha256 = match listed.content.kind {
            'f' => Some(digest_of(&place)?.0),
            'l' => Some(Sha256::of(fs::read_link(&place)?.as_os_str().as_bytes())),
            _ => None,
        };
        Ok((path, listed))
    };
    let seen: Vec<(PathBuf, Listed)> = seen.into_iter().collect();
    Ok(seen.into_par_iter().map(read).collect::<io::Result<Vec<_>>>()?.into_iter().collect())
}

#[cfg(test)]
mod tests;
