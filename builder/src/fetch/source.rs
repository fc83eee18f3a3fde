//! The application's source, if it is an archive or a git tree on the network: pinned by the NAR
//! hash of the unpacked tree, as Nix's `fetchzip` and `fetchFromGitHub` pin it.

use std::path::{Path, PathBuf};

use url::Url;

use super::address::local_path;
use super::http::{Client, Pin, TransferError, because};
use super::trees::Trees;
use super::{Settings, git};
use base::sys::archive::{self, Limits};
use base::sys::{Host, disk};
use base::vocabulary::{Problem, Redacted, Sha256};

/// The directory with the source tree: that of an archive (`.tar.gz`, `.zip`) below its single top
/// directory, or of `git+https://…@<commit>`. A tree that is there already is verified and used; a
/// damaged one is fetched again.
///
/// Errors: it cannot be fetched or unpacked; the tree has another NAR hash.
pub fn fetch_source(
    url: &Url,
    nar_hash: Sha256,
    host: &Host<'_>,
    settings: &Settings,
) -> Result<PathBuf, Problem> {
    let shown = Redacted(url).to_string();
    let refused = |received: Sha256| {
        Problem::new(format!("cannot fetch the source `{shown}`"))
            .fact("expected", nar_hash.to_sri())
            .fact("received", received.to_sri())
            .hint("set `source.nar-hash` to the received hash once you know why it is another one")
    };
    let bring = |work: &Path| {
        host.progress.begin(&shown);
        let tree = bring(url, work, host, settings);
        host.progress.end(&shown);
        tree
    };
    Trees::new(host.cache).obtain(&shown, nar_hash, host, bring, refused)
}

fn bring(url: &Url, work: &Path, host: &Host<'_>, settings: &Settings) -> Result<PathBuf, Problem> {
    let tree = work.join("tree");
    if let Some((url, rev)) = git_address(url) {
        let commit = git::Commit { url: &url, rev: &rev, reference: None, submodules: false };
        git::export(&commit, &tree, host, &settings.patience)?;
        return Ok(tree);
    }
    if let Some(path) = local_path(url) {
        return archive::unpack(&path, &tree, Limits::default());
    }
    let client = Client::new(host.environment, settings.patience);
    let pin = Pin { sha256: None, size: None };
    let on_bytes = |count| host.progress.bytes(count);
    let file = client.download(url, pin, work, &on_bytes).map_err(|error| {
        let problem = Problem::new(format!("cannot fetch the source `{}`", Redacted(url)));
        match error {
            TransferError::Disk(error) => disk::failed(problem, work, None, error),
            error => because(problem, error),
        }
    })?;
    archive::unpack(file.path(), &tree, Limits::default())
}

/// `git+<url>@<commit>`, as pip and uv write it.
fn git_address(url: &Url) -> Option<(Url, String)> {
    let text = url.as_str().strip_prefix("git+")?;
    let mut bare = Url::parse(text).ok()?;
    bare.set_fragment(None);
    bare.set_query(None);
    let path = bare.path().to_owned();
    let (path, rev) = path.rsplit_once('@')?;
    bare.set_path(path);
    Some((bare, rev.to_owned()))
}
