//! The page, on reports that are hostile or huge.

use super::super::tests::{check, finding, report, rounds};
use super::*;
use crate::check::Variation;

#[test]
fn what_others_wrote_is_never_markup() {
    let hostile = "<script>alert(1)</script>\"'&\u{1b}\u{202e}";
    let mut found = finding(hostile, false);
    found.unexplained.as_mut().unwrap().reason = hostile.to_owned();
    let mut proved = finding(hostile, true);
    proved.causes[0].evidence[0].at = hostile.to_owned();
    proved.causes[0].evidence[0].a = hostile.as_bytes().to_vec();
    let mut check = check("fod-hash", Outcome::GoldenMismatch);
    check.detail = vec![hostile.to_owned()];
    let (name, a) = (hostile.to_owned(), hostile.to_owned());
    let variation = Variation { name, a, b: hostile.to_owned(), bites: true };
    let subject = Subject::Rounds { recipe: hostile.to_owned(), rounds: 2, sides: None };
    let report = report(subject, vec![found, proved])
        .checked(vec![check])
        .varied(vec![variation], Vec::new());
    let page = html(&report);
    assert!(!page.contains("<script"), "{page}");
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
}

#[test]
fn the_page_is_bounded_and_says_what_it_left_out() {
    let findings = (0..5000).map(|number| finding(&format!("{number}/{}", "x".repeat(900)), true));
    let page = html(&report(rounds(), findings.collect()));
    assert!(page.len() < 64 * 1024, "{}", page.len());
    assert!(page.contains(" more; <code>--json</code> has all"));
}

#[test]
fn evidence_of_many_causes_is_bounded_too() {
    use crate::explain::{Cause, Place};
    let places = [Place::Dwarf, Place::ReadOnlyData, Place::Data, Place::Text, Place::DirectUrl];
    let more = [Place::UvCache, Place::Pyc, Place::Link, Place::Zip, Place::Tar, Place::Gzip];
    let places = places.into_iter().chain(more);
    let mut causes: Vec<Cause> =
        places.flat_map(|place| [Cause::BuildPath(place), Cause::Timestamp(place)]).collect();
    causes.extend([Cause::HostName, Cause::User, Cause::Home, Cause::Locale, Cause::Cpu]);
    let mut findings = Vec::new();
    for (number, cause) in causes.into_iter().enumerate() {
        for explained in [true, false] {
            let mut found = finding(&format!("{number}/{}", "<".repeat(200)), explained);
            // Every other byte differs, and each is a character that is escaped.
            let evidence = &mut finding("", true).causes[0].evidence[0];
            evidence.a = b"<>".repeat(60);
            evidence.b = b"<<".repeat(60);
            if let Some(open) = &mut found.unexplained {
                open.evidence = vec![evidence.clone(); 3];
            } else {
                found.causes[0].cause = cause;
                found.causes[0].evidence = vec![evidence.clone()];
            }
            findings.push(found);
        }
    }
    let page = html(&report(rounds(), findings));
    assert!(page.len() < 64 * 1024, "{}", page.len());
    assert!(page.matches("<article>").count() > 25 && page.contains("<mark>&gt;</mark>"), "{page}");
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = html(&report(rounds(), vec![finding("x", true), finding("y", false)]));
    for absent in ["http:", "https:", "src=", "<script", "url(", "@import", "<link"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(html_unfinished(&rounds()).contains("unfinished: comparing"));
}

#[test]
fn each_part_is_there() {
    let mut waived = finding("w", true);
    waived.owners = vec![crate::explain::finding::Owner {
        name: "lxml".to_owned(),
        version: "6.0.2".to_owned(),
        built_from: Some("sdist".to_owned()),
    }];
    let mut report = report(rounds(), vec![finding("x", false), waived])
        .checked(vec![check("snapshots", Outcome::Good)])
        .waived(BTreeMap::from([("w".to_owned(), "upstream knows".to_owned())]));
    report.explanation.sizes = BTreeMap::from([("lxml".to_owned(), 7_000_000)]);
    let page = html(&report);
    for part in
        ["Unexplained", "Root causes", "By distribution", "Checks", "upstream knows", "sdist"]
    {
        assert!(page.contains(part), "{part}");
    }
}
