//! Other tools on the same corpus. Each gets what it is made for: reprotest builds the packages
//! itself, on this machine and with its own variations; diffoscope looks at what we built.
//!
//! Neither names a cause, so what is counted is whether a person could: reprotest must name the
//! variations that bite and at most one other, and of diffoscope's first lines one must show what
//! differs.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use base::sys::files::sorted_entries;
use fs_err as fs;
use regex::Regex;
use serde::Serialize;
use xshell::{Cmd, Shell, cmd};

use super::FAULTS;
use super::case::Case;
use super::sides::{Built, Flavour};
use crate::root;
use verifier::compare::Side;

/// What another tool made of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Rival {
    pub(super) name: &'static str,
    /// Whether it found that the sides with the fault differ.
    pub(super) detected: bool,
    /// Whether what it says leads a person to the cause.
    pub(super) points: bool,
    /// Whether it found that the sides without the fault differ.
    pub(super) false_alarm: bool,
    /// What it says of the fault, shortened.
    pub(super) said: String,
    /// How long it took, with all its builds.
    pub(super) seconds: f64,
}

/// A tool that is installed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Reprotest,
    Diffoscope,
}

/// Of diffoscope's output, so many lines are looked at.
const FIRST_LINES: usize = 100;
/// Beside the variations that bite, a person can leave out so many others.
const MOST_OTHERS: usize = 1;
/// What a tool says is shortened to so many characters.
const MOST_SAID: usize = 60;

/// The tools that are installed; what is missing is said.
pub(super) fn installed(shell: &Shell) -> Vec<Tool> {
    let all = [(Tool::Reprotest, "reprotest"), (Tool::Diffoscope, "diffoscope")];
    let mut found = Vec::new();
    for (tool, program) in all {
        if cmd!(shell, "{program} --help").quiet().ignore_stdout().ignore_stderr().run().is_ok() {
            found.push(tool);
        } else {
            eprintln!("without {program}: it is not installed (`apt-get install {program}`)");
        }
    }
    found
}

/// The installed versions, and those of what they use.
pub(super) fn versions(shell: &Shell) -> Vec<String> {
    let packages = ["reprotest", "diffoscope", "diffoscope-minimal", "disorderfs", "faketime"];
    let version = |package: &str| {
        let form = "${Version}";
        let asked = cmd!(shell, "dpkg-query --show --showformat={form} {package}");
        let version = asked.quiet().ignore_stderr().read().ok()?;
        (!version.is_empty()).then(|| format!("{package} {version}"))
    };
    packages.into_iter().filter_map(version).collect()
}

impl Rival {
    /// It in a few words.
    pub(super) fn cell(&self) -> String {
        let found = match (self.detected, self.points) {
            (false, _) => "NOT FOUND",
            (true, false) => "found only",
            (true, true) => "yes",
        };
        let alarm = if self.false_alarm { "; FALSE ALARM" } else { "" };
        format!("{found}{alarm}")
    }

    /// It with what the tool said.
    pub(super) fn long_cell(&self) -> String {
        match self.said.as_str() {
            "-" => self.cell(),
            said => format!("{} ({said})", self.cell()),
        }
    }
}

impl Tool {
    pub(super) fn tried(self, shell: &Shell, case: &Case, built: &Built) -> anyhow::Result<Rival> {
        let start = Instant::now();
        let rival = match self {
            Self::Reprotest => reprotest(shell, case),
            Self::Diffoscope => diffoscope(shell, case, built),
        };
        Ok(Rival { seconds: start.elapsed().as_secs_f64(), ..rival? })
    }
}

/// What a tool says of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Equal,
    Differ,
    /// It could not tell.
    Failed,
}

/// What a tool printed, on both streams, and what it says.
fn finished(command: Cmd<'_>) -> anyhow::Result<(String, Verdict)> {
    let output = command.quiet().ignore_status().output()?;
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    let verdict = match output.status.code() {
        Some(0) => Verdict::Equal,
        Some(1) => Verdict::Differ,
        _ => Verdict::Failed,
    };
    Ok((printed, verdict))
}

fn diffoscope(shell: &Shell, case: &Case, built: &Built) -> anyhow::Result<Rival> {
    let run = |flavour| {
        let [a, b] = Side::BOTH.map(|side| built.place(&case.name, flavour, side));
        let program = ["--no-progress", "--exclude-directory-metadata", "yes", "--text", "-"];
        finished(cmd!(shell, "diffoscope").args(program).arg(a).arg(b))
    };
    let (_, sound) = run(Flavour::Sound)?;
    let (printed, faulty) = run(Flavour::Faulty)?;
    let evidence = Regex::new(&case.evidence)?;
    let changed = printed.lines().take(FIRST_LINES).filter_map(|line| {
        let line = line.trim_start_matches([' ', '│']);
        line.strip_prefix(['-', '+'])
            .filter(|_| !line.starts_with("---") && !line.starts_with("+++"))
    });
    let shown = changed.into_iter().find(|line| evidence.is_match(line));
    let lines = printed.lines().count();
    let said = match shown {
        _ if faulty == Verdict::Failed => failed(&printed),
        Some(line) => format!("{lines} lines: {}", short(line)),
        None => format!("{lines} lines"),
    };
    Ok(Rival {
        name: "diffoscope",
        detected: faulty == Verdict::Differ,
        points: faulty == Verdict::Differ && shown.is_some(),
        false_alarm: sound == Verdict::Differ,
        said,
        seconds: 0.0,
    })
}

fn failed(printed: &str) -> String {
    format!("failed: {}", short(printed.lines().last().unwrap_or_default()))
}

/// So that it fits into a table's cell.
fn short(line: &str) -> String {
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().take(MOST_SAID).collect();
    line.replace('|', "¦").replace('`', "'")
}

/// Its command for a package; the variables are those that the sandbox has too.
const BUILD: &str = "mkdir out && SOURCE_DATE_EPOCH=315532800 USER=${USER:-root} \
    TZ=${TZ:-UTC} LC_ALL=${LC_ALL:-C.UTF-8} python3 -B backend.py out";

fn reprotest(shell: &Shell, case: &Case) -> anyhow::Result<Rival> {
    let run = |flavour| {
        let tree = tempfile::tempdir()?;
        lay_out(&root().join(FAULTS), case, flavour, tree.path())?;
        // A change of the user asks for accounts and sudo rights that are made for that.
        let mut command = cmd!(shell, "timeout 300 reprotest --vary=-user_group");
        // `diff` is quicker, but sees neither modes nor links that lead nowhere.
        if !case.causes.iter().any(|it| ["modes", "build-path-in-link"].contains(&it.as_str())) {
            command = command.arg("--no-diffoscope");
        }
        if flavour == Flavour::Faulty {
            command = command.arg("--auto-build");
        }
        finished(command.args(["-c", BUILD]).arg(tree.path()).arg("out/*"))
    };
    let (_, sound) = run(Flavour::Sound)?;
    let (printed, faulty) = run(Flavour::Faulty)?;
    let mut lines = printed.lines().skip_while(|line| !line.contains("when varying each of"));
    let named: BTreeSet<&str> = lines.nth(1).unwrap_or_default().split_whitespace().collect();
    let by_itself = printed.contains("even when");
    let expected: Vec<&[&str]> = case.bites.iter().map(|it| theirs(it)).collect();
    let others = named.iter().filter(|name| !expected.iter().any(|words| words.contains(name)));
    let right = expected.iter().all(|words| words.iter().any(|word| named.contains(word)))
        && others.count() <= MOST_OTHERS;
    let said = match (named.is_empty(), by_itself) {
        _ if faulty == Verdict::Failed => failed(&printed),
        _ if faulty == Verdict::Equal => "-".to_owned(),
        (false, _) => named.iter().copied().collect::<Vec<_>>().join(" "),
        (true, true) => "random by itself".to_owned(),
        (true, false) => "-".to_owned(),
    };
    Ok(Rival {
        name: "reprotest",
        detected: faulty == Verdict::Differ,
        points: faulty == Verdict::Differ && if case.bites.is_empty() { by_itself } else { right },
        false_alarm: sound == Verdict::Differ,
        said,
        seconds: 0.0,
    })
}

/// Its words for one of our variations; one of them is enough.
fn theirs(variation: &str) -> &'static [&'static str] {
    match variation {
        "aslr" => &["aslr"],
        "build-path" => &["build_path"],
        "clock" => &["time"],
        "cpu" => &["num_cpus"],
        "directory-order" => &["fileordering"],
        "domain" | "host-name" => &["domain_host"],
        "environment" => &["environment", "exec_path"],
        "home" => &["home"],
        "kernel" => &["kernel"],
        "locale" => &["locales"],
        "time-zone" => &["timezone"],
        "umask" => &["umask"],
        "user" => &["user_group"],
        _ => &[],
    }
}

/// The package as `build.py` lays it out.
fn lay_out(faults: &Path, case: &Case, flavour: Flavour, tree: &Path) -> anyhow::Result<()> {
    fs::copy(faults.join("backend.py"), tree.join("backend.py"))?;
    for entry in sorted_entries(&faults.join(&case.name))? {
        if entry.path().extension() != Some("toml".as_ref()) {
            fs::copy(entry.path(), tree.join(entry.file_name()))?;
        }
    }
    if flavour == Flavour::Faulty {
        fs::write(tree.join("fault.txt"), "")?;
    }
    Ok(())
}
