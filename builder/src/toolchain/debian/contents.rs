//! Finds the package that has a file, in Debian's Contents index. apt fetches and verifies it like
//! the package index. Only `init` uses it, never a build.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::apt::Apt;
use super::architecture;
use crate::missing::Missing;
use base::sys::Host;
use base::sys::cache::TOOLCHAINS;
use base::sys::files::{FileLock, sorted_entries};
use base::vocabulary::Problem;

/// No index of files has more bytes, unpacked.
const INDEX_BYTES: u64 = 4 << 30;

/// What makes apt fetch the index, kept as it comes (apt.conf(5), apt-transport indexes).
const OPTIONS: [&str; 5] = [
    "Acquire::GzipIndexes=true",
    "Acquire::IndexTargets::deb::Contents-deb::MetaKey=$(COMPONENT)/Contents-$(ARCHITECTURE)",
    "Acquire::IndexTargets::deb::Contents-deb::ShortDescription=Contents",
    "Acquire::IndexTargets::deb::Contents-deb::Description=Contents of $(RELEASE)",
    "Acquire::IndexTargets::deb::Contents-deb::KeepCompressedAs=gz",
];

/// A suite's index of files, fetched.
#[derive(Debug, Clone)]
pub struct Contents {
    files: Vec<PathBuf>,
}

impl Contents {
    /// Fetches the index of a suite for a machine in the kernel's words, or uses what is there.
    ///
    /// # Errors
    /// There is no apt, or the mirror cannot be reached or has no such index.
    pub fn fetch(suite: &str, machine: &str, host: &Host<'_>) -> Result<Self, Problem> {
        let architecture = architecture(machine)?;
        let dir = host.cache.join(TOOLCHAINS).join("apt");
        let dir = dir.join(format!("contents-{suite}-{architecture}"));
        let waiting = || host.progress.note("another run fetches the index of files");
        let lock = dir.with_added_extension("lock");
        let _lock = FileLock::acquire(&lock, waiting)
            .map_err(|error| Problem::new("cannot fetch the index of files").cause(error))?;
        let known = lists(&dir);
        if !known.is_empty() {
            return Ok(Self { files: known });
        }
        host.progress.begin("index of files");
        let apt = Apt::new(dir.clone(), suite, architecture, host)?;
        apt.update_with(&OPTIONS)?;
        host.progress.end("index of files");
        let files = lists(&dir);
        if files.is_empty() {
            return Err(Problem::new(format!("Debian `{suite}` has no index of files"))
                .hint("name the packages in the recipe yourself"));
        }
        Ok(Self { files })
    }

    /// The package that most likely has each of what is missing. What no package has is left out.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn packages(
        &self,
        wanted: &BTreeSet<Missing>,
    ) -> Result<BTreeMap<Missing, String>, Problem> {
        let mut best = Best::default();
        for file in &self.files {
            let unread = |error| Problem::new("cannot read the index of files").cause(error);
            let packed = fs_err::File::open(file).map_err(unread)?;
            let lines = BufReader::new(GzDecoder::new(packed).take(INDEX_BYTES));
            for line in lines.split(b'\n') {
                let line = line.map_err(unread)?;
                best.take(&String::from_utf8_lossy(&line), wanted);
            }
        }
        Ok(best.found.into_iter().map(|(missing, (_, package))| (missing, package)).collect())
    }
}

/// The indexes that apt has put below `dir`.
fn lists(dir: &Path) -> Vec<PathBuf> {
    let entries = sorted_entries(&dir.join("state/lists")).unwrap_or_default();
    let is_index = |name: &str| name.contains("_Contents-") && name.ends_with(".gz");
    let paths = entries.iter().map(fs_err::DirEntry::path);
    paths.filter(|it| it.file_name().is_some_and(|it| is_index(&it.to_string_lossy()))).collect()
}

/// How far a path is from what one hopes for: a package for other compilers, a deep path and a long
/// name of the package are further.
type Distance = (bool, usize, usize, usize);

#[derive(Default)]
struct Best {
    found: BTreeMap<Missing, (Distance, String)>,
}

impl Best {
    /// A line is a path, blanks, and sections with packages:
    /// `usr/bin/pg_config  libdevel/libpq-dev`.
    fn take(&mut self, line: &str, wanted: &BTreeSet<Missing>) {
        let Some((path, packages)) = line.rsplit_once([' ', '\t']) else { return };
        let path = path.trim_end();
        for missing in wanted.iter().filter(|it| has(path, it)) {
            for package in packages.split(',') {
                let package = package.rsplit('/').next().unwrap_or_default();
                let is_plain =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
                if package.is_empty() || !package.chars().all(is_plain) {
                    continue;
                }
                let distance = distance(path, package, missing);
                if self.found.get(missing).is_none_or(|(other, _)| distance < *other) {
                    self.found.insert(missing.clone(), (distance, package.to_owned()));
                }
            }
        }
    }
}

fn distance(path: &str, package: &str, missing: &Missing) -> Distance {
    // Compilers for other machines bring copies of libraries.
    let is_cross = package.contains("-cross") || path.contains("mingw");
    // What is included by its name alone lies where compilers look.
    let depth = path.split('/').count();
    let of_run_time = matches!(missing, Missing::SharedObject(_) | Missing::Program(_));
    let is_dev = usize::from(package.ends_with("-dev") == of_run_time);
    (is_cross, depth, is_dev, package.len())
}

/// Whether a path of a package is what is missing.
fn has(path: &str, missing: &Missing) -> bool {
    let below = |name: &str| path.strip_suffix(name).is_some_and(|parent| parent.ends_with('/'));
    match missing {
        Missing::Header(name) => {
            below(name) && (path.starts_with("usr/include/") || path.starts_with("usr/lib/"))
        }
        Missing::Library(name) => path.starts_with("usr/lib/") && below(&format!("lib{name}.so")),
        Missing::PkgConfig(name) => below(&format!("pkgconfig/{name}.pc")),
        Missing::CMake(name) => {
            below(&format!("{name}Config.cmake"))
                || below(&format!("{}-config.cmake", name.to_lowercase()))
        }
        Missing::Program(name) => {
            ["bin", "sbin", "usr/bin", "usr/sbin"].iter().any(|dir| path == format!("{dir}/{name}"))
        }
        Missing::SharedObject(name) => {
            (path.starts_with("usr/lib/") || path.starts_with("lib/")) && below(name)
        }
        Missing::Module(_) | Missing::Network(_) | Missing::Version => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
usr/bin/pg_config                                libdevel/libpq-dev,database/postgresql-common
usr/include/postgresql/16/server/libpq-fe.h              otherosfs/postgresql-server-dev-all
usr/include/postgresql/libpq-fe.h                        libdevel/libpq-dev
usr/lib/x86_64-linux-gnu/libpq.so                        libdevel/libpq-dev
usr/lib/x86_64-linux-gnu/libpq.so.5                      libs/libpq5
usr/lib/x86_64-linux-gnu/pkgconfig/libpq.pc              libdevel/libpq-dev
usr/lib/cmake/fmt/fmt-config.cmake                       libdevel/libfmt-dev
usr/share/doc/libpq-fe.h                                 doc/a
usr/include/a b/blank.h                                  libdevel/blank-dev
usr/include/hostile.h                                    libdevel/-oAPT::x
";

    #[test]
    fn the_nearest_package_has_it() {
        let name = |make: fn(String) -> Missing, name: &str| make(name.to_owned());
        for (missing, package) in [
            (name(Missing::Header, "libpq-fe.h"), Some("libpq-dev")),
            (name(Missing::Header, "postgresql/libpq-fe.h"), Some("libpq-dev")),
            (name(Missing::Header, "fe.h"), None),
            (name(Missing::Library, "pq"), Some("libpq-dev")),
            (name(Missing::SharedObject, "libpq.so.5"), Some("libpq5")),
            (name(Missing::PkgConfig, "libpq"), Some("libpq-dev")),
            (name(Missing::CMake, "fmt"), Some("libfmt-dev")),
            (name(Missing::Program, "pg_config"), Some("postgresql-common")),
            (name(Missing::Header, "blank.h"), Some("blank-dev")),
            (name(Missing::Header, "hostile.h"), None),
            (name(Missing::Module, "pg_config"), None),
        ] {
            let wanted = BTreeSet::from([missing.clone()]);
            let mut best = Best::default();
            INDEX.lines().for_each(|line| best.take(line, &wanted));
            let found = best.found.get(&missing).map(|(_, package)| package.as_str());
            assert_eq!(found, package, "{missing}");
        }
    }
}
