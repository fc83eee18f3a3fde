//! The checks that an output must pass before it is published: modules and console scripts can be
//! imported, `uv pip check` is clean, versions equal the resolution, and the recipe's own commands
//! succeed. All checks run in the sandbox, with the output read-only at its prefix.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::install::collisions::Decision;
use crate::install::output::Output;
use crate::install::venv::Installed;
use crate::missing::{self, Missing, System};
use base::dist_info::Metadata;
use base::packaging::PackageName;
use base::recipe::{Checks, Provider};
use base::sys::process::last_lines;
use base::sys::sandbox::{Invocation, OutputTo, Sandbox};
use base::vocabulary::problem::Part;
use base::vocabulary::{Problem, Sha256, requirement};

/// How many things were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Modules imported.
    pub imports: usize,
    /// Console scripts whose target was imported.
    pub scripts: usize,
    /// Commands of the recipe that succeeded.
    pub commands: usize,
}

#[derive(Serialize)]
struct Job<'a> {
    imports: &'a [String],
    scripts: Scripts,
    token: &'a str,
}

/// What the script prints at its end.
#[derive(Deserialize)]
struct Answer {
    failures: Vec<Told>,
    token: String,
}

/// What a console script calls, and the distribution that ships it, by name.
type Scripts = BTreeMap<String, (String, String)>;

struct Failure {
    part: Part,
    what: String,
    reason: String,
}

impl Failure {
    /// Of a check that has no part of its own.
    fn of_check(what: &str, reason: String) -> Self {
        Self { part: Part::Check(what.to_owned()), what: what.to_owned(), reason }
    }
}

/// As the script prints it.
#[derive(Deserialize)]
struct Told {
    what: String,
    reason: String,
}

const SCRIPT: &str = include_str!("checks.py");

/// Runs all checks; all failures are reported at once. `sandbox` has toolchain and uv, `work` is a
/// directory of this run; `provider` is that of the toolchain.
pub fn check(
    checks: &Checks,
    installed: &Installed,
    sandbox: &Sandbox,
    provider: Provider,
    work: &Path,
) -> Result<Checked, Problem> {
    let output = &installed.output;
    let scripts = console_scripts(checks, installed)?;
    let token = token().map_err(|error| Problem::new("cannot prepare the checks").cause(error))?;
    let job = Job { imports: &checks.imports, scripts: scripts.clone(), token: &token };
    let job = serde_json::to_vec(&job).expect("a job has only plain values");
    let prepared = fs::create_dir_all(work)
        .and_then(|()| fs::write(work.join("job.json"), job))
        .and_then(|()| fs::write(work.join("checks.py"), SCRIPT));
    prepared.map_err(|error| Problem::new("cannot prepare the checks").cause(error))?;

    let plain = at_prefix(sandbox.clone(), output)
        .bind_ro(work, "/build/checks")
        // Bytecode is kept for the length of the checks, outside of the output.
        .env("PYTHONPYCACHEPREFIX", "/tmp/pycache")
        .env("PYTHONDONTWRITEBYTECODE", "");
    let sandbox =
        checks.env.iter().fold(plain.clone(), |sandbox, (key, value)| sandbox.env(key, value));

    // Each has a sandbox of its own and the output is read-only: none can disturb another.
    let (imported, others) = rayon::join(
        || import_all(output, &token, &sandbox),
        || -> Result<Vec<Failure>, Problem> {
            let mut failures = requirements(checks, installed, &plain)?;
            for command in &checks.run {
                failures.extend(run(&command.name, &command.command, output, &sandbox)?);
            }
            Ok(failures)
        },
    );
    let mut failures = imported?;
    failures.extend(others?);
    if failures.is_empty() {
        return Ok(Checked {
            imports: checks.imports.len(),
            scripts: scripts.len(),
            commands: checks.run.len(),
        });
    }
    let count = failures.len();
    let what = if count == 1 { "1 check".to_owned() } else { format!("{count} checks") };
    let problem = Problem::new(format!("{what} of the output failed"));
    let advices: BTreeSet<String> =
        failures.iter().filter_map(|it| advised(it, installed, provider)).collect();
    let told = |problem: Problem, it: Failure| {
        problem.broken(it.part, &it.reason).fact(it.what, it.reason)
    };
    let problem = failures.into_iter().fold(problem, told);
    Err(problem.hint(if advices.is_empty() {
        "a script that is right to fail goes into `check.skip-scripts` with the reason; a missing \
         system library into `toolchain.debian.packages`"
            .to_owned()
    } else {
        advices.into_iter().collect::<Vec<_>>().join("\n")
    }))
}

/// The output at its prefix, read-only, with its `bin` first on `PATH`.
pub fn at_prefix(sandbox: Sandbox, output: &Output) -> Sandbox {
    let path = format!("{}/bin:/build/tools:/usr/bin:/bin:/usr/sbin:/sbin", output.prefix);
    sandbox.bind_ro(&output.root, &output.prefix).env("PATH", &path)
}

fn console_scripts(checks: &Checks, installed: &Installed) -> Result<Scripts, Problem> {
    let dropped = |name: &str| {
        let path = format!("bin/{name}");
        installed
            .collisions
            .decided
            .iter()
            .any(|it| it.path == path && it.decision == Decision::Dropped)
    };
    let mut scripts = BTreeMap::new();
    for wheel in &installed.wheels {
        for script in wheel.entry_points.scripts().filter(|script| !dropped(&script.name)) {
            let target = format!("{}:{}", script.module, script.function);
            scripts.insert(script.name, (target, wheel.name.to_string()));
        }
    }
    for (name, reason) in &checks.skip_scripts {
        if scripts.remove(name).is_none() {
            return Err(Problem::usage(format!("`check.skip-scripts` names `{name}`"))
                .fact("reason", reason)
                .hint("no distribution has such a console script; remove the line"));
        }
    }
    Ok(scripts)
}

/// What the script must print to be believed: an import, or what the output starts with every
/// interpreter, can end it early with exit code 0.
fn token() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(Sha256::of(bytes).to_string())
}

fn import_all(output: &Output, token: &str, sandbox: &Sandbox) -> Result<Vec<Failure>, Problem> {
    let python = format!("{}/bin/python", output.prefix);
    let arguments = ["/build/checks/checks.py", "/build/checks/job.json"];
    let finished = in_prefix(&python, &arguments, output, sandbox)?;
    match serde_json::from_slice::<Answer>(&finished.stdout) {
        Ok(answer) if finished.success() && answer.token == token => {
            let shortened = answer.failures.into_iter().map(|Told { what, reason }| Failure {
                part: part_of(&what),
                what,
                reason: last_lines(&reason, 4),
            });
            Ok(shortened.collect())
        }
        _ => Ok(vec![Failure::of_check("the output's interpreter", printed(&finished))]),
    }
}

/// The part that the script has tried, by the words in which it reports it.
fn part_of(what: &str) -> Part {
    if let Some(module) = what.strip_prefix("import ") {
        return Part::Module(module.to_owned());
    }
    let script = what.strip_prefix("console script ").and_then(|it| it.split_once(" = "));
    match script.and_then(|(name, rest)| Some((name, rest.rsplit_once(" of ")?.1))) {
        Some((name, distribution)) => {
            Part::Script { name: name.to_owned(), distribution: distribution.to_owned() }
        }
        None => Part::Check(what.to_owned()),
    }
}

/// What to write into the recipe because of a failure: a library that the system lacks, or a script
/// that only an extra of its distribution makes work.
fn advised(failure: &Failure, installed: &Installed, provider: Provider) -> Option<String> {
    let missing = missing::decisive(failure.reason.lines())?.missing?;
    match (&missing, &failure.part) {
        (Missing::SharedObject(_), _) => {
            let package = System::of(provider).and_then(|it| it.package(&missing));
            package.map(|package| missing::advice(&missing, "", Some(package)))
        }
        (Missing::Module(module), Part::Script { name, distribution }) => {
            let wheel = installed.wheels.iter().find(|it| it.name.as_ref() == distribution)?;
            let extra = extra_with(module, &wheel.metadata)?;
            Some(format!(
                "`{name}` needs `{module}`, which only the extra `{extra}` of `{distribution}` \
                 brings: `check.skip-scripts = {{ {name} = \"needs {distribution}[{extra}]\" }}`, \
                 or lock the extra"
            ))
        }
        _ => None,
    }
}

/// The first extra of a distribution that requires the distribution of a module's name.
fn extra_with(module: &str, metadata: &Metadata) -> Option<String> {
    let module: PackageName = module.parse().ok()?;
    metadata.requires.iter().find_map(|text| {
        let (name, marker) = text.split_once(';')?;
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
        let name: PackageName = name[..end.unwrap_or(name.len())].parse().ok()?;
        let (_, extra) = marker.split_once("extra == ").filter(|_| name == module)?;
        let quote = extra.chars().next()?;
        Some(extra[1..].split(quote).next()?.to_owned())
    })
}

/// Where the toolchain's uv is, whatever programs the output brings.
const UV: &str = "/build/tools/uv";

/// `uv pip check`, without the complaints that the recipe explains.
fn requirements(
    checks: &Checks,
    installed: &Installed,
    sandbox: &Sandbox,
) -> Result<Vec<Failure>, Problem> {
    let output = &installed.output;
    let python = format!("{}/bin/python", output.prefix);
    let arguments = ["pip", "check", "--color", "never", "--no-cache", "--python", &python];
    let finished = in_prefix(UV, &arguments, output, sandbox)?;
    let text = [finished.stdout.as_slice(), finished.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text);
    if finished.success() && checked(&text) == Some(installed.wheels.len()) {
        return Ok(Vec::new());
    }
    let reason = match unexplained(&text, checks) {
        Some(complaints) if complaints.is_empty() => return Ok(Vec::new()),
        Some(complaints) => complaints.join("\n"),
        None => printed(&finished),
    };
    Ok(vec![Failure::of_check("uv pip check", reason)])
}

/// How many distributions `uv pip check` has looked at: `Checked 15 packages in 3ms`.
fn checked(text: &str) -> Option<usize> {
    text.lines().find_map(|line| line.strip_prefix("Checked ")?.split(' ').next()?.parse().ok())
}

/// The complaints of `uv pip check` that the recipe does not explain; `None` if some cannot be
/// parsed.
fn unexplained(text: &str, checks: &Checks) -> Option<Vec<String>> {
    let complaints: Vec<&str> =
        text.lines().filter(|line| line.starts_with("The package ")).collect();
    // uv ends with `Found 2 incompatibilities`: a complaint in other words is not overlooked.
    let count = text.lines().find_map(|line| line.strip_prefix("Found ")?.split(' ').next())?;
    // The package `a` requires `b==2`, but `1` is installed
    let explained = |line: &str| {
        let required = line.split('`').nth(3).unwrap_or_default();
        requirement(required)
            .is_ok_and(|it| checks.skip_requirements.contains_key(it.name.as_ref()))
    };
    let all_told = !complaints.is_empty() && count == complaints.len().to_string();
    let left = complaints.into_iter().filter(|line| !explained(line)).map(str::to_owned);
    all_told.then(|| left.collect())
}

fn run(
    name: &str,
    command: &[String],
    output: &Output,
    sandbox: &Sandbox,
) -> Result<Option<Failure>, Problem> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Problem::usage(format!("the check `{name}` has no command")));
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = in_prefix(program, &arguments, output, sandbox)?;
    let failure = || Failure::of_check(name, printed(&finished));
    Ok((!finished.success()).then(failure))
}

fn in_prefix(
    program: &str,
    arguments: &[&str],
    output: &Output,
    sandbox: &Sandbox,
) -> Result<base::sys::sandbox::Finished, Problem> {
    let invocation = Invocation {
        program: program.to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        directory: output.prefix.clone(),
    };
    sandbox.run(&invocation, OutputTo::Capture)
}

fn printed(finished: &base::sys::sandbox::Finished) -> String {
    let text = [finished.stdout.as_slice(), finished.stderr.as_slice()].concat();
    let text = last_lines(&String::from_utf8_lossy(&text), 12);
    format!("exit code {}\n{text}", finished.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_of_an_extra_is_told_by_its_extra() {
        let requires = ["click>=8", "aiohttp>=3.10; extra == 'd'", "ujson; extra == \"fast\""];
        let metadata =
            Metadata { requires: requires.map(str::to_owned).into(), ..Metadata::default() };
        for (module, extra) in [("aiohttp", Some("d")), ("ujson", Some("fast")), ("click", None)] {
            assert_eq!(extra_with(module, &metadata).as_deref(), extra, "{module}");
        }
    }

    #[test]
    fn what_the_script_tells_names_its_part() {
        let script = Part::Script { name: "a".to_owned(), distribution: "b".to_owned() };
        assert_eq!(part_of("console script a = m:f of b"), script);
        assert_eq!(part_of("import a.b"), Part::Module("a.b".to_owned()));
        let other = "a child of sys.executable";
        assert_eq!(part_of(other), Part::Check(other.to_owned()));
    }

    /// Complaints, the last line, and those that nobody explains.
    type Case<'a> = (&'a [&'a str], &'a str, Option<&'a [&'a str]>);

    #[test]
    fn a_complaint_is_explained_counted_or_told() {
        let skip = [("pytz".to_owned(), "asks for an old one".to_owned())];
        let checks = Checks { skip_requirements: skip.into(), ..Checks::default() };
        let old = "The package `shop` requires `pytz==1`, but `2` is installed";
        let missing = "The package `shop` requires `x[y]>=2 ; python_version >= '3'`, but it's not";
        let python = "The package `shop` requires Python >=4, but `3.14.2` is installed";
        let other = "Something else is wrong with `pytz`";
        let cases: [Case<'_>; 8] = [
            (&[old], "Found 1 incompatibility", Some(&[])),
            (&[old, missing], "Found 2 incompatibilities", Some(&[missing])),
            (&[old, python], "Found 2 incompatibilities", Some(&[python])),
            (&[old, other], "Found 2 incompatibilities", None),
            (&[missing, other], "Found 2 incompatibilities", None),
            (&[old], "", None),
            (&[], "error: no interpreter", None),
            (&[], "Found 0 incompatibilities", None),
        ];
        for (complaints, end, expected) in cases {
            let text = format!("Checked 2 packages in 1ms\n{end}\n{}\n", complaints.join("\n"));
            let found = unexplained(&text, &checks);
            let found =
                found.as_ref().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
