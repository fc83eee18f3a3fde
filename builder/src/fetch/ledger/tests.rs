//! Each verdict with its words and exit code.

use super::*;

const OLD: &str = "1111";

fn found(lock: &str, files: &[(&str, &str)]) -> TargetLedger {
    let entry = |(path, content): &(&str, &str)| Entry {
        path: (*path).to_owned(),
        pin: Pin::File { sha256: Sha256::of(content), size: 1 },
    };
    let entries: Vec<Entry> = files.iter().map(entry).collect();
    TargetLedger {
        lock: Sha256::of(lock),
        build_lock: Sha256::of("b"),
        nar_hash: Sri(Sha256::of(format!("{entries:?}"))),
        entries,
        toolchain: None,
        output: None,
    }
}

/// What somebody does to the entries by hand.
type Edit = fn(&mut Vec<Entry>);

/// The lock, the files, the verdict's word, and what a person reads.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);

#[test]
fn each_verdict_has_words_of_its_own() {
    let (a, b) = ("sdists/a_b-1.0.tar.gz", "wheels/b-2-py3-none-any.whl");
    let target = Target::new("3.14", "linux").unwrap();
    let golden = found("l", &[(a, OLD), (b, OLD)]);
    let ledger = Ledger { target: [(target.to_string(), golden.clone())].into() };
    let ledger = Ledger::parse("x", &ledger.to_toml()).unwrap();
    let (old, new) = (Sha256::of(OLD).to_string(), Sha256::of("2").to_string());
    let both = [old.as_str(), new.as_str(), a, "of a-b 1.0", "golden sha256:", "found  sha256:"];
    let drifted = [&["the lock is unchanged and the FOD hash drifted"][..], &both].concat();
    let stale = [&["the lock changed and its ledger is stale", "bless sample"][..], &both].concat();
    let moved = ["other files of it are wanted", "gone, was", "new, ", "of b 2", "of c 3"];
    let cases: [Case<'_>; 5] = [
        ("l", &[(a, OLD), (b, OLD)], "same", &["nothing changed"]),
        (
            "m",
            &[(a, OLD), (b, OLD)],
            "lock-changed-only",
            &["lock changed and the golden FOD hash"],
        ),
        ("m", &[(a, "2"), (b, OLD)], "stale", &stale),
        ("l", &[(a, "2"), (b, OLD)], "drifted", &drifted),
        ("l", &[(a, OLD), ("wheels/c-3-py3-none-any.whl", "1")], "reselected", &moved),
    ];
    for (lock, files, word, parts) in cases {
        let found = found(lock, files);
        let hashes = (Some(golden.nar_hash), found.nar_hash);
        let verdict = ledger.judge(&target, &found);
        let told = verdict.told("sample", hashes, Golden::Told).unwrap();
        assert_eq!(told.word, word);
        let text = told.detail.join("\n");
        assert!(parts.iter().all(|part| text.contains(part)), "{word}: {text}");
        match verdict.told("sample", hashes, Golden::Enforced) {
            Ok(enforced) => assert!(told.is_golden() && enforced == told, "{told:?}"),
            Err(problem) => {
                assert_eq!((problem.outcome.code(), told.is_golden()), (4, false));
                assert_eq!(problem.what, told.sentence());
            }
        }
    }
    // What a person reads and approves is not what is hashed.
    let edits: [Edit; 4] = [
        |entries| entries[0].pin = Pin::File { sha256: Sha256::of("2"), size: 1 },
        |entries| entries[0].pin = Pin::File { sha256: Sha256::of(OLD), size: 2 },
        |entries| drop(entries.pop()),
        |entries| entries.push(entries[0].clone()),
    ];
    for edit in edits {
        let mut edited = golden.clone();
        edit(&mut edited.entries);
        let ledger = Ledger { target: [(target.to_string(), edited)].into() };
        let verdict = ledger.judge(&target, &golden);
        assert_eq!(verdict.word(), "contradictory", "{ledger:?}");
        let hashes = (Some(golden.nar_hash), golden.nar_hash);
        let problem = verdict.told("sample", hashes, Golden::Enforced).unwrap_err();
        assert_eq!(problem.outcome.code(), 4);
        assert!(problem.hint.unwrap().contains("bless sample"));
    }
    let other = Target::new("3.14", "macos").unwrap();
    assert_eq!(ledger.judge(&other, &golden), Verdict::Unknown);
}
