//! Chooses the one file of a package to install or build, in PEP 425 order, as uv does.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{Artifact, Place, RegistryFile};
use crate::lock::pyproject::Pyproject;
use crate::lock::{File, Location, Lock, Package, Source};
use base::packaging::{BuildTag, PackageName, TagRank, WheelFilename};
use base::recipe::{Choice, Selection, nearest};
use base::vocabulary::{Problem, Sha256, Target};

/// What may come as a wheel and what may be built, in the words of `[tool.uv]`.
pub(super) struct Policy {
    no_binary: bool,
    no_binary_package: BTreeSet<PackageName>,
    no_build: bool,
    no_build_package: BTreeSet<PackageName>,
    choices: BTreeMap<PackageName, Choice>,
    /// The projects of the workspace, which are built whatever else may not be.
    members: BTreeSet<PackageName>,
}

impl Policy {
    /// The recipe's `no-binary` replaces the project's; a name that the lock does not have is
    /// taken for a slip.
    pub(super) fn new(
        pyproject: &Pyproject,
        selection: &Selection,
        lock: &Lock,
    ) -> Result<Self, Problem> {
        let mut named = selection.no_binary.iter().flatten();
        if let Some(name) = named.find(|name| lock.named(name).next().is_none()) {
            let problem =
                Problem::usage(format!("`no-binary` names `{name}`, which is not locked"));
            return Err(match nearest(name.as_ref(), lock.names().map(AsRef::as_ref)) {
                Some(name) => problem.hint(format!("did you mean `{name}`?")),
                None => problem.hint("remove it from `project.no-binary`"),
            });
        }
        let uv = &pyproject.uv;
        Ok(Self {
            no_binary: uv.no_binary && selection.no_binary.is_none(),
            no_binary_package: match &selection.no_binary {
                Some(names) => names.clone(),
                None => uv.no_binary_package.clone(),
            },
            no_build: uv.no_build,
            no_build_package: uv.no_build_package.clone(),
            choices: selection.choices.clone(),
            members: members(lock),
        })
    }

    fn wheel_allowed(&self, name: &PackageName) -> bool {
        match self.choices.get(name) {
            Some(choice) => matches!(choice, Choice::Wheel | Choice::File { .. }),
            // A list of the other setting is an exception from this one, as uv has it.
            None if self.no_binary => !self.no_build && self.no_build_package.contains(name),
            None => !self.no_binary_package.contains(name),
        }
    }

    fn build_allowed(&self, name: &PackageName) -> bool {
        match self.choices.get(name) {
            Some(choice) => !matches!(choice, Choice::Wheel | Choice::File { .. }),
            None if self.no_build => !self.no_binary && self.no_binary_package.contains(name),
            None => !self.no_build_package.contains(name),
        }
    }
}

/// The projects of the workspace; a lock of a single one does not list it.
fn members(lock: &Lock) -> BTreeSet<PackageName> {
    let is_root = |package: &&Package| package.source.local_path() == Some(".");
    let roots = lock.packages.iter().filter(is_root).map(|package| package.name.clone());
    lock.members.iter().cloned().chain(roots).collect()
}

pub(super) fn artifact(
    package: &Package,
    target: &Target,
    policy: &Policy,
) -> Result<Artifact, Problem> {
    let artifact = chosen(package, target, policy)?;
    let name = &package.name;
    let problem = |what: &str, key: &str| {
        Problem::usage(format!("`{package}` {what}"))
            .fact("because", format!("of `{key}` or `{key}-package` in the project's settings"))
            .hint("take it out of that setting, or out of the dependencies")
    };
    // Of what comes from no index, the lock has one source, to which the settings apply as well.
    match &artifact {
        Artifact::Wheel(_) | Artifact::Sdist(_) | Artifact::Virtual(_) => {}
        it if it.is_built() && !policy.build_allowed(name) && !policy.members.contains(name) => {
            return Err(problem("must not be built, and there is no wheel of it", "no-build"));
        }
        it if !it.is_built() && !policy.wheel_allowed(name) => {
            return Err(problem("is a wheel, which must not be installed", "no-binary"));
        }
        _ => {}
    }
    Ok(artifact)
}

fn chosen(package: &Package, target: &Target, policy: &Policy) -> Result<Artifact, Problem> {
    if let Some(choice) = policy.choices.get(&package.name) {
        let nothing = matches!(package.source, Source::Virtual(_));
        match choice {
            _ if nothing => return Err(no_choice(package, "nothing of it is installed")),
            Choice::Archive { url, sha256 } => return replaced(package, url, *sha256),
            Choice::File { path, sha256 } => {
                let (path, sha256) = (path.clone(), *sha256);
                return given(package, Artifact::Path { path, sha256, of_recipe: true }, target);
            }
            Choice::Tree { path, nar_hash } => {
                return Ok(Artifact::Tree { path: path.clone(), nar_hash: nar_hash.0 });
            }
            _ if matches!(package.source, Source::Registry(_)) => {}
            _ => return Err(no_choice(package, "it comes from no index, so there is one source")),
        }
    }
    match &package.source {
        Source::Registry(registry) => registry_file(package, registry, target, policy),
        Source::Git(git) if git.lfs => Err(Problem::usage(format!(
            "`{package}` needs files of git LFS, which are not fetched"
        ))
        .fact("source", &package.source)
        .fact("because", "its source has `lfs = true`: a commit pins only pointers to them")
        .hint(format!(
            "give a source distribution, or a tree that has the files, with \
                     `override.{}.source`",
            package.name
        ))),
        Source::Git(git) => Ok(Artifact::Git(git.clone())),
        Source::Url { url, subdirectory } => {
            let file = only_file(package, target)?;
            Ok(Artifact::Url {
                url: url::Url::parse(url).map_err(|error| {
                    Problem::usage(format!("`{package}` has no valid URL in `uv.lock`"))
                        .fact("because", error)
                })?,
                filename: file.filename.clone(),
                sha256: pin(package, file)?,
                size: file.size,
                subdirectory: subdirectory.clone(),
            })
        }
        Source::Path(path) => {
            let sha256 = pin(package, only_file(package, target)?)?;
            Ok(Artifact::Path { path: inside(package, path)?, sha256, of_recipe: false })
        }
        Source::Directory(path) | Source::Editable(path) => {
            Ok(Artifact::Local(inside(package, path)?))
        }
        Source::Virtual(path) => Ok(Artifact::Virtual(path.clone())),
    }
}

fn registry_file(
    package: &Package,
    registry: &str,
    target: &Target,
    policy: &Policy,
) -> Result<Artifact, Problem> {
    let file = |file: &File| {
        Ok(RegistryFile {
            filename: file.filename.clone(),
            sha256: pin(package, file)?,
            size: file.size,
            place: match &file.location {
                Location::Url(url) => Place::Url(url.clone()),
                Location::Path(path) => {
                    Place::Path(inside(package, &format!("{registry}/{path}"))?)
                }
                Location::Source => {
                    Place::Path(inside(package, &format!("{registry}/{}", file.filename))?)
                }
            },
        })
    };
    if policy.wheel_allowed(&package.name)
        && let Some(wheel) = best_wheel(package, target)
    {
        return Ok(Artifact::Wheel(file(wheel)?));
    }
    match &package.sdist {
        Some(sdist) if policy.build_allowed(&package.name) => Ok(Artifact::Sdist(file(sdist)?)),
        _ if policy.choices.contains_key(&package.name) => {
            Err(nothing_fits(package, target, policy)
                .hint(format!("`override.{}.prefer` asks for what the lock has not", package.name)))
        }
        Some(_) => Err(nothing_fits(package, target, policy)
            .hint("`[tool.uv] no-build` or `no-build-package` forbids to build it from source")),
        None if !policy.wheel_allowed(&package.name) => Err(nothing_fits(package, target, policy)
            .hint("it is `no-binary`, but the lock has no source distribution of it")),
        None => Err(nothing_fits(package, target, policy).hint(
            "choose a target that a wheel fits, or a version that has a source distribution",
        )),
    }
}

/// A wheel of the recipe must be of the locked version and fit the target.
fn given(package: &Package, artifact: Artifact, target: &Target) -> Result<Artifact, Problem> {
    let shown = artifact.shown();
    let name = shown.rsplit('/').next().unwrap_or_default();
    let wrong = |because: String| {
        no_choice(package, &because)
            .hint(format!("`override.{}.wheel` gives the wheel of what is locked", package.name))
    };
    let wheel = WheelFilename::from_str(name).map_err(|error| wrong(error.to_string()))?;
    let is_same = package.version.as_ref().is_none_or(|version| *version == wheel.version);
    if wheel.name != package.name || !is_same {
        return Err(wrong(format!("`{name}` is a wheel of something else")));
    }
    if wheel.rank(target.tags()).is_none() {
        return Err(wrong(format!("`{name}` does not fit {target}")));
    }
    Ok(artifact)
}

/// Why a package comes from this and from nothing else, for a person.
pub(super) fn why(package: &Package, artifact: &Artifact, policy: &Policy) -> String {
    let name = &package.name;
    match artifact {
        _ if matches!(
            policy.choices.get(name),
            Some(Choice::Archive { .. } | Choice::Tree { .. })
        ) =>
        {
            format!("`override.{name}.source`")
        }
        Artifact::Path { of_recipe: true, .. } => format!("`override.{name}.wheel`"),
        Artifact::Wheel(_) => {
            let best = match package.wheels.len() {
                1 => "the only wheel".to_owned(),
                count => format!("best of {count} wheels"),
            };
            match policy.choices.get(name) {
                Some(Choice::Wheel) => format!("`override.{name}.prefer`; {best}"),
                _ => best,
            }
        }
        Artifact::Sdist(_) if policy.choices.contains_key(name) => {
            format!("`override.{name}.prefer`")
        }
        Artifact::Sdist(_) if !policy.wheel_allowed(name) => "`no-binary`".to_owned(),
        Artifact::Sdist(_) => match package.wheels.len() {
            0 => "there is no wheel".to_owned(),
            1 => "the one wheel does not fit".to_owned(),
            count => format!("none of {count} wheels fits"),
        },
        Artifact::Virtual(_) => "no package: only what it depends on is installed".to_owned(),
        Artifact::Local(_) => "in the source tree".to_owned(),
        _ => "the lock has one source of it".to_owned(),
    }
}

/// The archive that a recipe has instead of what the lock has.
fn replaced(package: &Package, url: &url::Url, sha256: Sha256) -> Result<Artifact, Problem> {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    let filename = percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned();
    if filename.is_empty() {
        return Err(no_choice(package, "the URL of its replacement ends in no file name"));
    }
    Ok(Artifact::Url { url: url.clone(), filename, sha256, size: None, subdirectory: None })
}

fn no_choice(package: &Package, because: &str) -> Problem {
    Problem::usage(format!("the recipe's override of `{package}` cannot be followed"))
        .fact("because", because)
        .hint(format!("remove `prefer` or `source` from `override.{}`", package.name))
}

/// The wheel with the best tag; of those, the one with the highest build tag; of those, the first.
pub(super) fn best<'a, T>(
    files: impl IntoIterator<Item = (&'a str, T)>,
    target: &Target,
) -> Option<T> {
    let mut best: Option<((TagRank, Option<BuildTag>), T)> = None;
    for (filename, file) in files {
        // A name that is no wheel's name fits nothing.
        let Ok(name) = WheelFilename::from_str(filename) else {
            continue;
        };
        let Some(fit) = name.rank(target.tags()) else {
            continue;
        };
        let rank = (fit, name.build_tag().cloned());
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            best = Some((rank, file));
        }
    }
    best.map(|(_, file)| file)
}

fn best_wheel<'a>(package: &'a Package, target: &Target) -> Option<&'a File> {
    best(package.wheels.iter().map(|file| (file.filename.as_str(), file)), target)
}

/// The file of a direct URL or a path requirement; a wheel must fit the target.
fn only_file<'a>(package: &'a Package, target: &Target) -> Result<&'a File, Problem> {
    if let Some(sdist) = &package.sdist {
        return Ok(sdist);
    }
    best_wheel(package, target).ok_or_else(|| {
        nothing_fits(package, target, &Policy::permissive())
            .hint("the requirement names one wheel, and that is not for this target")
    })
}

impl Policy {
    fn permissive() -> Self {
        Self {
            no_binary: false,
            no_binary_package: BTreeSet::new(),
            no_build: false,
            no_build_package: BTreeSet::new(),
            choices: BTreeMap::new(),
            members: BTreeSet::new(),
        }
    }
}

/// A local path, which must stay below the lock: a lock is not trusted to name files of the host.
fn inside(package: &Package, path: &str) -> Result<String, Problem> {
    use std::path::Component;
    let parts = std::path::Path::new(path).components();
    if parts.into_iter().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path.to_owned());
    }
    Err(Problem::usage(format!("`{package}` lies outside of the source tree"))
        .fact("path", path)
        .hint(
            "let `source.path` be a directory that holds both, and `project.directory` the one of \
             `uv.lock`; what lies elsewhere cannot be pinned",
        ))
}

fn nothing_fits(package: &Package, target: &Target, policy: &Policy) -> Problem {
    let offered: Vec<&str> = package.wheels.iter().map(|file| file.filename.as_str()).collect();
    let offered = match offered.len() {
        0 => "no wheel".to_owned(),
        1..=12 => offered.join("\n"),
        count => format!("{}\n… and {} more", offered[..12].join("\n"), count - 12),
    };
    let wanted = target.tags().iter().take(6).collect::<Vec<_>>().join(", ");
    Problem::usage(format!("no file of `{package}` fits {target}"))
        .fact("offered", offered)
        .fact("wanted", format!("{wanted}, …"))
        .fact("wheels", if policy.wheel_allowed(&package.name) { "allowed" } else { "not allowed" })
        .fact("sdist", if package.sdist.is_some() { "locked" } else { "not locked" })
}

fn pin(package: &Package, file: &File) -> Result<Sha256, Problem> {
    let unpinned = |because: String| {
        let problem = Problem::usage(format!(
            "`{}` of `{package}` is not pinned in `uv.lock`",
            file.filename
        ))
        .fact("because", because);
        match file.location {
            // For a directory as index, uv locks no sha256.
            Location::Path(_) => problem.hint(
                "name the file itself: `{ path = \"…\" }` in `tool.uv.sources`; then uv locks its \
                 sha256",
            ),
            _ => problem.hint(
                "its index gives no sha256; take it from an index that does, or pin the file \
                 with a direct URL: `name @ https://…#sha256=…`",
            ),
        }
    };
    let hash = file.hash.as_deref().ok_or_else(|| unpinned("the entry has no `hash`".into()))?;
    Sha256::from_prefixed(hash).map_err(|error| unpinned(error.to_string()))
}
