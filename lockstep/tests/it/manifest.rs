//! The manifest of an output, and the check of versions.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use base::vocabulary::Sha256;
use builder::finish::layout::Linked;
use builder::finish::manifest::{Done, InstalledFrom, Kind, Manifest, check_versions, installed};
use builder::install::collisions::{Collision, Decision};
use builder::install::output::Output;

use crate::wheels_fixture::{SITE_PACKAGES, Wheel, install, output};

fn two_installed(dir: &std::path::Path) -> Output {
    let output = output(dir);
    let alpha =
        Wheel::new("Alpha_One", "1.0").file("alpha.py", "12345").scripts("run = alpha:f").metadata(
            "Name: Alpha.One\nVersion: 1.0\nLicense-Expression: MIT\nRequires-Dist: zeta>1\n\
             Requires-Dist: beta\n\nText",
        );
    let beta = Wheel::new("beta", "2.0");
    install(&output, [&alpha.open(dir), &beta.open(dir)]);
    output
}

fn from(name: &str, version: &str) -> InstalledFrom {
    InstalledFrom {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        kind: Kind::Wheel,
        origin: format!("{name}-{version}-py3-none-any.whl"),
        sha256: Sha256::of(name),
    }
}

#[test]
fn a_manifest_is_sorted_and_can_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let output = two_installed(dir.path());
    let link = |path: &str| Linked { path: path.into(), target: "t".into() };
    let collision = Collision {
        path: "p".into(),
        providers: vec!["alpha-one".parse().unwrap(), "beta".parse().unwrap()],
        same_bytes: false,
        decision: Decision::Winner("beta".parse().unwrap()),
    };
    let done =
        Done { collisions: vec![collision], links: vec![link("b"), link("a")], ..Done::default() };
    let forwards = [from("alpha-one", "1.0"), from("beta", "2.0")];
    let backwards = [from("beta", "2.0"), from("alpha-one", "1.0")];
    let manifest = Manifest::new(&output, "t", &forwards, done.clone()).unwrap();
    let text = manifest.to_json();
    assert_eq!(Manifest::new(&output, "t", &backwards, done).unwrap().to_json(), text);
    assert_eq!(Manifest::parse(&text).unwrap(), manifest);
    assert!(!text.contains(dir.path().to_str().unwrap()));
    let alpha = &manifest.distributions[0];
    assert_eq!(alpha.requires, ["beta", "zeta>1"]);
    assert_eq!(alpha.licence.as_deref(), Some("MIT"));
    assert_eq!(alpha.entry_points["console_scripts"]["run"], "alpha:f");
    // alpha.py, bin/run, METADATA, WHEEL, entry_points.txt, RECORD
    assert_eq!(alpha.files, 6);
    assert_eq!(manifest.links[0].path, "a");
    let other = text.replace("\"version\": 1,", "\"version\": 2,");
    assert!(Manifest::parse(&other).unwrap_err().to_string().contains("expected  version 1"));
}

/// Foreign code could lead the host out of the output, or to what never ends.
#[test]
fn links_in_place_of_metadata_are_not_followed() {
    for file in ["METADATA", "RECORD", "entry_points.txt"] {
        let dir = tempfile::tempdir().unwrap();
        let output = two_installed(dir.path());
        let dist_info = output.root.join(SITE_PACKAGES).join("Alpha_One-1.0.dist-info");
        fs_err::rename(dist_info.join(file), dir.path().join(file)).unwrap();
        symlink(dir.path().join(file), dist_info.join(file)).unwrap();
        let problem = installed(&output).unwrap_err();
        let cause = std::error::Error::source(&problem).unwrap().to_string();
        assert!(cause.contains(file) && cause.contains("symbolic link"), "{file}: {cause}");
    }
    let dir = tempfile::tempdir().unwrap();
    let output = two_installed(dir.path());
    let dist_info = output.root.join(SITE_PACKAGES).join("beta-2.0.dist-info");
    fs_err::rename(&dist_info, dir.path().join("beta")).unwrap();
    symlink(dir.path().join("beta"), dist_info).unwrap();
    assert_eq!(installed(&output).unwrap().len(), 1);
}

#[test]
fn what_is_installed_must_be_the_resolution() {
    let dir = tempfile::tempdir().unwrap();
    let output = two_installed(dir.path());
    let found = installed(&output).unwrap();
    let expected = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    };
    check_versions(&expected(&[("alpha-one", "1.0.0"), ("beta", "2")]), &found).unwrap();
    let wrong = expected(&[("gamma", "3"), ("alpha-one", "1.1")]);
    assert_eq!(
        check_versions(&wrong, &found).unwrap_err().to_string(),
        "what is installed is not what was resolved\n  missing     gamma 3\n  unexpected  beta \
         2.0\n  different   alpha-one 1.1, installed 1.0"
    );
}

#[test]
fn a_distribution_that_is_installed_twice_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let output = two_installed(dir.path());
    install(&output, [&Wheel::new("beta", "2.1").open(dir.path())]);
    let problem = installed(&output).unwrap_err();
    assert!(problem.to_string().contains("`beta` is installed twice"), "{problem}");
}
