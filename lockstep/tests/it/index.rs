//! A package index on loopback, and source distributions whose backend is the one of
//! `fixtures/small`. No tests here.

use std::cell::RefCell;
use std::collections::BTreeMap;

use base::vocabulary::Sha256;
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::server::{Reply, Server};
use crate::wheels_fixture::Wheel;

/// An index below a path of a server.
pub(crate) struct Index<'a> {
    server: &'a Server,
    path: &'static str,
    /// When all of its files were uploaded; without it, pages are those of PEP 503.
    uploaded: Option<&'static str>,
    files: RefCell<BTreeMap<String, Vec<(String, Sha256)>>>,
    work: TempDir,
}

impl<'a> Index<'a> {
    /// One that says nothing of dates.
    pub(crate) fn new(server: &'a Server, path: &'static str) -> Self {
        let work = tempfile::tempdir().unwrap();
        Self { server, path, uploaded: None, files: RefCell::default(), work }
    }

    /// One whose files were all uploaded then (PEP 700).
    pub(crate) fn dated(server: &'a Server, path: &'static str, uploaded: &'static str) -> Self {
        Self { uploaded: Some(uploaded), ..Self::new(server, path) }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(self.path)
    }

    /// Adds an empty wheel; gives its URL and digest.
    pub(crate) fn wheel(
        &self,
        name: &'static str,
        version: &'static str,
        requires: &[&str],
    ) -> (String, Sha256) {
        let requires = requires.iter().map(|it| format!("Requires-Dist: {it}\n"));
        let requires = requires.collect::<String>();
        let metadata =
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
        let wheel = Wheel::new(name, version).metadata(&metadata).write(self.work.path());
        let filename = wheel.file_name().unwrap().to_str().unwrap().to_owned();
        self.add(name, filename, fs_err::read(wheel).unwrap())
    }

    /// Adds a source distribution; gives its URL and digest.
    pub(crate) fn sdist(&self, sdist: &Sdist<'_>) -> (String, Sha256) {
        let filename = format!("{}-{}.tar.gz", sdist.name, sdist.version);
        self.add(sdist.name, filename, sdist.bytes())
    }

    fn add(&self, project: &str, filename: String, bytes: Vec<u8>) -> (String, Sha256) {
        let digest = Sha256::of(&bytes);
        let url =
            self.server.set(&format!("{}/{project}/{filename}", self.path), Reply::File(bytes));
        let mut files = self.files.borrow_mut();
        let of_project = files.entry(project.to_owned()).or_default();
        of_project.push((filename, digest));
        let page = match self.uploaded {
            Some(date) => json_page(of_project, date),
            None => Reply::Page("text/html", html_page(of_project)),
        };
        self.server.set(&format!("{}/{project}/", self.path), page);
        (url, digest)
    }
}

fn html_page(files: &[(String, Sha256)]) -> String {
    let line = |(name, digest): &(String, Sha256)| {
        format!("<a href=\"{name}#sha256={digest}\">{name}</a>\n")
    };
    files.iter().map(line).collect()
}

fn json_page(files: &[(String, Sha256)], date: &str) -> Reply {
    let files: Vec<_> = files
        .iter()
        .map(|(name, digest)| {
            serde_json::json!({
                "filename": name, "url": name, "hashes": { "sha256": digest.to_string() },
                "upload-time": date,
            })
        })
        .collect();
    let page = serde_json::json!({
        "meta": { "api-version": "1.1" }, "name": "x", "versions": [], "files": files,
    });
    Reply::Page("application/vnd.pypi.simple.v1+json", page.to_string())
}

/// A source distribution whose metadata only its backend knows.
#[derive(Default)]
pub(crate) struct Sdist<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    /// Its `[build-system] requires`.
    pub(crate) requires: &'a [&'a str],
    /// What its wheel requires.
    pub(crate) needs: &'a [&'a str],
    /// More of its `pyproject.toml`.
    pub(crate) tables: &'a str,
    /// More of its backend's module `act`.
    pub(crate) act: &'a str,
}

/// The distributions of a build's environment, in a file of its wheel named after it.
pub(crate) const SEEN: &str = "
import importlib.metadata, json

def act():
    seen = {it.name: it.version for it in importlib.metadata.distributions()}
    return {f\"{NAME}.json\": json.dumps(seen, sort_keys=True)}
";

impl Sdist<'_> {
    /// Its files, by path.
    pub(crate) fn files(&self) -> Vec<(&'static str, String)> {
        let Self { name, version, requires, needs, tables, act } = self;
        let project = format!(
            "[project]\nname = \"{name}\"\nversion = \"{version}\"\ndynamic = [\"dependencies\"]\n\
             [build-system]\nrequires = {requires:?}\nbuild-backend = \"backend\"\n\
             backend-path = [\".\"]\n{tables}\n"
        );
        let act = format!(
            "NAME = \"{name}\"\nVERSION = \"{version}\"\nREQUIRES = {needs:?}\n{SEEN}{act}"
        );
        vec![
            ("pyproject.toml", project),
            ("PKG-INFO", format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")),
            ("backend.py", include_str!("../fixtures/small/backend.py").to_owned()),
            ("act.py", act),
        ]
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, text) in self.files() {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            let path = format!("{}-{}/{path}", self.name, self.version);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }
}
