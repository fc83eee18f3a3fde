//! `listing`, and what another machine makes of it.

use std::os::unix::fs::PermissionsExt as _;

use crate::cli::{PLAIN, Small, end};

const PAIR: &str = "def act():\n    return {'small.py': 'answer = 42\\n', 'big.py': 'x = 1\\n'}\n";

#[test]
fn another_machine_compares_its_build_with_a_listing_or_a_ledger() {
    let small = Small::new(PAIR);
    let file = small.path("there.listing.gz").display().to_string();
    let told = end(&mut small.builder(&["listing", "small", "-o", &file])).good();
    assert!(told.contains("wrote ") && told.contains("root "), "{told}");
    end(&mut small.builder(&["bless", "small"])).good();
    let ledger = small.path("there.toml").display().to_string();
    fs_err::copy(small.path("golden/small.toml"), &ledger).unwrap();
    let against = |it: &str| end(&mut small.builder(&["verify-repro", "small", "--against", it]));
    for it in [&file, &ledger] {
        let told = against(it).good();
        assert!(told.contains("merge: yes"), "{told}");
    }
    // Another machine builds something else.
    small.write("app/act.py", PLAIN);
    small.replace("app/act.py", "42", "43");
    let told = [
        "not reproduced: ",
        "small 1.0",
        "lib/python3.14/site-packages/small.py: content differs (12 bytes)",
        "lib/python3.14/site-packages/big.py: only there",
        "`lockstep verify-repro small",
    ];
    against(&file).bad(3, &told);
    against(&ledger).bad(3, &["not reproduced: the output is another one", "listing"]);
    let arguments = ["--json", "verify-repro", "small", "--against", &file];
    let json = end(&mut small.builder(&arguments));
    assert_eq!(json.code, Some(3));
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let differences = json["differences"].as_array().unwrap();
    let big = differences.iter().find(|it| it["path"].as_str().unwrap().ends_with("/big.py"));
    assert_eq!(big.unwrap()["distribution"], "small 1.0");
    assert_eq!(big.unwrap()["how"], "only-there");
    // A listing of something else, and what is none.
    small.append("recipes/small.toml", "prefix = '/srv/small'");
    let moved = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
    let moved = moved.replacen("prefix = '/srv/small'", "", 1);
    small.write("recipes/small.toml", &format!("prefix = '/srv/small'\n{moved}"));
    against(&file).bad(2, &["is of another output", "/opt/small", "/srv/small"]);
    let bytes = fs_err::read(&file).unwrap();
    fs_err::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    fs_err::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    against(&file).bad(2, &["is no listing of an output"]);
    fs_err::write(&file, "version = 1\n").unwrap();
    against(&file).bad(1, &["cannot read the ledger"]);
}
