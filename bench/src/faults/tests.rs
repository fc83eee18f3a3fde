//! The corpus itself, and what judges it.

use std::collections::BTreeSet;

use regex::Regex;

use super::*;
use verifier::rounds::vary::Variation;

/// Kinds of sources that no package can provoke here: free-threaded interpreters, and what is
/// decided before a build starts.
const NOT_PROVOKED: [u32; 6] = [12, 34, 35, 36, 37, 38];

fn cases() -> Vec<Case> {
    case::read_all(&root().join(FAULTS)).unwrap()
}

#[test]
fn every_kind_of_source_that_can_be_provoked_has_a_case() {
    let cases = cases();
    assert!(cases.len() >= 30, "{} cases", cases.len());
    let rows: BTreeSet<u32> = cases.iter().map(|case| case.row).collect();
    let wanted = (1..=39).filter(|row| !NOT_PROVOKED.contains(row));
    let wanted: BTreeSet<u32> = wanted.chain([0]).collect();
    assert_eq!(rows, wanted);
    let variations: BTreeSet<&str> = Variation::ALL.iter().map(|it| it.name()).collect();
    for case in &cases {
        assert!(!case.causes.is_empty(), "{}", case.name);
        let unknown = case.bites.iter().find(|bites| !variations.contains(bites.as_str()));
        assert_eq!(unknown, None, "{}", case.name);
        Regex::new(&case.evidence).unwrap();
    }
}

#[test]
fn faults_are_detected_and_their_causes_named_without_false_alarms() {
    let shell = Shell::new().unwrap();
    let builder = compile(&shell, "lockstep").unwrap();
    let target = builder.ancestors().nth(2).unwrap();
    // The toolchain that the builder's own tests make.
    let toolchain = Toolchain { recipe: "sample", cache: Some(target.join("tmp/cache")) };
    let rows = rows(&shell, cases(), &toolchain, &[]).unwrap();
    table::verdict(&rows).unwrap_or_else(|error| panic!("{error}\n{}", table::text(&rows)));
}

/// A hundred cases, of which `edit` changes one after the other.
fn judged(edit: impl Fn(usize, &mut Judged)) -> Vec<Row> {
    let case = cases().remove(0);
    let row = |index| {
        let named = case.causes.clone();
        let mut judged = Judged { detected: true, named, unexplained: 0, false_alarm: false };
        edit(index, &mut judged);
        Row { case: case.clone(), judged, rivals: Vec::new() }
    };
    (0..100).map(row).collect()
}

#[test]
fn less_than_is_promised_is_an_error() {
    type Edit = fn(usize, &mut Judged);
    let cases: [(&str, Edit, bool); 6] = [
        ("all is well", |_, _| (), true),
        (
            "five wrong causes",
            |at, it| {
                if at < 5 {
                    it.named.clear();
                }
            },
            true,
        ),
        (
            "six wrong causes",
            |at, it| {
                if at < 6 {
                    it.named.clear();
                }
            },
            false,
        ),
        (
            "six causes too many",
            |at, it| {
                if at < 6 {
                    it.named.push("cpu".to_owned());
                }
            },
            false,
        ),
        ("one undetected", |at, it| it.detected = at > 0, false),
        ("one false alarm", |at, it| it.false_alarm = at == 0, false),
    ];
    for (name, edit, good) in cases {
        assert_eq!(table::verdict(&judged(edit)).is_ok(), good, "{name}");
    }
    let unexplained = judged(|at, it| it.unexplained = u64::from(at < 6));
    assert!(table::verdict(&unexplained).is_err());
}
