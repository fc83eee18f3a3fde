//! One file that differs, and the findings about it.

use std::io;

use base::vocabulary::Sha256;

use super::blob::Blob;
use super::budget::Budget;
use super::finding::{Finding, Owner};
use super::prove::Claim;
use super::rewrite::Rewrite;
use super::{Canaries, Proved, Unexplained};

/// A file that differs, and the known facts about it besides its bytes.
#[derive(Debug, Clone)]
pub(crate) struct File<'f> {
    /// Its path, as reports name it.
    pub(crate) path: &'f str,
    /// Its last component.
    pub(crate) name: &'f str,
    /// In how many archives it is.
    pub(crate) depth: usize,
    pub(crate) canaries: &'f Canaries,
    /// For it and all archives that it is in.
    pub(crate) budget: &'f Budget,
    /// Claims of someone who knows more of a text than its bytes.
    pub(crate) known: Vec<Claim<Rewrite>>,
    /// Whether its content is the target of a symbolic link, as in a zip.
    pub(crate) is_link: bool,
    /// Explains any file by its format: a member of an archive may have another one.
    pub(crate) explain: Explain,
}

/// Explains two blobs that differ.
pub(crate) type Explain = fn(&[Blob; 2], &File<'_>) -> io::Result<Explained>;

/// What was found out about two files.
#[derive(Debug)]
pub(crate) struct Explained {
    pub(crate) causes: Vec<Proved>,
    pub(crate) unexplained: Option<Unexplained>,
    pub(crate) members: Vec<Finding>,
    /// The digests of both sides, if there are causes.
    pub(crate) sha256: Option<[Sha256; 2]>,
}

impl Explained {
    pub(crate) fn says_something(&self) -> bool {
        !self.causes.is_empty() || self.unexplained.is_some() || !self.members.is_empty()
    }

    pub(crate) fn finding(self, path: String, owners: Vec<Owner>) -> Finding {
        let Self { causes, unexplained, members, sha256 } = self;
        Finding { path, owners, causes, sha256, unexplained, members }
    }
}

impl From<Result<Vec<Proved>, Unexplained>> for Explained {
    fn from(result: Result<Vec<Proved>, Unexplained>) -> Self {
        let (causes, unexplained) = match result {
            Ok(causes) => (causes, None),
            Err(unexplained) => (Vec::new(), Some(unexplained)),
        };
        Self { causes, unexplained, members: Vec::new(), sha256: None }
    }
}
