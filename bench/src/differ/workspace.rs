//! A random workspace of uv's: members, extras, groups, conflicts and sources, and selections of
//! it.

use std::path::Path;

use base::recipe::{Members, Selection};
use fs_err as fs;

use super::index::{self, MARKERS, PROJECTS, VERSIONS};
use crate::random::Random;

/// Extras of the root and of members.
const EXTRAS: [&str; 3] = ["e1", "e2", "e3"];
/// Groups of the root.
const GROUPS: [&str; 4] = ["dev", "g1", "g2", "g3"];

/// What was made, as far as selections need to know.
#[derive(Debug)]
pub(super) struct Workspace {
    members: Vec<String>,
    /// Whether the root is a project.
    rooted: bool,
}

/// Writes a workspace in `dir`, which finds its packages in the index at `simple`.
pub(super) fn write(random: &mut Random, dir: &Path, simple: &Path) -> std::io::Result<Workspace> {
    let members: Vec<String> = (0..random.below(4)).map(|number| format!("m{number}")).collect();
    let rooted = members.is_empty() || random.percent(88);
    let mut sources = Sources::new(true, &members);
    let mut root = String::new();
    if rooted {
        root.push_str(&project(random, "root", &members, &mut sources));
    }
    root.push_str("[dependency-groups]\n");
    for (number, group) in GROUPS.iter().enumerate() {
        let mut entries = quoted(&requirements(random, 3, &[], &mut sources));
        if number > 0 && random.percent(30) {
            entries.push(format!("{{ include-group = \"{}\" }}", GROUPS[number - 1]));
        }
        root.push_str(&format!("{group} = [{}]\n", entries.join(", ")));
    }
    root.push_str("[tool.uv]\n");
    root.push_str(&settings(random, rooted, &members));
    if !members.is_empty() || !rooted {
        root.push_str("[tool.uv.workspace]\nmembers = [\"libs/*\"]\n");
    }
    for member in &members {
        let place = dir.join("libs").join(member);
        fs::create_dir_all(&place)?;
        // Members are used by those before them, so that there is no cycle among them.
        let later: Vec<String> = members.iter().filter(|it| *it > member).cloned().collect();
        let mut own = Sources::new(false, &later);
        let text = project(random, member, &later, &mut own);
        fs::write(place.join("pyproject.toml"), text + &own.text())?;
    }
    root.push_str(&sources.text());
    // Below the tree: a lock of what lies elsewhere is refused.
    root.push_str("[[tool.uv.index]]\nname = \"main\"\nurl = \"index\"\ndefault = true\n");
    std::os::unix::fs::symlink(simple, dir.join("index"))?;
    sources.write(dir)?;
    fs::write(dir.join("pyproject.toml"), root)?;
    Ok(Workspace { members, rooted })
}

fn quoted(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| format!("\"{text}\"")).collect()
}

fn requirements(
    random: &mut Random,
    most: usize,
    members: &[String],
    sources: &mut Sources,
) -> Vec<String> {
    let mut found: Vec<String> = (0..random.below(most + 1))
        .map(|_| {
            let number = random.below(PROJECTS);
            index::requirement(random, number)
        })
        .collect();
    for member in random.some_of(members, 40) {
        let extra = if random.percent(30) {
            format!("[{}]", random.one_of(&EXTRAS))
        } else {
            String::new()
        };
        let marker = if random.percent(20) {
            format!(" ; {}", random.one_of(&MARKERS))
        } else {
            String::new()
        };
        found.push(format!("{member}{extra}{marker}"));
    }
    if random.percent(12) {
        found.push(sources.local(random));
    }
    found
}

/// `[project]`, `[build-system]` or none, and extras.
fn project(random: &mut Random, name: &str, members: &[String], sources: &mut Sources) -> String {
    let python = random.one_of(&[">=3.11", ">=3.10", ">=3.11,<3.15"]);
    let needs = quoted(&requirements(random, 4, members, sources)).join(", ");
    let mut text = format!(
        "[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \"{python}\"\n\
         dependencies = [{needs}]\n[project.optional-dependencies]\n"
    );
    for extra in EXTRAS {
        let mut needs = requirements(random, 2, &[], sources);
        if extra == "e3" && random.percent(30) {
            needs.push(format!("{name}[e1]"));
        }
        text.push_str(&format!("{extra} = [{}]\n", quoted(&needs).join(", ")));
    }
    // Without it uv installs a root's dependencies, not the root.
    if random.percent(60) {
        text.push_str(
            "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n",
        );
    }
    text
}

/// Keys of `[tool.uv]`.
fn settings(random: &mut Random, rooted: bool, members: &[String]) -> String {
    let mut text = String::new();
    if random.percent(30) {
        let some: Vec<String> =
            random.some_of(&GROUPS, 40).iter().map(ToString::to_string).collect();
        text.push_str(&format!("default-groups = [{}]\n", quoted(&some).join(", ")));
    }
    if random.percent(35) {
        text.push_str(&format!(
            "conflicts = [{}]\n",
            conflicts(random, rooted, members).join(", ")
        ));
    }
    for (key, percent) in [("override-dependencies", 10), ("constraint-dependencies", 15)] {
        if random.percent(percent) {
            let (number, version) = (random.below(PROJECTS), random.one_of(&VERSIONS));
            text.push_str(&format!("{key} = [\"{}<={version}\"]\n", index::project(number)));
        }
    }
    if random.percent(12) {
        text.push_str(
            "environments = [\"sys_platform == 'linux'\", \"sys_platform == 'darwin'\"]\n",
        );
    }
    text
}

/// One or two sets of what cannot be installed together.
fn conflicts(random: &mut Random, rooted: bool, members: &[String]) -> Vec<String> {
    let extra = |name: &str| format!("{{ extra = \"{name}\" }}");
    let group = |name: &str| format!("{{ group = \"{name}\" }}");
    let mut sets = vec![match random.below(4) {
        0 if rooted => vec![extra("e1"), extra("e2")],
        1 if rooted => vec![extra("e1"), group("g1")],
        2 if members.len() > 1 => members
            .iter()
            .take(2)
            .map(|it| format!("{{ package = \"{it}\", extra = \"e1\" }}"))
            .collect(),
        _ if rooted => vec![group("g1"), group("g2")],
        _ => Vec::new(),
    }];
    if rooted && random.percent(25) {
        sets.push(vec![group("dev"), group("g3"), extra("e3")]);
    }
    sets.retain(|set| !set.is_empty());
    sets.iter().map(|set| format!("[{}]", set.join(", "))).collect()
}

/// `[tool.uv.sources]`, and what they lead to.
#[derive(Debug)]
struct Sources {
    of_root: bool,
    members: Vec<String>,
    locals: Vec<(String, usize)>,
    lines: Vec<String>,
}

impl Sources {
    fn new(of_root: bool, members: &[String]) -> Self {
        Self { of_root, members: members.to_owned(), locals: Vec::new(), lines: Vec::new() }
    }

    /// A requirement that is not, or not everywhere, had from the index. A member's would be
    /// relative to it, so only the root's lead to files.
    fn local(&mut self, random: &mut Random) -> String {
        let kind = random.below(4);
        let name = format!("q{}{kind}", self.locals.len());
        if self.of_root {
            self.lines.push(match kind {
                0 => format!("{name} = {{ path = \"vendor/{name}-1.0-py3-none-any.whl\" }}"),
                1 => format!("{name} = {{ path = \"dirs/{name}\" }}"),
                2 => format!("{name} = {{ path = \"dirs/{name}\", editable = true }}"),
                _ => format!(
                    "{name} = {{ path = \"dirs/{name}\", marker = \"sys_platform == 'linux'\" }}"
                ),
            });
            self.locals.push((name.clone(), kind));
            return if kind == 3 { format!("{name} ; sys_platform == 'linux'") } else { name };
        }
        let number = random.below(PROJECTS);
        index::requirement(random, number)
    }

    fn text(&self) -> String {
        let members = self.members.iter().map(|it| format!("{it} = {{ workspace = true }}"));
        let lines: Vec<String> = members.chain(self.lines.iter().cloned()).collect();
        format!("[tool.uv.sources]\n{}\n", lines.join("\n"))
    }

    fn write(&self, dir: &Path) -> std::io::Result<()> {
        for (name, kind) in &self.locals {
            if *kind == 0 {
                let metadata = format!("Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n");
                let bytes = index::wheel(name, "1.0", "py3-none-any", &metadata)?;
                fs::create_dir_all(dir.join("vendor"))?;
                fs::write(dir.join(format!("vendor/{name}-1.0-py3-none-any.whl")), bytes)?;
            } else {
                let place = dir.join("dirs").join(name);
                fs::create_dir_all(&place)?;
                let text = format!(
                    "[project]\nname = \"{name}\"\nversion = \"1\"\n[build-system]\n\
                     requires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n"
                );
                fs::write(place.join("pyproject.toml"), text)?;
            }
        }
        Ok(())
    }
}

impl Workspace {
    /// A selection, and the same in uv's flags.
    pub(super) fn selection(&self, random: &mut Random) -> (Selection, Vec<String>) {
        let mut flags = Vec::new();
        let mut selection = Selection::default();
        match random.below(10) {
            0..2 if !self.members.is_empty() => {
                selection.members = Some(Members::All);
                flags.push("--all-packages".to_owned());
            }
            2..4 if !self.members.is_empty() => {
                let member = random.one_of(&self.members);
                selection.project = Some(member.parse().expect("it is a name"));
                flags.extend(["--package".to_owned(), member.clone()]);
            }
            4 if self.members.len() > 1 => {
                let some = &self.members[..2];
                let names = some.iter().map(|it| it.parse().expect("it is a name"));
                selection.members = Some(Members::Some(names.collect()));
                flags.extend(some.iter().flat_map(|it| ["--package".to_owned(), it.clone()]));
            }
            _ => {}
        }
        if self.rooted || !self.members.is_empty() {
            for extra in random.some_of(&EXTRAS, 35) {
                selection.extras.insert(extra.parse().expect("it is a name"));
                flags.extend(["--extra".to_owned(), (*extra).to_owned()]);
            }
        }
        for group in random.some_of(&GROUPS, 25) {
            selection.groups.insert(group.parse().expect("it is a name"));
            flags.extend(["--group".to_owned(), (*group).to_owned()]);
        }
        selection.default_groups = random.percent(40);
        if !selection.default_groups {
            flags.push("--no-default-groups".to_owned());
        }
        (selection, flags)
    }
}
