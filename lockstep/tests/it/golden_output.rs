//! The golden hash of the output: pinned by `bless`, held against every build, and the input that
//! changed is named.

use crate::cli::{PLAIN, Small, end};

const LEDGER: &str = "golden/small.toml";

/// The lines of the ledger that pin the output.
fn pinned(small: &Small) -> String {
    let ledger = fs_err::read_to_string(small.path(LEDGER)).unwrap();
    let (_, output) = ledger.split_once(".output]\n").unwrap();
    output.to_owned()
}

#[test]
fn another_output_than_the_golden_one_names_the_input_that_changed() {
    let small = Small::new(PLAIN);
    assert_eq!(small.build().json()["output-golden"], "unknown");
    let told = end(&mut small.builder(&["bless", "small"])).good();
    assert!(told.contains("output     sha256-") && told.contains("toolchain  sha256-"), "{told}");
    let ledger = fs_err::read_to_string(small.path(LEDGER)).unwrap();
    assert!(ledger.starts_with("# What phase 1 must bring. Written by `cargo xtask bless`"));
    let report = small.build().json();
    assert_eq!(report["output-golden"], "same");
    let hash = report["output-hash"].as_str().unwrap().to_owned();
    assert!(pinned(&small).starts_with(&format!("nar-hash = \"{hash}\"")), "{ledger}");
    let text = end(&mut small.builder(&["build", "small", "--no-out-link"]));
    assert!(text.stderr.contains(&format!("{hash} (golden)")), "{text:?}");
    assert!(text.stderr.contains("Debian forky, Python 3.14"), "{text:?}");
    // A change that reaches no byte is none.
    small.append("recipes/small.toml", "# a comment");
    assert_eq!(small.build().json()["output-golden"], "same");

    small.write("app/act.py", "def act():\n    return {'small.py': 'answer = 43\\n'}\n");
    let changed = small.build();
    let told =
        ["the output is not the golden one: recipe, source changed", &hash, "source: sha256-"];
    changed.bad(4, &told);
    changed.bad(4, &["`lockstep bless small", "`--no-golden`", "found"]);
    let report = end(&mut small.builder(&["--json", "build", "small", "--no-golden"])).json();
    assert_eq!(report["output-golden"], "changed");
    // What pins only the downloads leaves the rest as it is.
    let before = pinned(&small);
    end(&mut small.builder(&["bless", "small", "--fod-only"])).good();
    assert_eq!(pinned(&small), before);
    end(&mut small.builder(&["bless", "small"])).good();
    assert_eq!(small.build().json()["output-golden"], "same");
    assert!(pinned(&small) != before);
    // Nothing changed, and yet another hash: other words.
    let now = pinned(&small);
    let hash_now = now.lines().next().unwrap();
    small.replace(LEDGER, hash_now, &format!("nar-hash = \"{hash}\""));
    let told = ["although no input changed", "not reproducible", "this machine shows through"];
    small.build().bad(4, &told);
    let verified = end(&mut small.builder(&["verify-repro", "small"]));
    verified.bad(4, &["merge: no"]);
    let printed = format!("{}{}", verified.stdout, verified.stderr);
    assert!(printed.contains("output-hash"), "{printed}");
    assert!(printed.contains("although no input changed"), "{printed}");
}
