//! Fetches archives of Debian's pool by their locked path and sha256: from the cache, else from the
//! first of several mirrors that still has them. The mirrors of a moving suite drop old versions
//! within days; archives of old packages use the same paths.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::NamedTempFile;
use url::Url;

use super::address::local_path;
use super::file::copy_verified;
use super::http::{Client, Patience, Pin, TransferError, because};
use super::store::Store;
use crate::lock::toolchain_lock::LockedPackage;
use base::sys::env::Environment;
use base::sys::{Host, disk};
use base::vocabulary::{Outcome, Problem, Redacted};

/// Downloads at a time.
const PARALLELISM: usize = 8;

/// After as many failures of another kind than that an archive is gone, nothing new is begun.
const FAILURES_MAX: usize = 3;

/// The variable that names further mirrors, separated by blanks, for users who do not put them into
/// a recipe.
pub const FURTHER_MIRRORS: &str = "LOCKSTEP_DEBIAN_MIRRORS";

/// Mirrors in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Mirrors {
    urls: Vec<Url>,
    /// The environment that reaches them.
    environment: Environment,
}

impl Mirrors {
    /// The machine's own mirror, if it has one that this tool can ask, then those of the recipe,
    /// then those of [`FURTHER_MIRRORS`]. `proxies` are apt's own, by scheme, where the environment
    /// has none.
    ///
    /// # Errors
    /// One of [`FURTHER_MIRRORS`] is no URL.
    pub fn new(
        own: Option<&str>,
        recipe: &[Url],
        proxies: &BTreeMap<String, String>,
        environment: &Environment,
    ) -> Result<Self, Problem> {
        let own = own.and_then(|uri| Url::parse(uri).ok());
        let own = own.filter(|url| matches!(url.scheme(), "http" | "https" | "file"));
        let further = environment.get(FURTHER_MIRRORS).unwrap_or_default();
        let further = further.split_whitespace().map(|text| {
            Url::parse(text).map_err(|error| {
                Problem::usage(format!("`{FURTHER_MIRRORS}` has a word that is no URL"))
                    .fact("word", text.escape_debug())
                    .fact("because", error)
            })
        });
        let further = further.collect::<Result<Vec<Url>, Problem>>()?;
        let urls = own.into_iter().chain(recipe.iter().cloned()).chain(further).collect();
        let missing = proxies.iter().filter(|(scheme, _)| environment.proxy(scheme).is_none());
        let environment = missing.fold(environment.clone(), |environment, (scheme, proxy)| {
            environment.with(&format!("{scheme}_proxy"), proxy)
        });
        Ok(Self { urls, environment })
    }
}

/// Brings every archive into the cache and verifies it; returns where each is, in the same order.
///
/// # Errors
/// Archives that no mirror has: all of them are named, with the ways out. Or something else failed,
/// such as the network.
pub fn bring(
    packages: &[LockedPackage],
    mirrors: &Mirrors,
    host: &Host<'_>,
) -> Result<Vec<PathBuf>, Problem> {
    let client = Client::new(&mirrors.environment, Patience::default());
    let run = Run { client, mirrors, store: Store::new(host.cache), host: *host };
    let next = AtomicUsize::new(0);
    let brought: Mutex<BTreeMap<usize, PathBuf>> = Mutex::default();
    let failures: Mutex<Failures> = Mutex::default();
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(package) = packages.get(index) else { break };
            if failures.lock().expect("no panic").others.len() >= FAILURES_MAX {
                break;
            }
            match run.obtain(package, &failures) {
                Ok(Some(path)) => drop(brought.lock().expect("no panic").insert(index, path)),
                Ok(None) => {}
                Err(problem) => failures.lock().expect("no panic").others.push(problem),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..PARALLELISM.min(packages.len()) {
            scope.spawn(worker);
        }
    });
    failures.into_inner().expect("no panic").told(mirrors)?;
    Ok(brought.into_inner().expect("no panic").into_values().collect())
}

/// The archives that could not be fetched.
#[derive(Default)]
struct Failures {
    /// What no mirror has, and what each of them answered.
    gone: BTreeMap<String, Vec<String>>,
    others: Vec<Problem>,
}

struct Run<'a> {
    client: Client,
    mirrors: &'a Mirrors,
    store: Store,
    host: Host<'a>,
}

impl Run<'_> {
    /// `None` if every mirror answered, and none has it.
    fn obtain(
        &self,
        package: &LockedPackage,
        failures: &Mutex<Failures>,
    ) -> Result<Option<PathBuf>, Problem> {
        let mut gone = false;
        let shown = package.package.to_string();
        let sha256 = package.package.sha256;
        let stored = self.store.obtain(package.filename(), sha256, &self.host, |dir| {
            self.host.progress.begin(&shown);
            let found = self.ask(package, dir);
            self.host.progress.end(&shown);
            found.map_err(|Unfound { answers, problem }| {
                if problem.is_none() {
                    gone = true;
                    failures.lock().expect("no panic").gone.insert(shown.clone(), answers);
                }
                problem.map_or_else(|| Problem::new("it is gone"), |problem| *problem)
            })
        });
        match stored {
            Err(_) if gone => Ok(None),
            stored => Ok(Some(stored?.path)),
        }
    }

    fn ask(&self, package: &LockedPackage, dir: &Path) -> Result<NamedTempFile, Unfound> {
        let (mut answers, mut problem) = (Vec::new(), None);
        for mirror in &self.mirrors.urls {
            match self.transfer(package, mirror, dir) {
                Ok(file) => return Ok(file),
                Err(error) => {
                    answers.push(format!("{}: {error}", Redacted(mirror)));
                    if !is_answer(&error) {
                        problem = Some(Box::new(failed(package, mirror, dir, error)));
                    }
                }
            }
        }
        Err(Unfound { answers, problem })
    }

    fn transfer(
        &self,
        package: &LockedPackage,
        mirror: &Url,
        dir: &Path,
    ) -> Result<NamedTempFile, TransferError> {
        if let Some(base) = local_path(mirror) {
            // A mirror, or the directory that `fetch --toolchain` made.
            let places = [base.join(&package.path), base.join("debs").join(package.filename())];
            let place = places.iter().find(|place| place.exists()).unwrap_or(&places[0]);
            return copy_verified(place, package.package.sha256, dir);
        }
        let mut url = mirror.clone();
        // As apt does: some servers take a `+` for a blank.
        let path = package.path.replace('+', "%2b");
        url.set_path(&format!("{}/{path}", mirror.path().trim_end_matches('/')));
        let pin = Pin { sha256: Some(package.package.sha256), size: Some(package.size) };
        self.client.download(&url, pin, dir, &|count| self.host.progress.bytes(count))
    }
}

/// The answers of the mirrors, and those that do not say whether a mirror has the archive.
struct Unfound {
    answers: Vec<String>,
    problem: Option<Box<Problem>>,
}

/// Whether the mirror says that it does not have the archive: none of that path, or another one.
fn is_answer(error: &TransferError) -> bool {
    match error {
        TransferError::WrongHash { .. } | TransferError::WrongSize { .. } => true,
        TransferError::Disk(error) => base::sys::files::is_absent(error),
        error => error.is_gone(),
    }
}

fn failed(package: &LockedPackage, mirror: &Url, dir: &Path, error: TransferError) -> Problem {
    let what = format!("cannot fetch the package `{}`", package.package);
    let problem = Problem::new(what).fact("from", Redacted(mirror)).fact("path", &package.path);
    match error {
        TransferError::Disk(error) => disk::failed(problem, dir, Some(package.size), error),
        error => because(problem, error),
    }
}

impl Failures {
    fn told(self, mirrors: &Mirrors) -> Result<(), Problem> {
        let Self { gone, mut others } = self;
        if !others.is_empty() {
            // They fail for one reason.
            return Err(others.swap_remove(0));
        }
        if gone.is_empty() {
            return Ok(());
        }
        let (count, verb) = (gone.len(), if gone.len() == 1 { "is" } else { "are" });
        let things = if count == 1 { "package" } else { "packages" };
        let names: Vec<&str> = gone.keys().map(String::as_str).collect();
        let answers = gone.values().next().cloned().unwrap_or_default();
        let asked = match &mirrors.urls[..] {
            [] => "no mirror: this machine's apt has none, and the recipe names none".to_owned(),
            _ => answers.join("\n"),
        };
        let what = format!("{count} locked {things} of the toolchain {verb} no longer to be had");
        Err(Problem::new(what)
            .outcome(Outcome::Undecided)
            .fact("gone", names.join("\n"))
            .fact("asked", asked)
            .hint(THREE_WAYS_OUT))
    }
}

/// What can be done about archives that are gone.
const THREE_WAYS_OUT: &str = "there are three ways out:\n\
     1. name an archive of old packages: `toolchain.debian.mirrors` in the recipe, or \
     `LOCKSTEP_DEBIAN_MIRRORS`\n\
     2. lock what the mirror has now, which changes what is built: \
     `lockstep toolchain-lock --upgrade`\n\
     3. copy the directory that `lockstep fetch --toolchain` prints on a machine that has the \
     packages, and name the copy in `LOCKSTEP_DEBIAN_MIRRORS` as a `file:` URL";
