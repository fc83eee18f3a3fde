//! Which findings waivers allow, which waivers fail, and with which words.

use base::recipe::{BytecodePolicy, Recipe};
use base::vocabulary::Sha256;

use super::*;
use crate::explain::Unexplained;
use crate::explain::finding::Owner;
use crate::rounds::vary::{Here, choose, not_varied};

const RECIPE: &str = "[source]\npath = 'x'\n[target]\npython = '3.14'\n\
                      platforms = ['x86_64-manylinux_2_39']\n";

/// Waivers from `cause path expires` a line.
fn waivers(lines: &str) -> Vec<Waiver> {
    let mut text = RECIPE.to_owned();
    for line in lines.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [cause, path, expires] = words[..] else { panic!("{line}") };
        text.push_str(&format!(
            "[[waiver]]\ncause = '{cause}'\npath = '{path}'\nreason = 'because of {cause}'\n\
             expires = '{expires}'\n"
        ));
    }
    Recipe::parse("x", &text, &|_| unreachable!()).unwrap().waivers
}

fn cause(id: &str) -> Cause {
    Cause::all().into_iter().find(|cause| cause.id() == id).unwrap()
}

/// A finding from `path: cause, cause`; `?` is what is unexplained, `~` behind a cause says that it
/// only looks like it, and `< path` is what it follows from, `< here` what else differs in the same
/// bytes. The digests of both sides are those of `a` and `b`. Lines that begin with `+` are members
/// of the one above.
fn explanation(text: &str) -> Explanation {
    let mut findings: Vec<Finding> = Vec::new();
    for line in text.lines() {
        let (path, causes) = line.split_once(": ").unwrap();
        // `a/…` below `site-packages` is of the distribution `A_a`.
        let owner = Owner { name: "A_a".to_owned(), version: "1".to_owned(), built_from: None };
        let is_owned = path.contains("/site-packages/a/");
        let mut finding = Finding {
            path: path.trim_start_matches('+').to_owned(),
            owners: is_owned.then_some(owner).into_iter().collect(),
            causes: Vec::new(),
            sha256: Some(["a", "b"].map(Sha256::of)),
            unexplained: None,
            members: Vec::new(),
        };
        for word in causes.split(", ") {
            let (id, from) = word.split_once(" < ").unwrap_or((word, ""));
            let (id, standing) = match id.strip_suffix('~') {
                Some(id) => (id, Standing::LooksLike),
                None => (id, Standing::Proved),
            };
            match id {
                "?" => {
                    let reason = "nobody knows".to_owned();
                    let (refused, evidence) = (Vec::new(), Vec::new());
                    finding.unexplained = Some(Unexplained { reason, refused, evidence });
                }
                "members" => {}
                id => finding.causes.push(Proved {
                    cause: cause(id),
                    standing,
                    proof: String::new(),
                    evidence: Vec::new(),
                    derived_from: from
                        .split_whitespace()
                        .filter(|from| *from != "here")
                        .map(str::to_owned)
                        .collect(),
                    follows: from == "here",
                }),
            }
        }
        match findings.last_mut() {
            Some(last) if path.starts_with('+') => last.members.push(finding),
            _ => findings.push(finding),
        }
    }
    Explanation::new(findings, BTreeMap::new())
}

const MODULES: &str = "output/lib/python3.14/site-packages";

#[test]
fn a_finding_is_waived_if_all_of_it_is() {
    let dwarf = "build-path-in-dwarf a/*.so 2027-01-01";
    let record = format!("{MODULES}/a-1.dist-info/RECORD");
    let so = format!("{MODULES}/a/x.so");
    for (name, findings, lines, expected) in [
        ("by its module", format!("{so}: build-path-in-dwarf"), dwarf, &[so.as_str()][..]),
        ("by its path in the output", format!("{so}: user"), "user lib 2027-01-01", &[&so]),
        ("as it is reported", format!("{so}: user"), "user output 2027-01-01", &[&so]),
        ("another cause", format!("{so}: user"), dwarf, &[]),
        ("another path", format!("{MODULES}/b/x.so: build-path-in-dwarf"), dwarf, &[]),
        ("one of two causes", format!("{so}: build-path-in-dwarf, user"), dwarf, &[]),
        ("unexplained in part", format!("{so}: build-path-in-dwarf, ?"), dwarf, &[]),
        ("unexplained", format!("{so}: ?"), "user a 2027-01-01", &[]),
        (
            "a record follows",
            format!("{record}: derived-record < {so}\n{so}: build-path-in-dwarf"),
            dwarf,
            &[&record, &so],
        ),
        (
            "a record follows from more",
            format!("{record}: derived-record < {so} y\n{so}: build-path-in-dwarf\ny: user"),
            dwarf,
            &[&so],
        ),
        (
            "what counts a distribution's files",
            format!("manifest.json: derived-record < a-a\n{so}: build-path-in-dwarf"),
            dwarf,
            &["manifest.json", &so],
        ),
        (
            "what counts more",
            format!("manifest.json: derived-record < a-a b\n{so}: build-path-in-dwarf"),
            dwarf,
            &[&so],
        ),
        (
            "members",
            "wheels/a.whl: members\n+wheels/a.whl!/a-1.dist-info/RECORD: derived-record < a/x.so\n\
             +wheels/a.whl!/a/x.so: build-path-in-dwarf"
                .to_owned(),
            dwarf,
            &["wheels/a.whl"],
        ),
        (
            "members and their archive",
            "wheels/a.whl: timestamp-in-zip\n+wheels/a.whl!/a/x.so: build-path-in-dwarf".to_owned(),
            dwarf,
            &[],
        ),
        (
            "an unexplained member",
            "wheels/a.whl: members\n+wheels/a.whl!/a/x.so: ?".to_owned(),
            "build-path-in-dwarf wheels 2027-01-01",
            &[],
        ),
    ] {
        let waived = waived(&explanation(&findings), &waivers(lines));
        let paths: Vec<&str> = waived.keys().map(String::as_str).collect();
        assert_eq!(paths, expected, "{name}");
        assert!(waived.values().all(|why| why.contains("because of") || why.contains("follows")));
    }
}

#[test]
fn what_only_looks_like_a_cause_is_waived_for_exact_bytes() {
    let today: Date = "2026-11-25".parse().unwrap();
    let so = format!("{MODULES}/a/x.py");
    let [a, b, c] = ["a", "b", "c"].map(Sha256::of);
    let line = "user a/*.py 2027-01-01";
    for (name, cause, named, expected, part) in [
        ("proved", "user", vec![], true, "each still needed"),
        ("proved, of these bytes", "user", vec![a, b], true, "each still needed"),
        ("proved, of other bytes", "user", vec![a, c], false, "not those that it names"),
        ("without bytes", "user~", vec![], false, "not proved harmless there"),
        ("of these bytes", "user~", vec![b, a], true, "each still needed"),
        ("of these bytes and others", "user~", vec![a, b, c], true, "each still needed"),
        ("of one side", "user~", vec![a], false, "not those that it names"),
        ("of other bytes", "user~", vec![a, c], false, "not those that it names"),
    ] {
        let found = explanation(&format!("{so}: {cause}"));
        let mut waivers = waivers(line);
        waivers[0].sha256 = named;
        assert_eq!(waived(&found, &waivers).contains_key(&so), expected, "{name}");
        let check = check(&[&found], &waivers, today, &[]);
        assert_eq!(check.outcome == Outcome::Good, expected, "{name}: {:?}", check.detail);
        let text = check.detail.join("\n");
        assert!(text.contains(part), "{name}: {text}");
        let hint = format!("sha256 = [\"{a}\", \"{b}\"]");
        assert_eq!(text.contains(&hint), !expected, "{name}: {text}");
        assert!(!text.contains("stale"), "{name}: {text}");
    }
}

#[test]
fn a_build_id_is_waived_only_with_what_it_follows_from() {
    let lines = "build-path-in-dwarf a/*.so 2027-01-01\nmodes a/*.so 2027-01-01";
    for (name, causes, expected) in [
        ("it follows", "build-path-in-dwarf, build-id < here", 1),
        ("from what is not waived", "user, build-id < here", 0),
        ("alone", "build-id", 0),
        ("beside what it does not follow from", "modes, build-id", 0),
    ] {
        let found = explanation(&format!("{MODULES}/a/x.so: {causes}"));
        assert_eq!(waived(&found, &waivers(lines)).len(), expected, "{name}");
    }
}

#[test]
fn a_waiver_that_is_stale_or_over_fails() {
    let today: Date = "2026-11-25".parse().unwrap();
    let found = explanation(&format!("{MODULES}/a/x.so: build-path-in-dwarf"));
    let equal = explanation("");
    let needed = |expires: &str| format!("build-path-in-dwarf a/*.so {expires}");
    for (lines, explanations, code, parts) in [
        (String::new(), &[&equal][..], 0, &[][..]),
        (needed("2026-11-25"), &[&found], 0, &["1 waivers, each still needed"]),
        (needed("2026-11-25"), &[&equal, &found], 0, &[]),
        (needed("2026-11-24"), &[&found], 6, &["over since 2026-11-24", "today is 2026-11-25"]),
        (needed("2027-01-01"), &[&equal], 6, &["is stale", "remove it from the recipe"]),
        ("user a/*.so 2027-01-01".to_owned(), &[&found], 6, &["`user` at `a/*.so` is stale"]),
        (
            needed("2020-01-01"),
            &[&equal],
            6,
            &["is stale", "over since", "reason: because of build-"],
        ),
    ] {
        let check = check(explanations, &waivers(&lines), today, &[]);
        assert_eq!(check.outcome.code(), code, "{lines}: {:?}", check.detail);
        let text = check.detail.join("\n");
        assert!(parts.iter().all(|part| text.contains(part)), "{lines}: {text}");
    }
    // It may be for what was not varied.
    let here = Here { setarch: true, bytecode: BytecodePolicy::None };
    let left_out = not_varied(&choose(&["-clock".to_owned()], here).unwrap(), here);
    let check = check(&[&equal], &waivers(&needed("2027-01-01")), today, &left_out);
    assert_eq!(check.outcome.code(), 0);
    assert!(check.detail[0].contains("allowed nothing; not varied were `clock` (left out by"));
    // One that is over still says what its difference is: the report has no second fault.
    assert_eq!(waived(&found, &waivers(&needed("2020-01-01"))).len(), 1);
}

#[test]
fn causes_must_exist() {
    for (cause, hint) in [
        ("build-path-in-dwarv", "did you mean `build-path-in-dwarf`?"),
        ("timestamp", "did you mean `timestamp-in-"),
        ("unexplained", "cannot be waived"),
        ("qqq", "take the name"),
    ] {
        let problem = check_causes(&waivers(&format!("{cause} a 2027-01-01"))).unwrap_err();
        assert_eq!(problem.outcome.code(), 2);
        assert!(problem.hint.clone().unwrap().contains(hint), "{problem:?}");
    }
    for cause in Cause::all() {
        check_causes(&waivers(&format!("{} a 2027-01-01", cause.id()))).unwrap();
    }
}

/// The names are read out of the text of `Cause::id`, so a new cause cannot be forgotten.
#[test]
fn all_causes_are_all_that_there_are() {
    let text = include_str!("../../explain/cause.rs");
    let (_, rest) = text.split_once("fn id(self)").unwrap();
    let (names, _) = rest.split_once("\n    }\n").unwrap();
    let written: BTreeSet<&str> = names.split('"').skip(1).step_by(2).collect();
    let all: BTreeSet<&str> = Cause::all().into_iter().map(Cause::id).collect();
    assert_eq!(all, written);
}
