//! What needs neither network nor a root: which provider wins, and what is said when none does.

use super::*;
use base::sys::env::Environment;
use base::vocabulary::progress::Silent;

fn settings() -> DebianSettings {
    DebianSettings { suite: "forky".to_owned(), packages: BTreeSet::new(), mirrors: Vec::new() }
}

#[test]
fn without_any_provider_each_says_why_not() {
    let empty = tempfile::tempdir().unwrap();
    let environment = Environment::of([("PATH", empty.path().to_str().unwrap())]);
    let cache = empty.path().join("cache");
    let host = Host { environment: &environment, cache: &cache, progress: &Silent };
    let here = rustix::system::uname().machine().to_string_lossy().into_owned();
    let settings = settings();
    let wanted = Wanted {
        given: None,
        providers: &[Provider::Debian, Provider::Host],
        debian: &settings,
        system_packages: BTreeSet::new(),
        python: (3, 14),
        machine: &here,
        locked: None,
        refresh: false,
        check: base::store::Check::Stamps,
    };
    let text = provide(&wanted, &host).unwrap_err().to_string();
    for part in ["debian", "`apt-get`", "host", "`python3`", "hint:"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let foreign = Wanted { machine: "pdp11", ..wanted };
    let problem = provide(&foreign, &host).unwrap_err();
    assert!(problem.to_string().contains(&here), "{problem}");
}
