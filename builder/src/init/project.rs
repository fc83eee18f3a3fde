//! Reads a project: its lock, its `pyproject.toml`, and its image and CI files. It runs none of its
//! code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::hints::{DEVELOPMENT, Hints, Install, minor};
use crate::build::version_control;
use crate::fetch::application::{Locked, check_locked};
use crate::lock::{DefaultGroups, Package, Source};
use base::packaging::PackageName;
use base::recipe::LockPlace;
use base::sys::files::{read_text, sorted_entries};
use base::vocabulary::Problem;
use base::vocabulary::limits::PYPROJECT_BYTES;

/// A project, read.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) dir: PathBuf,
    pub(super) locked: Locked,
    pub(super) hints: Hints,
    /// What `.python-version` says, as `3.13`.
    pub(super) pinned_python: Option<String>,
}

/// Directories in which images and CI are described, and how their names begin or end.
const PLACES: [(&str, &str, bool); 8] = [
    ("", "Dockerfile", true),
    ("", "Containerfile", true),
    ("docker", "Dockerfile", true),
    (".docker", "Dockerfile", true),
    ("deploy", "Dockerfile", true),
    (".github/workflows", ".yml", false),
    (".github/workflows", ".yaml", false),
    ("", ".gitlab-ci.yml", false),
];

impl Project {
    /// Reads the project in a directory.
    ///
    /// # Errors
    /// It has no lock, or one of its files cannot be read.
    pub(super) fn read(dir: &Path) -> Result<Self, Problem> {
        let place = LockPlace::default();
        check_locked(dir, &place)?;
        let locked = Locked::read(dir, &place)?;
        let pinned = read_text(&dir.join(".python-version"), &PYPROJECT_BYTES).ok();
        let pinned_python =
            pinned.and_then(|text| text.lines().find_map(|line| minor(line.trim())));
        Ok(Self { dir: dir.to_owned(), locked, hints: hints(dir), pinned_python })
    }

    /// The project beside the lock, unless the workspace root is not a project.
    pub(super) fn root(&self) -> Option<&Package> {
        self.locked.lock.root()
    }

    /// A name for the recipe: that of the project, else of its directory.
    pub(super) fn name(&self) -> String {
        if let Some(root) = self.root() {
            return root.name.to_string();
        }
        let directory = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.parse::<PackageName>().map_or_else(|_| "app".to_owned(), |name| name.to_string())
    }

    /// Whether the root is a project of which nothing is built.
    pub(super) fn is_no_package(&self) -> bool {
        self.root().is_some_and(|root| matches!(root.source, Source::Virtual(_)))
    }

    /// The extras and groups to install besides the project's own dependencies, according to the
    /// lines; never those for development.
    pub(super) fn install(&self) -> Install {
        let mut install = self.hints.install.as_ref().map(|(_, it)| it.clone()).unwrap_or_default();
        let lock = &self.locked.lock;
        let is_known = |name: &String, mut all: Box<dyn Iterator<Item = String> + '_>| {
            all.any(|it| it == *name)
        };
        let packages = || lock.packages.iter();
        let selected = |it: &&Package| self.root().is_none_or(|root| root.name == it.name);
        if install.all_extras {
            let extras = packages().filter(selected).flat_map(|it| &it.provides_extras);
            install.extras.extend(extras.map(ToString::to_string));
        }
        if install.all_groups {
            let groups = packages().filter(selected).flat_map(|it| it.groups.keys());
            let groups = groups.map(ToString::to_string);
            install.groups.extend(groups.filter(|it| !DEVELOPMENT.contains(&it.as_str())));
        }
        if let (false, Some(DefaultGroups::Some(groups))) =
            (install.is_production, &self.locked.project.uv.default_groups)
        {
            let groups = groups.iter().map(ToString::to_string);
            install.groups.extend(groups.filter(|it| !DEVELOPMENT.contains(&it.as_str())));
        }
        install.extras.retain(|extra| {
            let all = packages().flat_map(|it| it.provides_extras.iter().map(ToString::to_string));
            is_known(extra, Box::new(all))
        });
        install.groups.retain(|group| {
            let of_root = lock.groups.keys().map(ToString::to_string);
            let all = packages().flat_map(|it| it.groups.keys().map(ToString::to_string));
            is_known(group, Box::new(all.chain(of_root)))
        });
        install
            .packages
            .retain(|name| is_known(name, Box::new(packages().map(|it| it.name.to_string()))));
        install
    }

    /// The projects whose version only git knows, each with the tool that would ask it.
    pub(super) fn without_version(&self) -> Vec<(PackageName, &'static str)> {
        let unknown = self.locked.lock.packages.iter().filter(|it| it.version.is_none());
        let asking = |package: &Package| {
            let tool = version_control::asking(&self.dir, package.source.local_path()?)?;
            Some((package.name.clone(), tool))
        };
        unknown.filter_map(asking).collect()
    }

    /// `Version` of the `PKG-INFO` that an unpacked source distribution has.
    pub(super) fn packed_version(&self) -> Option<String> {
        let text = read_text(&self.dir.join("PKG-INFO"), &PYPROJECT_BYTES).ok()?;
        let version = base::dist_info::Metadata::parse(text.as_bytes()).version;
        version.parse::<base::packaging::Version>().ok().map(|it| it.to_string())
    }

    /// The copies for a project that is not a package: `from`, `to`, and the modules in it. Next to
    /// a `manage.py` all files keep their place; other modules go where they can be imported.
    pub(super) fn copies(&self) -> (Vec<(String, String)>, BTreeSet<String>, bool) {
        let manage = ["", "src", "backend", "app"]
            .into_iter()
            .find(|dir| self.dir.join(dir).join("manage.py").is_file());
        let base = manage.unwrap_or_else(|| {
            if self.dir.join("src").is_dir() && self.modules("").is_empty() { "src" } else { "" }
        });
        let below = |name: &str| {
            if base.is_empty() { name.to_owned() } else { format!("{base}/{name}") }
        };
        let names = self.modules(base);
        let entries = names.iter().map(|(name, _)| {
            let to = match manage {
                Some(_) => name.clone(),
                None => format!("@site-packages@/{name}"),
            };
            (below(name), to)
        });
        let entries: Vec<_> = entries.collect();
        let modules = names.into_iter().filter_map(|(_, module)| module);
        (entries, modules.collect(), manage.is_some())
    }

    /// Files and directories of a directory that are part of an application, with the module that
    /// each is.
    fn modules(&self, base: &str) -> Vec<(String, Option<String>)> {
        let dir = self.dir.join(base);
        let is_django = dir.join("manage.py").is_file();
        let left_out = ["setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py"];
        let not_of_it =
            ["tests", "test", "docs", "doc", "scripts", "examples", "recipes", "node_modules"];
        let data = ["templates", "static", "locale", "fixtures", "assets"];
        let mut found = Vec::new();
        for entry in sorted_entries(&dir).unwrap_or_default() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path();
            let is_link = path.is_symlink();
            if is_link || name.starts_with(['.', '-']) || not_of_it.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                let is_module = path.join("__init__.py").is_file();
                if is_module || (is_django && data.contains(&name.as_str())) {
                    found.push((name.clone(), is_module.then_some(name)));
                }
            } else if let Some(stem) = name.strip_suffix(".py")
                && !left_out.contains(&name.as_str())
                && (is_django || !base.is_empty() || self.is_no_package())
            {
                let module = (stem != "manage").then(|| stem.to_owned());
                found.push((name.clone(), module));
            }
        }
        found
    }
}

fn hints(dir: &Path) -> Hints {
    let mut hints = Hints::default();
    let mut seen = BTreeSet::new();
    for (place, part, is_image) in PLACES {
        for entry in sorted_entries(&dir.join(place)).unwrap_or_default() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let matches = name.starts_with(part) || name.ends_with(part);
            if !matches || !entry.path().is_file() {
                continue;
            }
            let file = if place.is_empty() { name } else { format!("{place}/{name}") };
            if seen.insert(file.clone())
                && let Ok(text) = read_text(&dir.join(&file), &PYPROJECT_BYTES)
            {
                hints.read(&file, &text, is_image);
            }
        }
    }
    hints
}
