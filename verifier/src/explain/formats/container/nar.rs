//! NARs. Source: the Nix manual, "Nix Archive (NAR) format"; the grammar is in `base::nar`, which
//! writes NARs.

use super::content::{Content, digest};
use super::entry::{Container, Entry};
use crate::explain::blob::Blob;
use crate::explain::budget::Budget;

/// What a NAR starts with: the length of its first string, and that.
pub(super) const MAGIC: &[u8] = b"\x0d\0\0\0\0\0\0\0nix-archive-1";

/// No token but a file's content is longer, and no path: Linux has none that is.
const MOST_PATH: usize = 4096;

/// Reads a NAR; `None` if it is not one.
pub(super) fn read(blob: &Blob, budget: &Budget) -> Option<Container> {
    let mut reader =
        Reader { blob, at: 0, path: Vec::new(), budget, container: Container::default() };
    (reader.token()? == b"nix-archive-1").then_some(())?;
    reader.tree()?;
    (reader.at == blob.len()).then_some(reader.container)
}

struct Reader<'b> {
    blob: &'b Blob,
    at: u64,
    /// Of the node that is being read.
    path: Vec<u8>,
    budget: &'b Budget,
    container: Container,
}

impl Reader<'_> {
    /// One node and all that is below it. Open directories are a list, not recursion: a NAR may be
    /// deeper than a thread's stack.
    fn tree(&mut self) -> Option<()> {
        // By the length of their paths; each has a name, so there are not many in a path.
        let mut open: Vec<usize> = Vec::new();
        loop {
            self.expect(&[b"(", b"type"])?;
            let is_directory = match self.token()?.as_slice() {
                b"regular" => self.regular()?,
                b"symlink" => self.symlink()?,
                b"directory" => true,
                _ => return None,
            };
            if is_directory {
                self.add(Vec::new(), b"directory".to_vec(), None)?;
                open.push(self.path.len());
            } else {
                self.expect(&[b")"])?;
                self.close_entry(&open)?;
            }
            loop {
                let Some(directory) = open.last() else { return Some(()) };
                self.path.truncate(*directory);
                match self.token()?.as_slice() {
                    b"entry" => {
                        self.expect(&[b"(", b"name"])?;
                        self.enter()?;
                        self.expect(&[b"node"])?;
                        break;
                    }
                    b")" => {
                        open.pop();
                        self.close_entry(&open)?;
                    }
                    _ => return None,
                }
            }
        }
    }

    fn close_entry(&mut self, open: &[usize]) -> Option<()> {
        if open.is_empty() { Some(()) } else { self.expect(&[b")"]) }
    }

    /// Reads the name of an entry and goes there.
    fn enter(&mut self) -> Option<()> {
        let name = self.token()?;
        let is_name = !matches!(name.as_slice(), b"" | b"." | b"..");
        (is_name && !name.iter().any(|byte| matches!(byte, 0 | b'/'))).then_some(())?;
        if !self.path.is_empty() {
            self.path.push(b'/');
        }
        self.path.extend(name);
        (self.path.len() <= MOST_PATH).then_some(())
    }

    fn regular(&mut self) -> Option<bool> {
        let mut executable = Vec::new();
        let mut token = self.token()?;
        if token == b"executable" {
            executable = token;
            self.expect(&[b""])?;
            token = self.token()?;
        }
        (token == b"contents").then_some(())?;
        let content = self.string(u64::MAX)?;
        self.add(executable, b"regular".to_vec(), Some(content))?;
        Some(false)
    }

    fn symlink(&mut self) -> Option<bool> {
        self.expect(&[b"target"])?;
        let target = self.token()?;
        self.add(Vec::new(), [b"symlink ", target.as_slice()].concat(), None)?;
        Some(false)
    }

    fn add(&mut self, mode: Vec<u8>, other: Vec<u8>, content: Option<Blob>) -> Option<()> {
        let digest = match &content {
            Some(content) => Some(digest(content)?),
            None => None,
        };
        let name = self.path.clone();
        let entry = Entry { name, mode, other, content: digest, ..Entry::default() };
        let content = content.map_or_else(Content::none, Content::Plain);
        self.container.add(entry, content, self.budget)
    }

    fn expect(&mut self, tokens: &[&[u8]]) -> Option<()> {
        tokens.iter().try_for_each(|token| (self.token()? == *token).then_some(()))
    }

    fn token(&mut self) -> Option<Vec<u8>> {
        self.string(MOST_PATH as u64)?.read(MOST_PATH as u64).ok()?
    }

    /// A string with its length before it, filled up with zeros to a multiple of eight.
    fn string(&mut self, most: u64) -> Option<Blob> {
        let length = u64::from_le_bytes(self.blob.array(self.at)?);
        let string = self.blob.slice(self.at + 8, length).filter(|_| length <= most)?;
        let padding = length.wrapping_neg() % 8;
        let padded = self.blob.part(self.at + 8 + length, padding)?;
        padded.iter().all(|byte| *byte == 0).then_some(())?;
        self.at += 8 + length + padding;
        Some(string)
    }
}
