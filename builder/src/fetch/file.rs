//! One file of a request: the places to look for it, their order, and the error if none has it.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;
use url::Url;

use super::address::local_path;
use super::http::{Client, Pin, TransferError, because};
use super::index::Lookup;
use super::request::{FileOrigin, FileRequest};
use super::store::{Store, Stored};
use super::{Mirrors, Settings, store};
use base::recipe::IndexPolicy;
use base::sys::{Host, disk};
use base::vocabulary::digest::Hashing;
use base::vocabulary::{Problem, Redacted, Sha256};

/// Brings files for one run.
#[derive(Debug)]
pub struct Fetcher<'a> {
    client: &'a Client,
    lookup: Lookup<'a>,
    store: Store,
    policy: IndexPolicy,
    mirrors: &'a Mirrors,
}

impl<'a> Fetcher<'a> {
    /// For one run.
    pub fn new(client: &'a Client, host: &'a Host<'_>, settings: &'a Settings) -> Self {
        Self {
            client,
            lookup: Lookup::new(client, host.environment, settings),
            store: Store::new(host.cache),
            policy: settings.index,
            mirrors: &settings.mirrors,
        }
    }

    /// The file, verified, in the store.
    pub fn obtain(&self, file: &FileRequest, host: &Host<'_>) -> Result<Stored, Problem> {
        let stored = self.store.obtain(&file.filename, file.sha256, host, |dir| {
            let on_bytes = |count| host.progress.bytes(count);
            self.bring(file, dir, &on_bytes)
        })?;
        match file.size {
            // It can only be so if the lock is wrong: the digest is right.
            Some(size) if size != stored.size => Err(because(
                Problem::new(format!("cannot use `{}`", file.filename)),
                TransferError::WrongSize { expected: size, received: stored.size },
            )),
            _ => Ok(stored),
        }
    }

    fn bring(
        &self,
        file: &FileRequest,
        dir: &Path,
        on_bytes: &dyn Fn(u64),
    ) -> Result<NamedTempFile, Problem> {
        let locked = match &file.origin {
            FileOrigin::Path(path) => return copy_in(file, path, dir),
            FileOrigin::Url(url) => {
                return self
                    .transfer(file, url, dir, on_bytes)
                    .map_err(|error| failed(file, url, dir, error));
            }
            FileOrigin::Registry { locked } => locked.as_ref(),
        };
        let locked = locked.filter(|_| self.policy == IndexPolicy::Locked);
        let mut gone = None;
        if let Some(url) = locked {
            match self.transfer(file, url, dir, on_bytes) {
                Err(error) if error.is_gone() || self.is_elsewhere(&error) => {
                    gone = Some((url, error));
                }
                other => return other.map_err(|error| failed(file, url, dir, error)),
            }
        }
        let with_gone = |problem: Problem| match &gone {
            Some((url, error)) => problem.fact("locked", Redacted(url)).fact("there", error),
            None => problem,
        };
        let url =
            self.lookup.find(&file.project, &file.filename, file.sha256).map_err(with_gone)?;
        self.transfer(file, &url, dir, on_bytes)
            .map_err(|error| with_gone(failed(file, &url, dir, error)))
    }

    /// Whether a server that cannot be reached may have its files on a mirror of its index, laid
    /// out in another way: then they are looked for by name and sha256.
    fn is_elsewhere(&self, error: &TransferError) -> bool {
        !self.mirrors.is_empty() && matches!(error, TransferError::Connect(_))
    }

    fn transfer(
        &self,
        file: &FileRequest,
        url: &Url,
        dir: &Path,
        on_bytes: &dyn Fn(u64),
    ) -> Result<NamedTempFile, TransferError> {
        let url = &self.mirrors.of(url);
        if let Some(path) = local_path(url) {
            return copy_verified(&path, file.sha256, dir);
        }
        let pin = Pin { sha256: Some(file.sha256), size: file.size };
        self.client.download(url, pin, dir, on_bytes)
    }
}

fn failed(file: &FileRequest, url: &Url, dir: &Path, error: TransferError) -> Problem {
    let problem =
        Problem::new(format!("cannot fetch `{}` from `{}`", file.filename, Redacted(url)));
    match error {
        TransferError::Disk(error) => disk::failed(problem, dir, file.size, error),
        error => because(problem.fact("distribution", &file.project), error),
    }
}

fn copy_in(file: &FileRequest, path: &Path, dir: &Path) -> Result<NamedTempFile, Problem> {
    copy_verified(path, file.sha256, dir).map_err(|error| {
        let problem = Problem::new(format!("cannot take `{}`", path.display()));
        match error {
            TransferError::Disk(error) => disk::failed(problem, dir, file.size, error),
            error => because(problem.fact("distribution", &file.project), error),
        }
    })
}

pub(super) fn copy_verified(
    path: &Path,
    expected: Sha256,
    dir: &Path,
) -> Result<NamedTempFile, TransferError> {
    let mut from = fs_err::File::open(path)?;
    if !from.metadata()?.is_file() {
        let message = format!("`{}` is not a file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
    }
    let mut copy = Hashing::new(store::temporary(dir)?);
    io::copy(&mut from, &mut copy)?;
    let (copy, received, bytes) = copy.finish();
    if received == expected {
        return Ok(copy);
    }
    Err(TransferError::WrongHash { expected, received, bytes })
}
