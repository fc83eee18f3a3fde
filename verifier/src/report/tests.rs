//! Verdicts, and what stands in a report.

use std::path::PathBuf;

use super::*;
use crate::explain::{Cause, Evidence, Place, Proved, Standing, Unexplained};

/// A file `name` that differs for its build path, or for no reason that is known.
pub(super) fn finding(name: &str, explained: bool) -> Finding {
    let evidence = vec![Evidence::new("line 1", "at /one/x", "at /two/x")];
    let cause = Cause::BuildPath(Place::Text);
    let proof = "with one path for both".to_owned();
    let (standing, derived_from) = (Standing::Proved, Vec::new());
    let proved = Proved { cause, standing, proof, evidence, derived_from, follows: false };
    let reason = "no known cause fits".to_owned();
    let open = Unexplained { reason, refused: Vec::new(), evidence: Vec::new() };
    Finding {
        path: name.to_owned(),
        owners: Vec::new(),
        causes: explained.then_some(proved).into_iter().collect(),
        sha256: None,
        unexplained: (!explained).then_some(open),
        members: Vec::new(),
    }
}

pub(super) fn report(subject: Subject, findings: Vec<Finding>) -> Report {
    let counted = Counted { entries: 32_273, files: 30_000, bytes: 480_000_000 };
    let comparison = Comparison {
        roots: [PathBuf::from("/a"), PathBuf::from("/b")],
        counted,
        differences: Vec::new(),
        dist_infos: Vec::new(),
    };
    Report::new(subject, &comparison, Explanation::new(findings, BTreeMap::new()))
}

pub(super) fn rounds() -> Subject {
    Subject::Rounds { recipe: "sample".to_owned(), rounds: 2, sides: Some(['a', 'b']) }
}

pub(super) fn check(name: &'static str, outcome: Outcome) -> Check {
    Check { name, outcome, detail: vec!["seen".to_owned()] }
}

fn variation(bites: bool) -> Variation {
    Variation { name: "umask".to_owned(), a: "022".to_owned(), b: "077".to_owned(), bites }
}

#[test]
fn the_worst_outcome_wins_and_the_verdict_names_what_does_not_hold() {
    let waived = || BTreeMap::from([("x".to_owned(), "upstream".to_owned())]);
    let equal =
        || report(rounds(), Vec::new()).varied(vec![variation(true), variation(false)], Vec::new());
    let differs = |explained| report(rounds(), vec![finding("x", explained)]);
    let fod = || check("fod-hash", Outcome::GoldenMismatch);
    let good = || check("snapshots", Outcome::Good);
    let cases = [
        (equal(), 0, "reproducible: 32,273 entries equal in 2 rounds under 1 variation"),
        (equal().checked(vec![good()]), 0, "reproducible: 32,273 entries equal"),
        (equal().checked(vec![good(), fod()]), 4, "not the golden hash: `fod-hash` failed; "),
        (differs(true), 3, "not reproducible: 1 of 32,273 entries differ in 2 rounds under 0 "),
        (differs(true).waived(waived()), 0, "reproducible: 1 of 32,273 entries differ"),
        (differs(false).waived(waived()), 3, "not reproducible: "),
        (differs(true).checked(vec![fod()]), 3, "not reproducible: `fod-hash` failed; 1 of"),
        (
            equal().checked(vec![fod(), check("variations", Outcome::Undecided)]),
            1,
            "undecided: `fod-hash`, `variations` failed; 32,273 entries equal",
        ),
        (report(Subject::Pair, Vec::new()), 0, "equal: 32,273 entries"),
        (report(Subject::Pair, vec![finding("x", false)]), 3, "different: 1 of 32,273 entries"),
    ];
    for (report, code, start) in cases {
        let verdict = report.verdict();
        assert!(verdict.starts_with(start), "{verdict}, expected {start}");
        assert_eq!(report.outcome().code(), code, "{verdict}");
        assert_eq!(terminal(&report).lines().last(), Some(verdict.as_str()));
    }
}

#[test]
fn a_writer_that_is_dropped_leaves_what_it_was_told() {
    let base = tempfile::tempdir().unwrap();
    let [page, lines] = ["page.html", "lines"].map(|name| base.path().join(name));
    let mut writing = Writing::begin(&rounds(), Some(&page), Some(&lines)).unwrap();
    writing.found(&finding("x", true));
    drop(writing);
    let left = fs_err::read_to_string(&lines).unwrap();
    assert!(left.starts_with(r#"{"event":"begun","value":{"version":1,"#), "{left}");
    assert!(left.ends_with("}\n") && left.contains(r#"{"event":"found","value":{"path":"x""#));
    assert!(!left.contains("finished"));
    assert!(fs_err::read_to_string(&page).unwrap().contains("unfinished"));
    let absent = base.path().join("absent/lines");
    assert!(Writing::begin(&rounds(), None, Some(&absent)).is_err());
}

#[test]
fn the_terminal_gets_causes_first_and_never_more_than_a_screen_or_two() {
    let findings = (0..5000).map(|number| finding(&format!("f{number:04}"), number % 2 == 0));
    let mut long = check("snapshots", Outcome::SnapshotMismatch);
    long.detail = (0..100).map(|number| format!("line {number} \u{1b}[2J")).collect();
    let report =
        report(rounds(), findings.collect()).checked(vec![long, check("x", Outcome::Good)]);
    let text = terminal(&report);
    let lines: Vec<&str> = text.lines().collect();
    let place = |start: &str| lines.iter().position(|line| line.starts_with(start)).expect(start);
    let order = ["build-path-in-text", "UNEXPLAINED", "snapshots ", "not reproducible: "];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{text}");
    assert!(lines.len() < 60, "{text}");
    assert!(!text.contains('\u{1b}') && !lines.iter().any(|line| line.starts_with("x ")), "{text}");
    assert_eq!(text.matches("lines more; `--json` has all").count(), 2, "{text}");
}

#[test]
fn what_is_not_proved_harmless_is_said_wherever_a_person_looks() {
    let proved = report(rounds(), vec![finding("x.py", true)]);
    let mut finding = finding("x.py", true);
    finding.causes[0].standing = Standing::LooksLike;
    let looks = report(rounds(), vec![finding]);
    let pages = |report: &Report| [terminal(report), html(report), report.verdict()];
    let said = |report: &Report| pages(report).map(|page| page.contains("not proved harmless"));
    assert_eq!(said(&proved), [false; 3]);
    assert_eq!(said(&looks), [true; 3]);
    assert!(json(&looks).contains("\"standing\": \"looks-like\""));
    assert!(json(&proved).contains("\"standing\": \"proved\""));
}

#[test]
fn what_must_be_acted_on_is_never_cut_off() {
    let several = [Cause::Locale, Cause::User, Cause::HostName, Cause::HashSeed, Cause::TimeZone];
    let several = several.into_iter().chain([Cause::Modes, Cause::Cpu, Cause::Kernel]);
    let found = several.enumerate().map(|(number, cause)| {
        let mut found = finding(&format!("f{number}"), true);
        found.causes[0].cause = cause;
        found
    });
    let mut findings: Vec<Finding> = found.collect();
    findings.push(finding("open", false));
    let hash = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let mut long = check("fod-hash", Outcome::GoldenMismatch);
    long.detail = vec![format!("two rounds fetched {hash} and {hash}"); 30];
    long.detail.push(format!("hint: {}`lockstep bless`", "look at it ".repeat(30)));
    let waived = BTreeMap::from([("f0".to_owned(), "upstream".to_owned())]);
    let text = terminal(&report(rounds(), findings).waived(waived).checked(vec![long]));
    let parts = [
        "and 2 more root causes",
        "  open: no known cause",
        "not waived                   7 files",
        "  f1\n",
        &format!("{hash} and {hash}\n"),
        "`lockstep bless`\n",
    ];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
}
