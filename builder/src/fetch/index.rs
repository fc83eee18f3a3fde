//! The index from uv's configuration; this tool names none. It looks up a file by its name and
//! sha256, and fetches each page once per run.

mod ask;
mod config;
mod page;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use url::Url;

pub use config::{Index, Indexes, ProjectIndexes};
pub use page::{Link, links};

use super::Settings;
use super::address::local_path;
use super::http::{Client, TransferError, because};
use base::packaging::PackageName;
use base::sys::env::Environment;
use base::vocabulary::limits::PAGE_BYTES;
use base::vocabulary::{Problem, Redacted, Sha256};

/// PEP 691 first; some indexes have only PEP 503.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
     application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

type Pages = BTreeMap<Url, Arc<OnceLock<Result<Arc<Vec<Link>>, Problem>>>>;

/// Looks files up on the configured indexes, in order.
#[derive(Debug)]
pub struct Lookup<'a> {
    client: &'a Client,
    environment: &'a Environment,
    project: &'a ProjectIndexes,
    uv: Option<&'a Path>,
    // Found out only if an index is needed at all.
    indexes: OnceLock<Result<Indexes, Problem>>,
    pages: Mutex<Pages>,
}

impl<'a> Lookup<'a> {
    /// A lookup for one run.
    pub fn new(client: &'a Client, environment: &'a Environment, settings: &'a Settings) -> Self {
        Self {
            client,
            environment,
            project: &settings.project,
            uv: settings.uv.as_deref(),
            indexes: OnceLock::new(),
            pages: Mutex::default(),
        }
    }

    /// The URL of the file with that name and digest.
    ///
    /// # Errors
    /// No index is configured or can be reached; none lists the file; or they list the name with
    /// another digest, which is a re-upload.
    pub fn find(
        &self,
        project: &PackageName,
        filename: &str,
        sha256: Sha256,
    ) -> Result<Url, Problem> {
        let what = || Problem::new(format!("cannot find `{filename}` of `{project}`"));
        let found = || Indexes::ambient(self.environment, self.project, self.uv);
        let indexes = self.indexes.get_or_init(found).as_ref().map_err(Clone::clone)?;
        let (mut other, mut unread) = (None, None);
        for index in indexes.asked() {
            let links = match self.links(index, project) {
                Ok(links) => links,
                // Another one may have it: the digest says that it is the same.
                Err(problem) => {
                    unread = unread.or(Some(problem));
                    continue;
                }
            };
            for link in links.iter().filter(|link| link.filename == filename) {
                // Without a digest on the page, the download itself decides.
                if link.sha256.is_none_or(|listed| listed == sha256) {
                    return Ok(with_credentials(&index.url, link.url.clone()));
                }
                other = other.or(link.sha256.map(|listed| (&index.url, listed)));
            }
        }
        if let Some(problem) = unread {
            return Err(problem);
        }
        let asked: Vec<_> = indexes.asked().map(|index| Redacted(&index.url).to_string()).collect();
        let asked = asked.join("\n");
        Err(match other {
            Some((index, listed)) => what()
                .fact("locked", format!("sha256:{sha256}"))
                .fact("listed", format!("sha256:{listed}"))
                .fact("index", Redacted(index))
                .hint(
                    "the index has another file under this name, uploaded again after the lock \
                 was made; find out why before locking it again",
                ),
            None => what().fact("sha256", sha256).fact("asked", asked).hint(
                "the index does not list the file; a lock made with another index needs \
                 that one: set `UV_DEFAULT_INDEX`",
            ),
        })
    }

    /// Whether an index says of any file of a project when it was uploaded (PEP 700); `None` if it
    /// has no file of it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has_dates(&self, index: &Index, project: &PackageName) -> Result<Option<bool>, Problem> {
        let links = self.links(index, project)?;
        Ok((!links.is_empty()).then(|| links.iter().any(|link| link.dated)))
    }

    fn links(&self, index: &Index, project: &PackageName) -> Result<Arc<Vec<Link>>, Problem> {
        let url = if index.flat { index.url.clone() } else { project_url(&index.url, project) };
        let slot = {
            let mut pages = self.pages.lock().expect("no thread panics with the lock");
            Arc::clone(pages.entry(url.clone()).or_default())
        };
        // Others that want this page wait for the one that fetches it.
        slot.get_or_init(|| self.fetch_links(&url, index.flat)).clone()
    }

    fn fetch_links(&self, url: &Url, flat: bool) -> Result<Arc<Vec<Link>>, Problem> {
        let problem = || Problem::new(format!("cannot read the index page `{}`", Redacted(url)));
        let page = match local_path(url) {
            Some(dir) if flat && dir.is_dir() => {
                let links = page::directory(&dir).map_err(|error| problem().cause(error))?;
                return Ok(Arc::new(links));
            }
            Some(dir) => page::local(&dir, url),
            None => self.client.page(url, ACCEPT, PAGE_BYTES.max),
        };
        match page {
            Ok(page) => {
                page::links(&page).map(Arc::new).map_err(|reason| problem().fact("because", reason))
            }
            // An index that has nothing of a project answers so.
            Err(error) if error.is_gone() => Ok(Arc::default()),
            Err(TransferError::Disk(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Arc::default())
            }
            Err(error) => Err(because(problem(), error)),
        }
    }
}

/// `<index>/<normalised name>/` (PEP 503).
fn project_url(index: &Url, project: &PackageName) -> Url {
    let mut url = index.clone();
    let path = format!("{}/{project}/", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// Files on the host of the index are fetched as the same user. uv does so too.
fn with_credentials(index: &Url, mut url: Url) -> Url {
    if index.origin() == url.origin() && url.username().is_empty() && index.scheme() != "file" {
        // It has a host, so it can have a user.
        let _ = url.set_username(index.username());
        let _ = url.set_password(index.password());
    }
    url
}
