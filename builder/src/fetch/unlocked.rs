//! Explains a missing lock: the message names what was found instead, such as another tool's
//! project, a script's lock, or a lock in another directory.

use std::path::Path;

use base::recipe::LockPlace;
use base::sys::files::{nearest_names, sorted_entries};
use base::vocabulary::Problem;

/// What to say of a tree that has no lock at `place`.
pub(super) fn explain(tree: &Path, place: &LockPlace) -> Problem {
    if !tree.is_dir() {
        return no_tree(tree);
    }
    match place {
        LockPlace::Script(script) => no_script_lock(tree, script),
        LockPlace::Directory(directory) => {
            let dir = if directory == "." { tree.to_owned() } else { tree.join(directory) };
            if dir.is_dir() { no_project_lock(tree, &dir) } else { no_directory(tree, directory) }
        }
    }
}

fn no_tree(tree: &Path) -> Problem {
    let shown = tree.display();
    if tree.exists() {
        return Problem::usage(format!("the source tree `{shown}` is not a directory"))
            .hint("`source.path` of the recipe, or `--source`, names the project's directory");
    }
    let problem = Problem::usage(format!("the source tree `{shown}` does not exist"));
    let near = tree.parent().zip(tree.file_name());
    let near = near.map(|(parent, name)| {
        let near = nearest_names(parent, &name.to_string_lossy()).into_iter();
        near.filter(|name| !name.starts_with('.') && parent.join(name).is_dir()).collect::<Vec<_>>()
    });
    match near.unwrap_or_default().first() {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint(
            "`source.path` of the recipe is relative to the recipe's directory; `--source DIR` is \
             relative to the working directory",
        ),
    }
}

fn no_directory(tree: &Path, directory: &str) -> Problem {
    let problem = Problem::usage(format!("the source tree has no directory `{directory}`"))
        .fact("looked in", tree.display());
    match nearest_names(tree, directory).first() {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint("`project.directory` of the recipe names the directory of `uv.lock`"),
    }
}

fn no_script_lock(tree: &Path, script: &str) -> Problem {
    if tree.join(script).is_file() {
        return Problem::usage(format!("the script `{script}` is not locked"))
            .fact("looked for", format!("{script}.lock"))
            .hint(format!("lock it: `uv lock --script {script}`"));
    }
    let problem = Problem::usage(format!("the source tree has no script `{script}`"))
        .fact("looked in", tree.display());
    match nearest_names(tree, script).first() {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint("`project.script` of the recipe is relative to the source tree"),
    }
}

/// Files and tables by which another tool's project is known.
const OTHERS: [(&str, &[&str], &str); 3] = [
    ("Poetry", &["poetry.lock"], "[tool.poetry"),
    ("PDM", &["pdm.lock"], "[tool.pdm"),
    ("Pipenv", &["Pipfile.lock", "Pipfile"], "[tool.pipenv"),
];

fn no_project_lock(tree: &Path, dir: &Path) -> Problem {
    let problem =
        Problem::usage("the source tree has no `uv.lock`").fact("looked in", dir.display());
    let text = fs_err::read_to_string(dir.join("pyproject.toml")).unwrap_or_default();
    if let Some(script) = script_with_lock(dir) {
        return problem
            .fact("there is", format!("the lock of a script, `{script}.lock` (PEP 723)"))
            .hint(format!(
                "to install what the script needs, set `project.script = \"{script}\"`"
            ));
    }
    if let Some(directory) = directory_with_lock(tree) {
        return problem
            .fact("there is", format!("`{directory}/uv.lock`"))
            .hint(format!("set `project.directory = \"{directory}\"` in the recipe"));
    }
    let is_there = |name: &&str| dir.join(name).is_file();
    let of_table = |table: &str| text.lines().any(|line| line.starts_with(table));
    let other = OTHERS.into_iter().find(|(_, files, _)| files.iter().any(&is_there));
    let other = other.or_else(|| OTHERS.into_iter().find(|(_, _, table)| of_table(table)));
    if let Some((tool, ..)) = other {
        let is = format!("a {tool} project, which uv has not locked");
        let problem = problem.fact("there is", is);
        return if of_table("[project]") {
            problem.hint("`uv lock`, run there, locks its `[project]` table; compare the versions")
        } else {
            problem.hint(format!(
                "move what it depends on from {tool}'s own table to `[project]` (PEP 621), then \
                 run `uv lock` there"
            ))
        };
    }
    if let Some(above) = dir.ancestors().skip(1).take(4).find(|it| it.join("uv.lock").is_file())
        && of_table("[project]")
    {
        return problem.fact("there is", above.join("uv.lock").display()).hint(
            "it is a member of a workspace: let `source.path` be the workspace's directory, and \
             `project.name` the member",
        );
    }
    if !text.is_empty() {
        return problem.hint("`uv lock`, run there, writes it");
    }
    problem
        .hint("`source.path` of the recipe, or `--source DIR`, names a project that uv has locked")
}

fn script_with_lock(dir: &Path) -> Option<String> {
    let entries = sorted_entries(dir).ok()?;
    let names = entries.iter().map(|it| it.file_name().to_string_lossy().into_owned());
    let mut scripts = names.filter_map(|name| name.strip_suffix(".lock").map(str::to_owned));
    scripts.find(|script| dir.join(script).is_file())
}

/// The first directory, two levels deep, that has a lock.
fn directory_with_lock(tree: &Path) -> Option<String> {
    let below = |dir: &Path| -> Vec<String> {
        let entries = sorted_entries(&tree.join(dir)).unwrap_or_default();
        let entries = entries.iter().filter(|it| it.path().is_dir());
        let names = entries.map(|it| dir.join(it.file_name()).to_string_lossy().into_owned());
        names.filter(|it| !it.rsplit('/').next().unwrap_or_default().starts_with('.')).collect()
    };
    let first = below(Path::new(""));
    let second = first.iter().flat_map(|dir| below(Path::new(dir)));
    let mut all = first.iter().cloned().chain(second);
    all.find(|dir| tree.join(dir).join("uv.lock").is_file())
}
