//! Locks of every shape, one directory each below `tests/locks`, whose README explains them: what
//! each of their cases resolves to, and that real uv would install the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base::recipe::{Members, Selection};
use base::sys::files::sorted_entries;
use base::vocabulary::{Problem, Sha256, Target};
use builder::lock::Lock;
use builder::lock::pyproject::Pyproject;
use builder::lock::resolve::{Artifact, Distribution, Place, Resolution, resolve};
use fs_err as fs;
use serde::Deserialize;

use crate::cli::scratch;
use crate::export::{Export, Installed, markers};

/// `cases.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Cases {
    /// For a reader: what the lock shows.
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    lock: LockSays,
    case: Vec<Case>,
}

/// What the lock itself says, beside its packages.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct LockSays {
    requires_python: String,
    members: Vec<String>,
    conflicts: Vec<Vec<String>>,
    supported: Vec<String>,
    build_constraints: Vec<String>,
}

impl Default for LockSays {
    fn default() -> Self {
        Self {
            requires_python: ">=3.11".to_owned(),
            members: Vec::new(),
            conflicts: Vec::new(),
            supported: Vec::new(),
            build_constraints: Vec::new(),
        }
    }
}

/// A target and a selection, and what they give.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct Case {
    python: String,
    platform: String,
    project: Option<String>,
    members: Option<Members>,
    extras: Vec<String>,
    groups: Vec<String>,
    default_groups: bool,
    /// More lines of `[tool.uv]`.
    tool_uv: String,
    /// One line a distribution, see [`shown`].
    expect: Vec<String>,
    /// Or words of the message.
    error: Vec<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            python: "3.14".to_owned(),
            platform: "x86_64-manylinux_2_39".to_owned(),
            project: None,
            members: None,
            extras: Vec::new(),
            groups: Vec::new(),
            default_groups: false,
            tool_uv: String::new(),
            expect: Vec::new(),
            error: Vec::new(),
        }
    }
}

impl Case {
    fn selection(&self) -> Selection {
        Selection {
            project: self.project.as_ref().map(|name| name.parse().unwrap()),
            members: self.members.clone(),
            extras: self.extras.iter().map(|name| name.parse().unwrap()).collect(),
            groups: self.groups.iter().map(|name| name.parse().unwrap()).collect(),
            default_groups: self.default_groups,
            ..Selection::default()
        }
    }

    /// The same selection in uv's flags.
    fn flags(&self) -> Vec<&str> {
        let mut flags = Vec::new();
        for (flag, names) in [("--extra", &self.extras), ("--group", &self.groups)] {
            flags.extend(names.iter().flat_map(|name| [flag, name]));
        }
        flags.extend(self.project.iter().flat_map(|name| ["--package", name]));
        match &self.members {
            None => {}
            Some(Members::All) => flags.push("--all-packages"),
            Some(Members::Some(names)) => {
                flags.extend(names.iter().flat_map(|name| ["--package", name.as_ref()]));
            }
        }
        if !self.default_groups {
            flags.push("--no-default-groups");
        }
        flags
    }

    fn expects(&self, problem: &Problem) -> bool {
        let hint = problem.hint.as_deref().unwrap_or_default();
        let text = format!("{problem}\n{hint}");
        !self.error.is_empty() && self.error.iter().all(|words| text.contains(words))
    }
}

/// A directory below `tests/locks`.
struct Project {
    name: String,
    dir: PathBuf,
    lock: Lock,
    pyproject: String,
    cases: Cases,
}

impl Project {
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/locks");
        let entries = sorted_entries(&root).unwrap();
        entries
            .iter()
            .map(fs_err::DirEntry::path)
            .filter(|dir| dir.is_dir())
            .map(Self::read)
            .collect()
    }

    fn read(dir: PathBuf) -> Self {
        let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let lock = Lock::parse(&text("uv.lock")).unwrap_or_else(|it| panic!("{name}: {it}"));
        let cases = toml::from_str(&text("cases.toml")).unwrap_or_else(|it| panic!("{name}: {it}"));
        Self { name, lock, pyproject: text("pyproject.toml"), cases, dir }
    }

    fn resolve(&self, case: &Case, target: &Target) -> Result<Resolution, Problem> {
        let table = if case.tool_uv.is_empty() { "" } else { "[tool.uv]" };
        let text = format!("{}\n{table}\n{}", self.pyproject, case.tool_uv);
        let pyproject = Pyproject::parse(&self.name, &text)?;
        resolve(&self.lock, &pyproject, target, &case.selection())
    }

    fn lock_says(&self) -> LockSays {
        let lock = &self.lock;
        let texts = |item: &dyn ToString| item.to_string();
        LockSays {
            requires_python: lock.requires_python.as_ref().map(|it| texts(it)).unwrap_or_default(),
            members: lock.members.iter().map(|it| texts(it)).collect(),
            conflicts: lock
                .conflicts
                .iter()
                .map(|set| set.iter().map(|it| texts(it).replace('`', "")).collect())
                .collect(),
            supported: lock
                .supported_markers
                .iter()
                .filter_map(base::packaging::Marker::text)
                .collect(),
            build_constraints: lock.build_constraints.iter().map(|it| texts(it)).collect(),
        }
    }
}

/// A file of the index by its name, one of elsewhere by its URL or path; what is no file with its
/// kind.
fn shown(distribution: &Distribution) -> String {
    let below = |subdirectory: &Option<String>| {
        subdirectory.as_ref().map(|path| format!(" in {path}")).unwrap_or_default()
    };
    match &distribution.artifact {
        Artifact::Wheel(file) | Artifact::Sdist(file) => match &file.place {
            Place::Url(url) => url.as_str().replacen("https://index-files.example/", "", 1),
            Place::Path(path) => path.clone(),
            Place::Index => file.filename.clone(),
        },
        Artifact::Git(git) => {
            let version = distribution.version.as_ref().unwrap();
            format!("git {}=={version}{}", distribution.name, below(&git.subdirectory))
        }
        Artifact::Url { url, subdirectory, .. } => format!("{url}{}", below(subdirectory)),
        Artifact::Path { path, .. } => path.clone(),
        Artifact::Local(path) => format!("local {path}"),
        Artifact::Virtual(path) => format!("virtual {path}"),
        Artifact::Tree { path, .. } => format!("tree {path}"),
    }
}

#[track_caller]
fn nothing_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn locks_say_what_their_projects_ask_for() {
    let mut wrong = Vec::new();
    for project in Project::all() {
        let found = project.lock_says();
        if found != project.cases.lock || !project.lock.unknown_keys.is_empty() {
            let unknown = &project.lock.unknown_keys;
            wrong.push(format!("{}: {found:?}, unknown {unknown:?}", project.name));
        }
    }
    nothing_wrong(&wrong);
}

#[test]
fn every_case_resolves_to_what_it_says() {
    let mut wrong = Vec::new();
    for project in Project::all() {
        for (index, case) in project.cases.case.iter().enumerate() {
            let target = Target::new(&case.python, &case.platform).unwrap();
            match project.resolve(case, &target) {
                Ok(resolution) => {
                    let found: Vec<String> = resolution.distributions.iter().map(shown).collect();
                    if found != case.expect || !case.error.is_empty() {
                        wrong.push(format!("{} {index}: {found:?}", project.name));
                    }
                }
                Err(problem) if case.expects(&problem) => {}
                Err(problem) => {
                    let hint = problem.hint.clone().unwrap_or_default();
                    wrong.push(format!("{} {index}: {problem}\nhint: {hint}", project.name));
                }
            }
        }
    }
    nothing_wrong(&wrong);
}

/// Python, platform, and the machine that markers see.
const TARGETS: [(&str, &str, &str); 4] = [
    ("3.14", "x86_64-manylinux_2_39", "x86_64"),
    ("3.14", "aarch64-manylinux_2_39", "aarch64"),
    ("3.14", "x86_64-unknown-linux-musl", "x86_64"),
    ("3.12", "x86_64-manylinux_2_39", "x86_64"),
];

#[test]
fn every_selection_is_what_uv_exports() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for project in Project::all() {
        let mut seen = BTreeSet::new();
        for case in &project.cases.case {
            if !seen.insert(case.flags()) {
                continue;
            }
            let export = Export::of(&project.dir, &case.flags());
            for (python, platform, machine) in TARGETS {
                let target = Target::new(python, platform).unwrap();
                let found = project.resolve(case, &target);
                let what = format!("{} {:?} {target}", project.name, case.flags());
                let export = export.as_ref().map(|export| export.on(&markers(python, machine)));
                match disagreement(&project, case, found, export) {
                    None => compared += 1,
                    Some(difference) => wrong.push(format!("{what}: {difference}")),
                }
            }
        }
    }
    nothing_wrong(&wrong);
    assert!(compared > 200, "only {compared} were compared");
}

/// A project of which only the lock is at hand, made again as far as an export looks at it.
fn stand_in(lock: &Lock, dir: &Path, text: &str) {
    fs::write(dir.join("uv.lock"), text).unwrap();
    let mut members = Vec::new();
    for package in &lock.packages {
        let Some(path) = package.source.local_path() else {
            continue;
        };
        fs::create_dir_all(dir.join(path)).unwrap();
        let pyproject = dir.join(path).join("pyproject.toml");
        let text = format!("[project]\nname = '{}'\nversion = '1'\n", package.name);
        fs::write(pyproject, text).unwrap();
        members.extend((path != ".").then_some(path));
    }
    let workspace = format!("[tool.uv.workspace]\nmembers = {members:?}\n");
    let root = dir.join("pyproject.toml");
    let text = fs::read_to_string(&root).unwrap_or_default();
    fs::write(root, format!("{text}{workspace}")).unwrap();
}

/// Real locks, where they are at hand.
#[test]
fn real_locks_are_what_uv_exports() {
    let locks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/locks");
    let Ok(entries) = sorted_entries(&locks) else {
        return; // This folder is not part of the project.
    };
    let mut compared = 0;
    for path in entries.iter().map(fs_err::DirEntry::path) {
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lock = Lock::parse(&text).unwrap();
        let dir = scratch();
        stand_in(&lock, dir.path(), &text);
        let export = Export::of(dir.path(), &["--no-default-groups"]).unwrap();
        for (python, platform, machine) in TARGETS {
            let what = format!("{} {python} {platform}", path.display());
            let target = Target::new(python, platform).unwrap();
            let required = lock.requires_python.as_ref().unwrap();
            let found = resolve(&lock, &Pyproject::default(), &target, &Selection::default());
            if !required.contains(&target.markers().python_full_version) {
                assert!(found.is_err(), "{what}");
                continue;
            }
            let resolution = found.unwrap_or_else(|problem| panic!("{what}: {problem}"));
            let difference = different(&resolution, &export.on(&markers(python, machine)));
            assert_eq!(difference, None, "{what}");
            compared += 1;
        }
    }
    assert!(compared > 0);
}

/// What uv and we do not agree in. Where we refuse, a case must say so: uv's export chooses no
/// files and knows no target.
fn disagreement(
    project: &Project,
    case: &Case,
    found: Result<Resolution, Problem>,
    export: Result<Installed, &String>,
) -> Option<String> {
    let resolution = match (found, &export) {
        (Ok(resolution), Ok(_)) => resolution,
        (Ok(_), Err(text)) => return Some(format!("uv refuses: {text}")),
        (Err(_), Err(_)) => return None,
        (Err(problem), Ok(_)) => {
            let mut cases = project.cases.case.iter();
            let said = cases.any(|it| it.flags() == case.flags() && it.expects(&problem));
            return (!said).then(|| format!("we refuse: {problem}"));
        }
    };
    different(&resolution, &export.unwrap())
}

fn different(resolution: &Resolution, exported: &Installed) -> Option<String> {
    let installed: Vec<_> = resolution.distributions.iter().filter_map(as_exported).collect();
    let ours: BTreeSet<&String> = installed.iter().map(|(what, _)| what).collect();
    let uvs: BTreeSet<&String> = exported.keys().collect();
    if ours != uvs {
        let only = |a: &BTreeSet<&String>, b: &BTreeSet<&String>| format!("{:?}", a - b);
        return Some(format!("only we {}, only uv {}", only(&ours, &uvs), only(&uvs, &ours)));
    }
    let other_file = |(what, sha256): &(String, Option<Sha256>)| {
        sha256.is_some_and(|hash| !exported[what].contains(&format!("sha256:{hash}")))
    };
    let (what, _) = installed.iter().find(|it| other_file(it))?;
    Some(format!("our file of `{what}` is none that uv accepts"))
}

/// A line of `uv export`, and the file's hash.
fn as_exported(distribution: &Distribution) -> Option<(String, Option<Sha256>)> {
    let name = &distribution.name;
    let below = |subdirectory: &Option<String>| {
        subdirectory.as_ref().map(|path| format!("#subdirectory={path}")).unwrap_or_default()
    };
    Some(match &distribution.artifact {
        Artifact::Wheel(file) | Artifact::Sdist(file) => {
            (format!("{name}=={}", distribution.version.as_ref()?), Some(file.sha256))
        }
        Artifact::Git(git) => {
            let below = below(&git.subdirectory);
            (format!("{name} @ git+{}@{}{below}", git.url, git.commit), None)
        }
        Artifact::Url { url, sha256, subdirectory, .. } => {
            (format!("{name} @ {url}{}", below(subdirectory)), Some(*sha256))
        }
        Artifact::Path { path, sha256, .. } => (path.clone(), Some(*sha256)),
        Artifact::Local(path) | Artifact::Tree { path, .. } => (path.clone(), None),
        Artifact::Virtual(_) => return None,
    })
}
