//! The application's source, when it is an archive or a git tree of the network: pinned by the NAR
//! hash of the unpacked tree, as Nix's `fetchzip` and `fetchFromGitHub` pin it.

use std::path::{Path, PathBuf};

use url::Url;

use super::address::{Redacted, local_path};
use super::http::{Client, Pin, TransferError, because};
use super::store::disk;
use super::{Settings, git};
use crate::nar;
use crate::sys::Host;
use crate::sys::archive::{self, Limits};
use crate::sys::files::{self, FileLock, WorkDir};
use crate::vocabulary::{Problem, Sha256};

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
    let base = host.cache.join("sources");
    let path = base.join(nar_hash.to_string());
    let shown = Redacted(url).to_string();
    let problem = || Problem::new(format!("cannot fetch the source `{shown}`"));
    let failed = |error| disk(problem(), &base, None, error);
    let waiting = || {
        let message = format!("waiting for another run that fetches `{shown}`");
        host.progress.note(&message);
    };
    let _lock =
        FileLock::acquire(&base.join(format!("{nar_hash}.lock")), waiting).map_err(failed)?;
    if path.exists() {
        if nar::hash_path(&path).ok() == Some(nar_hash) {
            files::touch(&path);
            return Ok(path);
        }
        let shown = path.display();
        host.progress.warn(&format!("the cached source `{shown}` is damaged; it is fetched again"));
        files::remove_tree(&path).map_err(failed)?;
    }
    let work = WorkDir::create(&base.join(".work"), "source").map_err(failed)?;
    host.progress.begin(&shown);
    let tree = bring(url, work.path(), host, settings);
    host.progress.end(&shown);
    let tree = tree?;
    let received = nar::hash_path(&tree)?;
    if received != nar_hash {
        return Err(problem()
            .fact("expected", nar_hash.to_sri())
            .fact("received", received.to_sri())
            .hint(
                "set `source.nar-hash` to the received hash once you know why it is another one",
            ));
    }
    files::publish_dir(&tree, &path).map_err(failed)?;
    Ok(path)
}

fn bring(url: &Url, work: &Path, host: &Host<'_>, settings: &Settings) -> Result<PathBuf, Problem> {
    let tree = work.join("tree");
    if let Some((url, rev)) = git_address(url) {
        let commit = git::Commit { url: &url, rev: &rev, reference: None, submodules: false };
        git::export(&commit, &tree, host, &settings.patience)?;
        return Ok(tree);
    }
    if let Some(path) = local_path(url) {
        archive::unpack(&path, &tree, Limits::default())?;
        return archive::strip_top(&tree);
    }
    let client = Client::new(host.environment, settings.patience);
    let pin = Pin { sha256: None, size: None };
    let on_bytes = |count| host.progress.bytes(count);
    let file = client.download(url, pin, work, &on_bytes).map_err(|error| {
        let problem = Problem::new(format!("cannot fetch the source `{}`", Redacted(url)));
        match error {
            TransferError::Disk(error) => disk(problem, work, None, error),
            error => because(problem, error),
        }
    })?;
    archive::unpack(file.path(), &tree, Limits::default())?;
    archive::strip_top(&tree)
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
