//! NARs. Source: the Nix manual, "Nix Archive (NAR) format"; the grammar stands in `builder::nar`,
//! which writes it.

use builder::sys::archive::Limits;

use super::super::blob::Blob;
use super::{Container, Entry, digest};

/// What a NAR starts with: the length of its first string, and that.
pub(super) const MAGIC: &[u8] = b"\x0d\0\0\0\0\0\0\0nix-archive-1";

/// No token but a file's content is longer; paths are not.
const MOST_TOKEN: u64 = 8192;

/// Reads a NAR; `None` if it is not one.
pub(super) fn read(blob: &Blob) -> Option<Container> {
    let mut reader = Reader {
        blob,
        at: 0,
        container: Container { entries: Vec::new(), contents: Vec::new(), rest: Vec::new() },
    };
    (reader.token()? == b"nix-archive-1").then_some(())?;
    reader.tree()?;
    (reader.at == blob.len()).then_some(reader.container)
}

struct Reader<'b> {
    blob: &'b Blob,
    at: u64,
    container: Container,
}

impl Reader<'_> {
    /// One node and all that is below it. Open directories are a list, not recursion: a NAR may be
    /// deeper than a thread's stack.
    fn tree(&mut self) -> Option<()> {
        let mut open: Vec<Vec<u8>> = Vec::new();
        let mut path = Vec::new();
        loop {
            self.expect(&[b"(", b"type"])?;
            let is_directory = match self.token()?.as_slice() {
                b"regular" => self.regular(&path)?,
                b"symlink" => self.symlink(&path)?,
                b"directory" => true,
                _ => return None,
            };
            if is_directory {
                self.add(&path, Vec::new(), b"directory".to_vec(), None)?;
                open.push(path.clone());
            } else {
                self.expect(&[b")"])?;
                self.close_entry(&open)?;
            }
            loop {
                let Some(directory) = open.last() else { return Some(()) };
                match self.token()?.as_slice() {
                    b"entry" => {
                        self.expect(&[b"(", b"name"])?;
                        let name = self.token()?;
                        self.expect(&[b"node"])?;
                        path = match directory.as_slice() {
                            [] => name,
                            directory => [directory, b"/", &name].concat(),
                        };
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

    fn close_entry(&mut self, open: &[Vec<u8>]) -> Option<()> {
        if open.is_empty() { Some(()) } else { self.expect(&[b")"]) }
    }

    fn regular(&mut self, path: &[u8]) -> Option<bool> {
        let mut executable = Vec::new();
        let mut token = self.token()?;
        if token == b"executable" {
            executable = token;
            self.expect(&[b""])?;
            token = self.token()?;
        }
        (token == b"contents").then_some(())?;
        let content = self.string(u64::MAX)?;
        self.add(path, executable, b"regular".to_vec(), Some(content))?;
        Some(false)
    }

    fn symlink(&mut self, path: &[u8]) -> Option<bool> {
        self.expect(&[b"target"])?;
        let target = self.token()?;
        self.add(path, Vec::new(), [b"symlink ", target.as_slice()].concat(), None)?;
        Some(false)
    }

    fn add(
        &mut self,
        path: &[u8],
        mode: Vec<u8>,
        other: Vec<u8>,
        content: Option<Blob>,
    ) -> Option<()> {
        let entry = Entry {
            name: path.to_vec(),
            mode,
            other,
            content: match &content {
                Some(content) => Some(digest(content.reader()).ok()?),
                None => None,
            },
            ..Entry::default()
        };
        self.container.entries.push(entry);
        self.container.contents.push(content.unwrap_or(Blob::Memory([].into())));
        (self.container.entries.len() <= Limits::default().members).then_some(())
    }

    fn expect(&mut self, tokens: &[&[u8]]) -> Option<()> {
        tokens.iter().try_for_each(|token| (self.token()? == *token).then_some(()))
    }

    fn token(&mut self) -> Option<Vec<u8>> {
        self.string(MOST_TOKEN)?.read(MOST_TOKEN).ok()?
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
