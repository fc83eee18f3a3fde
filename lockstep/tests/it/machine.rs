//! What a build can tell of the machine: a program with a line for each fact, and a table that says
//! what became of each. The answer is the same whoever starts the program, and however.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::recipe::{BytecodePolicy, NativeCpu};
use base::sys::env::Environment;
use base::sys::sandbox::{Invocation, OutputTo, RootFs, Sandbox, Surroundings};
use builder::build::environment::native;
use serde::Deserialize;
use verifier::rounds::places::place;
use verifier::rounds::vary::{Here, Variation, choose};

use crate::cli::{Small, installed};
use crate::toolchain::provided;

const PROBE: &str = include_str!("../../../golden/machine/probe.py");
const FACTS: &str = include_str!("../../../golden/machine/facts.toml");
const TEST: &str = "machine::nothing_of_the_machine_reaches_a_build";

/// The toolchain's root, for a run of this test as somebody else.
const ROOT: &str = "LOCKSTEP_TEST_HELPER";
/// A file of surroundings for that run.
const ROUND: &str = "LOCKSTEP_TEST_ROUND";
/// A line that only the probe's answer has around it.
const RULER: &str = "== facts";

/// What became of a fact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    /// It has this value, written as JSON, on every machine.
    pinned: Option<String>,
    /// It is what the toolchain's packages make of it.
    pinned_by: Option<String>,
    /// The variation that gives it another value in the second round.
    varied: Option<String>,
    /// Why it is the machine's, or another one each time.
    leaks: Option<String>,
    /// What would hold it.
    held_by: Option<String>,
}

#[derive(Deserialize)]
struct Table {
    facts: BTreeMap<String, Row>,
}

type Facts = BTreeMap<String, String>;

/// How the program is started: a name, and what stands before it.
const STARTS: [(&str, &[&str]); 11] = [
    ("as an ordinary user", &["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]),
    ("once more", &["env"]),
    ("nice", &["nice", "-n", "7"]),
    ("nice, as a user", &["setpriv", "--reuid=1234", "--clear-groups", "nice", "-n", "5"]),
    ("on one processor", &["taskset", "-c", "0"]),
    ("under other limits", &["sh", "-c", "ulimit -S -n 4096 -s 4096 -l 0; exec \"$@\"", "sh"]),
    (
        "with signals ignored",
        &["sh", "-c", "trap '' HUP INT TERM PIPE QUIT USR1; exec \"$@\"", "sh"],
    ),
    ("with umask 077", &["sh", "-c", "umask 077; exec \"$@\"", "sh"]),
    ("with another home", &["env", "HOME=/nowhere", "LANG=de_DE.UTF-8", "TZ=Asia/Tokyo"]),
    ("without a terminal, as a batch job", &["setsid", "-w", "chrt", "-b", "0", "ionice", "-c3"]),
    ("on a file system in memory", &["env", "TMPDIR=/dev/shm"]),
];

/// Runs the probe in a directory as a build has one.
fn answer(root: &Path, round: Option<&Path>) -> String {
    let work = tempfile::tempdir().unwrap();
    fs_err::write(work.path().join("probe.py"), PROBE).unwrap();
    let root = RootFs::Dir(root.to_owned());
    let surroundings = round.map(|path| Surroundings::read(path).unwrap()).unwrap_or_default();
    surroundings.prepare(&Sandbox::new(root.clone())).unwrap();
    let native = native::specifications(&root, NativeCpu::Refuse).unwrap();
    let sandbox = Sandbox::within(root, &surroundings).bind_rw(work.path(), "/build");
    let sandbox = native.iter().fold(sandbox, |it, (path, text)| it.file(path, text));
    let invocation = Invocation {
        program: "/usr/bin/python3.14".to_owned(),
        arguments: ["-s", "-S", "probe.py"].map(str::to_owned).to_vec(),
        directory: "/build".to_owned(),
    };
    let done = sandbox.run(&invocation, OutputTo::Capture).unwrap();
    assert_eq!(done.code, 0, "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs this test once more, started in another way.
fn started(words: &[&str], root: &Path, round: Option<&Path>) -> Facts {
    #[expect(clippy::disallowed_methods, reason = "runs this test itself once more")]
    let mut command = std::process::Command::new(words[0]);
    command.args(&words[1..]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).env(ROOT, root);
    if !words.contains(&"TMPDIR=/dev/shm") {
        command.env("TMPDIR", "/tmp");
    }
    if let Some(round) = round {
        command.env(ROUND, round);
    }
    let output = command.output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {printed}");
    let between = printed.split(RULER).nth(1).unwrap_or_default();
    between.lines().filter_map(|line| line.split_once('\t')).map(owned).collect()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn table() -> BTreeMap<String, Row> {
    toml::from_str::<Table>(FACTS).unwrap().facts
}

/// What is wrong with the rows themselves.
fn check_rows(rows: &BTreeMap<String, Row>) {
    let names: BTreeSet<&str> = Variation::ALL.iter().map(|it| it.name()).collect();
    for (name, row) in rows {
        let Row { pinned, pinned_by, varied, leaks, held_by } = row;
        let said = [pinned, pinned_by, leaks].into_iter().flatten().count();
        assert!(said == 1 || (said == 0 && varied.is_some()), "`{name}` says {said} things");
        assert_eq!(leaks.is_some(), held_by.is_some(), "`{name}`: what would hold it?");
        let known = varied.as_deref().is_none_or(|it| names.contains(it));
        assert!(known, "`{name}` is varied by what does not exist: {varied:?}");
    }
    assert!(rows.len() >= 270, "there are {} facts", rows.len());
}

#[test]
fn nothing_of_the_machine_reaches_a_build() {
    let environment = Environment::capture();
    if let Some(root) = environment.get(ROOT) {
        let round = environment.get(ROUND).map(Path::new);
        println!("{RULER}\n{}{RULER}", answer(Path::new(root), round));
        return;
    }
    let RootFs::Dir(root) = provided(&environment, &[]).unwrap().root else {
        unreachable!("the Debian toolchain has a root of its own");
    };
    let rows = table();
    check_rows(&rows);
    let plain = started(&["env"], &root, None);
    let asked: BTreeSet<&String> = plain.keys().collect();
    let without: Vec<&&String> = asked.iter().filter(|it| !rows.contains_key(**it)).collect();
    assert!(without.is_empty(), "facts without a row: {without:#?}");
    let gone: Vec<&String> = rows.keys().filter(|it| !asked.contains(it)).collect();
    assert!(gone.is_empty(), "rows without a fact: {gone:#?}");
    let mut wrong = Vec::new();
    let root_only = !rustix::process::getuid().is_root();
    for (start, words) in STARTS {
        if root_only && words[0] == "setpriv" {
            continue;
        }
        let facts = started(words, &root, None);
        for (name, row) in &rows {
            let expected = match row {
                Row { pinned: Some(value), .. } => value,
                Row { pinned_by: Some(_), .. } => &plain[name],
                _ => continue,
            };
            if facts.get(name) != Some(expected) {
                wrong.push(format!("{start}: {name}: {:?} is not {expected}", facts.get(name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    varied_facts_differ(&rows, &plain, &root);
}

/// In the second round, what a row calls varied has another value, and what is only pinned has not.
fn varied_facts_differ(rows: &BTreeMap<String, Row>, plain: &Facts, root: &Path) {
    let here = Here { setarch: true, bytecode: BytecodePolicy::None };
    let mut surroundings =
        place(1, &choose(&["+umask", "+hash-seed"].map(str::to_owned), here).unwrap()).surroundings;
    surroundings.pretended.since = 1_000_000_000;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("surroundings.json");
    fs_err::write(&file, serde_json::to_vec(&surroundings).unwrap()).unwrap();
    let round = started(&["setarch", "-R"], root, Some(&file));
    let mut wrong = Vec::new();
    for (name, row) in rows {
        let same = round.get(name) == plain.get(name);
        if row.varied.is_some() && same {
            wrong.push(format!("`{name}` is not varied: {}", plain[name]));
        }
        if row.varied.is_none() && row.leaks.is_none() && !same {
            let now = round.get(name);
            wrong.push(format!("`{name}` is varied: {} is {now:?} now", plain[name]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A backend that compiles for the machine's own processor, and keeps what the compiler takes it
/// for.
const NATIVE: &str = r#"
import os, subprocess

def macros(*flags):
    words = ["gcc", *flags, "-E", "-dM", "-x", "c", "/dev/null"]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("the compiler failed")
    return done.stdout

def act():
    same = macros("-march=native") == macros("-mtune=native") == macros()
    return {"seen.txt": f"{same} {os.cpu_count()} {len(os.sched_getaffinity(0))}"}
"#;

#[test]
fn a_build_for_the_machines_own_processor_is_refused_or_made_the_baseline() {
    let small = Small::new(NATIVE);
    small.build().bad(1, &["`-march=native`", "native-cpu = \"baseline\"", "the compiler failed"]);
    small.append("recipes/small.toml", "[override.small.build]\nnative-cpu = \"baseline\"\n");
    let report = small.build().json();
    assert_eq!(installed(&report, "seen.txt"), "True 4 4");
    small.append("recipes/small.toml", "native-cpu = \"fast\"\n");
    small.build().bad(2, &["native-cpu"]);
}
