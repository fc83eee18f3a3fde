//! Round trips, what is refused, staleness and changes.

use super::*;

fn package(name: &str, version: &str) -> LockedPackage {
    LockedPackage {
        package: SystemPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: "amd64".to_owned(),
            sha256: Sha256::of(format!("{name} {version}")),
        },
        size: 1,
        path: format!(
            "pool/main/{}/{name}/{name}_{}_amd64.deb",
            &name[..1],
            version.rsplit(':').next().unwrap()
        ),
    }
}

fn locked(packages: &[(&str, &str)]) -> LockedToolchain {
    LockedToolchain {
        provider: Provider::Debian,
        suite: "forky".to_owned(),
        architecture: "amd64".to_owned(),
        wanted: ["g++".to_owned(), "gcc".to_owned()].into(),
        uv: LockedUv {
            version: "0.13.9".to_owned(),
            file: "uv-0.13.9-py3-none-any.whl".to_owned(),
            sha256: Sha256::of("uv"),
            size: 2,
        },
        packages: packages.iter().map(|(name, version)| package(name, version)).collect(),
    }
}

fn lock(packages: &[(&str, &str)]) -> ToolchainLock {
    let target = "cp314-x86_64-manylinux_2_39".to_owned();
    ToolchainLock { targets: [(target, locked(packages))].into() }
}

const PACKAGES: [(&str, &str); 3] = [("attr", "1:2.6.0-1"), ("g++", "4:16~rc1+b2"), ("gcc", "16")];

#[test]
fn what_is_written_is_read_again() {
    let lock = lock(&PACKAGES);
    let text = lock.to_toml();
    let read = ToolchainLock::parse("x", &text).unwrap();
    assert_eq!(read, lock);
    assert_eq!(read.to_toml(), text);
    assert!(!text.contains("://"), "{text}");
}

#[test]
fn hostile_words_are_refused_with_their_key() {
    let text = lock(&PACKAGES).to_toml();
    for (from, to, told) in [
        ("version = 1", "version = 2", "its version"),
        ("\"debian\"", "\"host\"", "only packages of Debian"),
        ("\"forky\"", "\"for ky\"", "`suite`"),
        ("name = \"gcc\"", "name = \"-oDir=/\"", "`name`"),
        ("name = \"gcc\"", "name = \"g++\"", "locked twice"),
        ("version = \"16\"", "version = \"$(x)\"", "`version`"),
        ("pool/main/g/gcc/", "pool/../../etc/", "`path`"),
        ("pool/main/g/gcc/", "/pool/main/g/gcc/", "`path`"),
        ("pool/main/g/gcc/", "http://h.example/pool/", "`path`"),
        ("uv-0.13.9-py3", "../uv-0.13.9-py3", "`uv`"),
        ("    \"g++\",", "    \"g++\\u001b[2J\",", "`wanted`"),
        ("size = 2", "size = 2, more = 1", "unknown field"),
    ] {
        assert!(text.contains(from), "{from}");
        let problem = ToolchainLock::parse("x", &text.replacen(from, to, 1)).unwrap_err();
        assert!(problem.to_string().contains(told), "{to}: {problem}");
        assert!(problem.hint.is_some(), "{problem}");
    }
}

type Change = fn(&mut ToolchainDemands);

#[test]
fn each_demand_that_changed_is_named() {
    let locked = locked(&PACKAGES);
    let fitting = ToolchainDemands {
        suite: locked.suite.clone(),
        architecture: locked.architecture.clone(),
        wanted: locked.wanted.clone(),
        uv: locked.uv.clone(),
    };
    assert!(locked.staleness(&fitting).is_empty());
    let changed: [(Change, &str); 5] = [
        (|it| it.suite = "sid".to_owned(), "suite: locked `forky`, wanted `sid`"),
        (|it| it.wanted = ["gcc".to_owned()].into(), "package `g++`: locked, no longer wanted"),
        (|it| assert!(it.wanted.insert("perl".to_owned())), "package `perl`: wanted, not locked"),
        (|it| it.uv.version = "1".to_owned(), "uv: locked `0.13.9`, wanted `1`"),
        (|it| it.uv.size = 3, "uv: another file of 0.13.9"),
    ];
    for (change, told) in changed {
        let mut demands = fitting.clone();
        change(&mut demands);
        let stale = locked.staleness(&demands);
        assert!(stale.len() == 1 && stale[0].contains(told), "{stale:?}");
    }
    let target = Target::new("3.14", "aarch64-manylinux_2_39").unwrap();
    let problem = lock(&PACKAGES).of(&target, &fitting).unwrap_err();
    assert!(problem.to_string().contains("not locked for"), "{problem}");
}

#[test]
fn changes_are_told_by_package() {
    let old = lock(&PACKAGES);
    let mut new = lock(&[("attr", "1:2.6.0-1"), ("gcc", "17"), ("make", "4")]);
    let at = new.targets.values_mut().next().unwrap();
    at.packages[0].package.sha256 = Sha256::of("other");
    let told = old.changes(&new).join("\n");
    for line in [
        "attr: 1:2.6.0-1, the same version with other bytes",
        "g++: gone, was 4:16~rc1+b2",
        "gcc: 16 → 17",
        "make: new, 4",
    ] {
        assert!(told.contains(&format!("cp314-x86_64-manylinux_2_39  {line}")), "{told}");
    }
    assert!(old.changes(&old).is_empty());
    // What a ledger pins of one target does not depend on others.
    assert_eq!(locked(&PACKAGES).digest(), old.targets.values().next().unwrap().digest());
    assert_ne!(old.targets.values().next(), new.targets.values().next());
}
