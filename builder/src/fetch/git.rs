//! Git trees: a commit is fetched into a bare mirror in the cache, and its tree is written from the
//! object store. The host's `git` does both, because it knows how the user reaches a server
//! (`url.<base>.insteadOf`, credential helpers, ssh).
//!
//! Nothing is ever checked out. So no attribute, filter, hook, line-ending rule or LFS smudge
//! affects the tree, which is a function of the commit alone. `attributes` warns where uv's
//! checkout would produce other bytes, for example other line endings. `export-subst` is not
//! included: it affects only archives, and neither uv nor this tool makes one.

mod attributes;
mod export;
mod mirror;
mod submodule;

use std::ffi::OsString;
use std::io::BufRead;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use url::Url;

use super::http::Patience;
use base::nar;
use base::sys::Host;
use base::sys::tree::{Limits, MemberError, Tree};
use base::vocabulary::limits::{Budget, Exceeded, GITMODULES_BYTES, SUBMODULE_DEPTH, SUBMODULES};
use base::vocabulary::{Problem, Redacted, Sha256};

use export::Entry;
use mirror::Mirror;

/// A commit of a repository, and how much of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit<'a> {
    /// The repository.
    pub url: &'a Url,
    /// 40 hexadecimal digits.
    pub rev: &'a str,
    /// A tag or branch that leads to it, for servers that do not serve bare commits.
    pub reference: Option<&'a str>,
    /// Whether submodules are part of the tree. If not, their directories are empty, as after
    /// `git clone`.
    pub submodules: bool,
}

const ATTRIBUTES: &[u8] = b".gitattributes";

/// Writes the tree of a commit into `into`, which must be empty or absent, and returns its NAR
/// hash.
///
/// Errors: the commit cannot be had; a link leads out of the tree; a name that is no name inside a
/// tree.
pub fn export(
    commit: &Commit<'_>,
    into: &Path,
    host: &Host<'_>,
    patience: &Patience,
) -> Result<Sha256, Problem> {
    let submodules = SUBMODULES.budget();
    let mut export = Export { host, patience, submodules, lfs_pointers: 0, attributes: Vec::new() };
    let mut tree = Tree::new(into, Limits::default()).map_err(|error| commit.broken(error))?;
    export.add(&mut tree, commit, b"", 0)?;
    tree.finish().map_err(|error| commit.broken(error))?;
    if export.lfs_pointers > 0 {
        host.progress.warn(&format!(
            "`{}` has {} files that git LFS keeps elsewhere; they stay pointers, as in uv's \
             checkout without `lfs = true`",
            Redacted(commit.url),
            export.lfs_pointers
        ));
    }
    for path in &export.attributes {
        let found = attributes::converting(&into.join(path))
            .map_err(|error| commit.problem().cause(error))?;
        if !found.is_empty() {
            host.progress.warn(&format!(
                "`{}` of `{}` has {}: `git checkout`, and so uv, converts these files; here they \
                 are as they were committed",
                path.display(),
                Redacted(commit.url),
                found.join(", ")
            ));
        }
    }
    nar::hash_path(into)
}

/// Reads what `git ls-tree -r -l -z` prints of a commit's tree; returns how many entries it has.
pub fn read_list(commit: &Commit<'_>, list: impl BufRead) -> Result<usize, Problem> {
    export::entries(commit, list, Limits::default()).map(|entries| entries.len())
}

impl Commit<'_> {
    fn problem(&self) -> Problem {
        Problem::new(format!("cannot get the git tree of `{}`", Redacted(self.url)))
            .fact("commit", self.rev)
    }

    fn broken(&self, error: MemberError) -> Problem {
        self.problem().cause(error)
    }

    /// A revision goes on git's command line and must be a commit for all time.
    fn check(&self) -> Result<(), Problem> {
        let whole = self.rev.len() == 40 && self.rev.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !whole {
            return Err(self.problem().hint("a commit is named by its 40 hexadecimal digits"));
        }
        // git and ssh take a name that begins so for an option.
        let parts = [self.url.host_str().unwrap_or_default(), self.url.username()];
        if parts.iter().any(|part| part.starts_with('-') || part.starts_with("%2d")) {
            return Err(self.problem().fact("because", "the URL's host or user begins with `-`"));
        }
        match self.url.scheme() {
            "https" | "http" | "ssh" | "git" | "file" => Ok(()),
            // `ext::` and its like run programs.
            other => {
                Err(self.problem().fact("because", format!("git is not asked for `{other}:`")))
            }
        }
    }
}

struct Export<'a> {
    host: &'a Host<'a>,
    patience: &'a Patience,
    submodules: Budget,
    lfs_pointers: usize,
    /// Every `.gitattributes`, relative to the tree.
    attributes: Vec<PathBuf>,
}

impl Export<'_> {
    fn add(
        &mut self,
        tree: &mut Tree,
        commit: &Commit<'_>,
        prefix: &[u8],
        depth: usize,
    ) -> Result<(), Problem> {
        commit.check()?;
        let exceeded = |error: Exceeded| commit.problem().fact("because", error);
        SUBMODULE_DEPTH.check(depth).map_err(exceeded)?;
        let mut submodules = Vec::new();
        {
            let mirror = Mirror::open(commit, self.host, self.patience)?;
            mirror.ensure(commit)?;
            let entries = mirror.list(commit, Limits::default())?;
            let is_modules = |entry: &&Entry| entry.path == b".gitmodules";
            let modules = entries.iter().find(is_modules).map_or(0, |entry| entry.size);
            if commit.submodules {
                GITMODULES_BYTES.check(modules).map_err(exceeded)?;
            }
            self.lfs_pointers += mirror.write(commit, &entries, tree, prefix)?;
            let is_attributes =
                |it: &&Entry| it.path.rsplit(|b| *b == b'/').next() == Some(ATTRIBUTES);
            for entry in entries.iter().filter(is_attributes) {
                let path = [prefix, &entry.path].concat();
                self.attributes.push(PathBuf::from(OsString::from_vec(path)));
            }
            for entry in entries.iter().filter(|entry| entry.is_submodule()) {
                let name = [prefix, &entry.path].concat();
                tree.directory(&name).map_err(|error| commit.broken(error))?;
                if commit.submodules {
                    self.submodules.spend(1_u64).map_err(exceeded)?;
                    let url = mirror.submodule_url(commit, entry)?;
                    submodules.push((name, url, entry.object.clone()));
                }
            }
            // The mirror's lock ends here: a submodule may be of the same repository.
        }
        for (name, url, rev) in submodules {
            let submodule = Commit { url: &url, rev: &rev, reference: None, submodules: true };
            let prefix = [&name, b"/".as_slice()].concat();
            self.add(tree, &submodule, &prefix, depth + 1)?;
        }
        Ok(())
    }
}

/// Whether a path of a git tree may be written. git itself rejects such paths (`verify_path`), but
/// a handmade object can contain them.
fn is_allowed(entry: &Entry) -> bool {
    entry
        .path
        .split(|byte| *byte == b'/')
        .all(|part| !part.is_empty() && part != b"." && !part.eq_ignore_ascii_case(b".git"))
}
