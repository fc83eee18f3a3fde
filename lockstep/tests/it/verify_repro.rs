//! `lockstep verify-repro`: builds that depend on where they are made, each with what must be
//! said of it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};

use base::store::{Store, seal, unseal};
use base::sys::cache::hold_alone;
use base::sys::files::sorted_entries;
use base::vocabulary::Sha256;
use serde_json::Value;

use crate::small_workspace::Workspace;

/// A wheel with one module for each expression, which holds its value: `case0.py` and so on.
fn holding(expressions: &[&str]) -> String {
    let entry = |(index, expression)| {
        format!("        \"case{index}.py\": f\"value = {{{expression}!r}}\\n\",\n")
    };
    let entries: String = expressions.iter().enumerate().map(entry).collect();
    let imports = "import os, random, socket, sys, tempfile, time";
    format!("{imports}\ndef act():\n    return {{\n{entries}    }}\n")
}

/// An expression in a build, and the cause that must be named.
const CAUSES: [(&str, &str); 11] = [
    ("socket.gethostname()", "host-name"),
    ("socket.getfqdn()", "host-name"),
    ("os.environ['HOME']", "home"),
    ("tempfile.gettempdir()", "temporary-directory"),
    ("os.environ['LOCKSTEP_ROUND'] if 'LOCKSTEP_ROUND' in os.environ else ''", "environment"),
    ("os.getuid()", "user"),
    ("os.environ['USER']", "user"),
    ("os.uname().release", "kernel"),
    ("os.environ['TZ']", "time-zone"),
    ("os.cpu_count()", "cpu"),
    ("time.strftime('%Y-%m-%d')", "timestamp-in-text"),
];

#[test]
fn what_a_build_holds_of_its_place_is_named() {
    let expressions = CAUSES.map(|(expression, _)| expression);
    let workspace = Workspace::new(&holding(&expressions)).blessed();
    let ended = workspace.xtask("verify-repro", &["--json", "--quiet"]);
    ended.ends(3, &["merge: no"]);
    let reports: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let explanation = &reports["reports"][0]["explanation"];
    let unexplained = explanation["findings"].as_array().unwrap().iter();
    let unexplained: Vec<_> = unexplained.filter(|it| !it["unexplained"].is_null()).collect();
    assert_eq!(explanation["unexplained"], 0, "{unexplained:#?}");
    for (index, (expression, cause)) in CAUSES.iter().enumerate() {
        let path = format!("output/lib/python3.14/site-packages/case{index}.py");
        let findings = explanation["findings"].as_array().unwrap();
        let finding = findings.iter().find(|it| it["path"] == path).expect(expression);
        assert_eq!(finding["causes"][0]["cause"], *cause, "{expression}");
        assert_eq!(finding["owners"][0]["built_from"], "local", "{expression}");
    }
}

/// An expression in a build, further words, the exit code, and what is printed.
type Case = (&'static str, &'static [&'static str], i32, &'static [&'static str]);

const CASES: [Case; 5] = [
    ("42", &[], 0, &["reproducible: ", "entries equal in 2 rounds", "merge: yes"]),
    // What is left out is not seen, and what is pinned is not, unless that is asked for.
    (
        "(socket.getfqdn(), hash('x'))",
        &["--vary=-host-name,-domain"],
        0,
        &["not varied: `domain` (left out by `--vary`), `host-name` (left", "merge: yes"],
    ),
    ("hash('x')", &["--vary=-all,+hash-seed"], 3, &["UNEXPLAINED", "depends on `hash-seed`"]),
    // A value without a mark of its round: only single variations tell.
    ("len(os.sched_getaffinity(0)) * 1000 + 17", &[], 3, &["UNEXPLAINED", "depends on `cpu`"]),
    ("random.SystemRandom().random()", &[], 3, &["although only its place and time do"]),
];

#[test]
fn what_a_build_depends_on_is_found() {
    for (expression, words, code, parts) in CASES {
        let workspace = Workspace::new(&holding(&[expression])).blessed();
        let mut words = words.to_vec();
        words.push("--quiet");
        workspace.xtask("verify-repro", &words).ends(code, parts);
    }
}

#[test]
fn equal_inputs_give_equal_json() {
    let workspace = Workspace::new(&holding(&["socket.gethostname()"])).blessed();
    let printed = || {
        let ended = workspace.xtask("verify-repro", &["--json", "--quiet"]);
        ended.ends(3, &[]);
        ended.stdout
    };
    let [first, second] = [printed(), printed()];
    assert_eq!(first, second);
    let place = workspace.path("cache");
    assert!(!first.contains(place.to_str().unwrap()), "{first}");
}

#[test]
fn a_third_round_is_compared_too() {
    let workspace = Workspace::new(&holding(&["1"])).blessed();
    let ended = workspace.xtask("verify-repro", &["--rounds", "3", "--quiet"]);
    ended.ends(0, &["in 3 rounds"]);
    // Which two a report is about can be read.
    let workspace = Workspace::new(&holding(&["socket.gethostname()"])).blessed();
    let words = ["--rounds", "3", "--quiet", "--vary=-all,host-name"];
    let parts = ["3 rounds (here a and b) under", "3 rounds (here a and c) under"];
    workspace.xtask("verify-repro", &words).ends(3, &parts);
}

/// Words of `verify-repro`, its exit code, and what a build after it says first.
const LEFT: [(&[&str], i32, &str); 4] = [
    (&[], 0, "unchanged small"),
    (&["--keep"], 0, "built small"),
    (&["--refetch"], 0, "built small"),
    (&["--vary=+hash-seed"], 3, "built small"),
];

#[test]
fn what_was_verified_is_left_for_the_next_build_and_nothing_else_is() {
    for (words, code, said) in LEFT {
        let workspace = Workspace::new(&holding(&["hash('x')"])).blessed();
        workspace.xtask("verify-repro", words).ends(code, &[]);
        let built = workspace.xtask("build", &["--no-out-link"]);
        built.ends(0, &[said]);
        let kept = code == 3 || words == ["--keep"];
        let rounds = sorted_entries(&workspace.path("cache/rounds")).unwrap();
        let rounds = rounds.iter().filter(|it| it.path().is_dir()).count();
        assert_eq!(rounds, usize::from(kept), "{words:?}");
    }
}

#[test]
fn an_earlier_build_of_other_bytes_is_told() {
    let workspace = Workspace::new(&holding(&["1"])).blessed();
    workspace.xtask("build", &["--no-out-link"]).ends(0, &[]);
    workspace.xtask("verify-repro", &["--quiet"]).ends(0, &["merge: yes"]);
    let store = Store::new(&workspace.path("cache"), "outputs");
    let output = store.entry(&store.keys().unwrap()[0]);
    let mut other: Value = unseal(&output).unwrap().unwrap();
    other["nar-hash"] = Value::from(Sha256::of("another").to_sri());
    seal(&output, &other).unwrap();
    let told = ["`earlier-build` failed", "made other bytes", "--no-cache", "merge: no"];
    workspace.xtask("verify-repro", &["--quiet"]).ends(3, &told);
    workspace.xtask("build", &["--no-out-link", "--no-cache"]).ends(0, &["built small"]);
    workspace.xtask("verify-repro", &["--quiet"]).ends(0, &["merge: yes"]);
}

#[test]
fn a_killed_verifier_takes_its_rounds_along() {
    // Long enough that a round that goes on would still be there, and then be found out.
    let act = "import time\ndef act():\n    time.sleep(20)\n    return {}\n";
    let workspace = Workspace::new(act).blessed();
    let mut run = workspace.begun("verify-repro");
    let mut building = BTreeSet::new();
    for line in BufReader::new(run.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.ends_with("· wheels (1)") {
            building.insert(line);
        }
        if building.len() == 2 {
            break;
        }
    }
    run.kill().unwrap();
    run.wait().unwrap();
    let rounds = sorted_entries(&workspace.path("cache/rounds")).unwrap();
    let rounds = rounds.iter().find(|it| it.path().is_dir()).unwrap().path();
    for round in ["a", "b-of-round-1"] {
        let cache = rounds.join(round).join("cache");
        // Waits for the round's end.
        let _alone = hold_alone(&cache, || ()).unwrap();
        assert_eq!(Store::new(&cache, "wheels").keys().unwrap(), [], "round {round} went on");
    }
}

#[test]
fn without_a_golden_hash_nothing_is_verified() {
    let workspace = Workspace::new(&holding(&["1"]));
    let ended = workspace.xtask("verify-repro", &["--quiet"]);
    ended.ends(4, &["`fod-hash` failed", "lockstep bless", "merge: no"]);
    // Nor if only a target has none that is not built here.
    let workspace = workspace.blessed();
    let platform = "x86_64-manylinux_2_39";
    let other = "x86_64-manylinux_2_35";
    workspace.replace("recipes/small.toml", platform, &format!("{platform}\", \"{other}"));
    let ended = workspace.xtask("verify-repro", &["--quiet"]);
    ended.ends(4, &["2_35: the ledger does not know this target yet", "lockstep bless"]);
    let last = ended.stderr.trim_end().lines().last().unwrap().to_owned();
    assert!(last.starts_with("error: merge: no") && last.ends_with("(exit code 4)"), "{last}");
}

#[test]
fn a_round_that_cannot_be_built_decides_nothing() {
    let workspace = Workspace::new("def act():\n    raise SystemExit('no such luck')\n").blessed();
    let page = workspace.path("page.html");
    let words = ["--quiet", "--json", "--html", page.to_str().unwrap()];
    let ended = workspace.xtask("verify-repro", &words);
    ended.ends(1, &["round a failed", "no such luck", "the rounds stay in", "\"exit-code\": 1"]);
    ended.ends(1, &["  and ", "round b failed", "could not be judged (exit code 1)"]);
    assert!(ended.stdout.contains("\"error\": \"error: round a failed\""), "{}", ended.stdout);
    // Whoever looks only at the page reads that nothing was decided, and why.
    let page = fs_err::read_to_string(page).unwrap();
    assert!(page.contains("undecided: the run failed") && page.contains("no such luck"), "{page}");
}

#[test]
fn what_cannot_be_varied_is_said() {
    let workspace = Workspace::new(&holding(&["1"]));
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--vary=-all"], &["nothing is varied"]),
        (&["--vary=+wether"], &["there is no variation `wether`", "time-zone"]),
        (&["--vary=+bytecode-order"], &["the recipe makes no bytecode"]),
        (&["--rounds", "1"], &["1 is not in 2..=26"]),
    ];
    let page = workspace.path("page.html");
    fs_err::write(&page, "of a run that was good").unwrap();
    let page = page.to_str().unwrap();
    for (words, parts) in cases {
        workspace.xtask("verify-repro", &[words, &["--html", page]].concat()).ends(2, parts);
    }
    // Nobody takes it for this one's.
    assert!(fs_err::read_to_string(page).unwrap().contains("undecided: the run failed"));
    let ended = workspace.xtask("verify-repro", &["--list-variations"]);
    ended.ends(0, &["host-name", "cannot bite here: the recipe makes no bytecode"]);
}
