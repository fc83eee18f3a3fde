//! Stage 2: the files of new versions, downloaded by the lock's sha256 and looked into. Nothing of
//! them is installed, built or run. It only happens after text alone denied nothing.

use std::collections::BTreeSet;
use std::path::Path;

use fs_err as fs;
use rayon::prelude::*;
use tempfile::TempDir;
use toml::Value;
use url::Url;

use base::packaging::PackageName;
use base::sys::Host;
use base::sys::archive::{Limits, unpack};
use base::sys::cache::WORK;
use base::sys::files::sorted_entries;
use base::vocabulary::limits::WHEEL_MEMBER_BYTES;
use base::vocabulary::{Problem, Sha256, Target};
use builder::fetch::http::Client;
use builder::fetch::{Fetcher, FileOrigin, FileRequest, Settings, Shelf};
use builder::lock::resolve::best_wheel;
use builder::lock::{File, Location, Lock, Package, Source};
use builder::wheel_archive::WheelArchive;

use crate::contents::{self, ContentChange, Version};
use crate::difference::{self, Pair};
use crate::finding::Finding;
use crate::metadata;
use crate::rules::WHEEL_UNREADABLE;
use crate::traits::{self, Content};

/// What the files say.
#[derive(Debug, Default)]
pub(crate) struct Inspected {
    pub(crate) contents: Vec<ContentChange>,
    pub(crate) findings: Vec<Finding>,
    /// What could not be had, a line each: then nobody can decide.
    pub(crate) unknown: Vec<String>,
    /// What was not looked into, a line each.
    pub(crate) notes: Vec<String>,
}

/// Two locks, and for what their files are chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) base: &'a Lock,
    pub(crate) head: &'a Lock,
    pub(crate) targets: &'a [Target],
    /// What the project wants built from source.
    pub(crate) no_binary: &'a BTreeSet<PackageName>,
}

/// A pair of files of a package.
struct Job<'a> {
    package: &'a Package,
    target: &'a Target,
    old: Option<(&'a Package, &'a File)>,
    new: &'a File,
}

/// Downloads and compares what is new for any target.
pub(crate) fn inspect(subject: Subject<'_>, host: &Host<'_>) -> Result<Inspected, Problem> {
    let mut all = Inspected::default();
    let pairs = difference::pairs(subject.base, subject.head);
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for pair in &pairs {
        jobs.extend(jobs_of(*pair, subject, &mut all.notes));
    }
    let settings = Settings::default();
    let client = Client::new(host.environment, settings.patience);
    let fetcher = Fetcher::new(&client, host, &settings);
    let work = host.cache.join(WORK);
    fs::create_dir_all(&work)
        .map_err(|error| Problem::new("cannot make a directory for downloads").cause(error))?;
    host.progress.stage("look into new versions", Some(jobs.len() as u64));
    let locked: BTreeSet<&PackageName> = subject.head.names().collect();
    let replaced = replaced(subject.head);
    let look = Look {
        subject,
        fetcher: &fetcher,
        host,
        work: &work,
        locked: &locked,
        replaced: &replaced,
    };
    let inspected: Vec<Inspected> = jobs
        .par_iter()
        .map(|job| {
            let step = job.package.to_string();
            host.progress.begin(&step);
            let inspected = look.job(job);
            host.progress.end(&step);
            inspected
        })
        .collect();
    for it in inspected {
        all.contents.extend(it.contents);
        all.findings.extend(it.findings);
        all.unknown.extend(it.unknown);
    }
    Ok(all)
}

/// For each target, the files that would be installed before and now, if they differ.
fn jobs_of<'a>(pair: Pair<'a>, subject: Subject<'a>, notes: &mut Vec<String>) -> Vec<Job<'a>> {
    let Some(head) = pair.head else { return Vec::new() };
    let changed =
        pair.base.is_none_or(|base| base.version != head.version || base.source != head.source);
    if changed && matches!(head.source, Source::Git(_) | Source::Path(_)) {
        notes.push(format!("`{head}` was not looked into: it comes from {}", head.source));
    }
    if !matches!(head.source, Source::Registry(_) | Source::Url { .. }) {
        return Vec::new();
    }
    let mut jobs: Vec<Job<'a>> = Vec::new();
    for target in subject.targets {
        let Some(new) = picked(head, target, subject.no_binary) else { continue };
        let old = pair.base.and_then(|base| Some((base, picked(base, target, subject.no_binary)?)));
        let same = old.is_some_and(|(_, old)| old.hash.is_some() && old.hash == new.hash);
        if !same && !jobs.iter().any(|job| job.new.filename == new.filename) {
            jobs.push(Job { package: head, target, old, new });
        }
    }
    jobs
}

/// The file that uv would install: the best wheel, else the source archive, else any wheel.
fn picked<'a>(
    package: &'a Package,
    target: &Target,
    no_binary: &BTreeSet<PackageName>,
) -> Option<&'a File> {
    if let Some(sdist) = package.sdist.as_ref().filter(|_| no_binary.contains(&package.name)) {
        return Some(sdist);
    }
    let files = package.wheels.iter().map(|file| (file.filename.as_str(), file));
    best_wheel(files, target).or(package.sdist.as_ref()).or(package.wheels.first())
}

/// Names whose metadata the project replaced.
fn replaced(lock: &Lock) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for key in ["overrides", "excludes", "dependency-metadata"] {
        let entries = lock.asked.manifest.get(key).and_then(Value::as_array);
        for entry in entries.into_iter().flatten() {
            let name = entry.get("name").and_then(Value::as_str).or(entry.as_str());
            names.extend(
                name.and_then(|it| it.parse::<PackageName>().ok()).map(|it| it.to_string()),
            );
        }
    }
    names
}

/// What all jobs share.
struct Look<'a> {
    subject: Subject<'a>,
    fetcher: &'a Fetcher<'a>,
    host: &'a Host<'a>,
    work: &'a Path,
    locked: &'a BTreeSet<&'a PackageName>,
    replaced: &'a BTreeSet<String>,
}

impl Look<'_> {
    fn job(&self, job: &Job<'_>) -> Inspected {
        let mut inspected = Inspected::default();
        let Job { package, target, new, .. } = job;
        let shown = package.to_string();
        let opened = match self.obtain(package, new) {
            Ok(path) => self.open(&path, new),
            Err(problem) => {
                inspected.unknown.push(problem_line(&problem));
                return inspected;
            }
        };
        let new = match opened {
            Ok(opened) => opened,
            Err(problem) => {
                let finding = Finding::new(&WHEEL_UNREADABLE, &package.name, &problem.what);
                let facts = problem.facts.iter().map(|(label, value)| format!("{label}: {value}"));
                inspected.findings.push(finding.detail(facts));
                return inspected;
            }
        };
        let old = job.old.map(|(package, file)| {
            self.obtain(package, file).and_then(|path| self.open(&path, file))
        });
        let old = match old.transpose() {
            Ok(old) => old,
            Err(problem) => {
                inspected.unknown.push(problem_line(&problem));
                None
            }
        };
        let old = old.as_ref().map(|old| &old.version);
        let (change, found) =
            contents::compare((&package.name, &shown), old, &new.version, self.locked);
        inspected.contents.push(change);
        inspected.findings.extend(found);
        if let Some(read) = &new.metadata {
            let head = self.subject.head;
            let differs = metadata::check(head, package, read, target, self.replaced);
            inspected.findings.extend(differs);
        }
        inspected
    }

    /// The file, verified, in the cache.
    fn obtain(&self, package: &Package, file: &File) -> Result<std::path::PathBuf, Problem> {
        let problem = |because: &str| {
            Problem::new(format!(
                "`{}` of `{package}` was not looked into: {because}",
                file.filename
            ))
        };
        let hash = file.hash.as_deref().and_then(|hash| hash.strip_prefix("sha256:"));
        let sha256 = hash.and_then(|hash| Sha256::from_hex(hash).ok());
        let sha256 = sha256.ok_or_else(|| problem("it has no sha256"))?;
        let name = Path::new(&file.filename);
        if name.file_name() != Some(name.as_os_str()) {
            return Err(problem("its name is no name of a file"));
        }
        let origin = match (&file.location, &package.source) {
            (Location::Url(url), Source::Registry(_)) => {
                FileOrigin::Registry { locked: Some(url.clone()) }
            }
            (Location::Url(url), _) => FileOrigin::Url(url.clone()),
            (Location::Source, Source::Url { url, .. }) => {
                FileOrigin::Url(Url::parse(url).map_err(|error| problem(&error.to_string()))?)
            }
            _ => return Err(problem("it is in a directory of a source tree")),
        };
        let request = FileRequest {
            project: package.name.clone(),
            shelf: Shelf::Wheels,
            filename: file.filename.clone(),
            sha256,
            size: file.size,
            origin,
        };
        Ok(self.fetcher.obtain(&request, self.host)?.path)
    }

    fn open(&self, path: &Path, file: &File) -> Result<Opened, Problem> {
        let filename = file.filename.clone();
        let mut content = Content::new();
        if !filename.ends_with(".whl") {
            let dir = tempfile::Builder::new().prefix("gate-").tempdir_in(self.work);
            let dir: TempDir = dir.map_err(|error| Problem::new("cannot unpack").cause(error))?;
            let top = unpack(path, &dir.path().join("source"), Limits::default())?;
            let read = read_tree(&top, "", &mut content);
            read.map_err(|error| Problem::new(format!("cannot read `{filename}`")).cause(error))?;
            let version = Version { filename, content, is_source: true, ..Version::default() };
            return Ok(Opened { version, metadata: None });
        }
        let wheel = WheelArchive::open(path, "lib/python3/site-packages")?;
        wheel.each_member(&mut |name, bytes| {
            content.insert(name.to_owned(), traits::of(name, bytes));
        })?;
        let scripts = wheel.entry_points.scripts().map(|script| script.name).collect();
        let version = Version { filename, content, is_source: false, scripts };
        Ok(Opened { version, metadata: Some(wheel.metadata) })
    }
}

struct Opened {
    version: Version,
    metadata: Option<base::dist_info::Metadata>,
}

/// The regular files of an unpacked archive; a link is none.
fn read_tree(dir: &Path, prefix: &str, content: &mut Content) -> std::io::Result<()> {
    for entry in sorted_entries(dir)? {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            read_tree(&entry.path(), &format!("{path}/"), content)?;
        } else if kind.is_file() {
            let bytes = WHEEL_MEMBER_BYTES.read(fs::File::open(entry.path())?)?;
            content.insert(path.clone(), traits::of(&path, &bytes));
        }
    }
    Ok(())
}

/// What could not be done, and why, on one line.
fn problem_line(problem: &Problem) -> String {
    let facts = problem.facts.iter().map(|(label, value)| format!("{label} {value}"));
    let facts: Vec<String> = facts.collect();
    if facts.is_empty() {
        problem.what.clone()
    } else {
        format!("{} ({})", problem.what, facts.join(", "))
    }
}
