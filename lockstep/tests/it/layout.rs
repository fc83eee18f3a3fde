//! Copies, links, and the one shape of all outputs.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use base::recipe::{CopyRule, LinkRule};
use base::sys::tree::SOURCE_DATE_EPOCH;
use base::vocabulary::Problem;
use builder::finish::layout::{self, CopiedContent};
use builder::finish::variables::Variables;
use builder::install::output::Output;
use fs_err as fs;

use crate::wheels_fixture::output;

fn source(dir: &Path) -> PathBuf {
    let source = dir.join("source");
    for (path, content, mode) in [
        ("lifecycle/ak", "#!/usr/bin/env -S bash\necho\n", 0o700),
        ("lifecycle/migrate.py", "#!/usr/bin/env python\n", 0o600),
        ("lifecycle/tests/a.py", "", 0o644),
        ("lifecycle/__pycache__/a.pyc", "", 0o644),
        ("lifecycle/.git/HEAD", "", 0o644),
        ("manage.py", "#!/usr/bin/env python\n", 0o6755),
    ] {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    source
}

fn rule(from: &str, to: &str) -> CopyRule {
    CopyRule { from: from.into(), to: to.into(), exclude: vec![], executable: vec![] }
}

fn copied(
    output: &Output,
    source: &Path,
    rules: &[CopyRule],
) -> Result<Vec<layout::Copied>, Problem> {
    let variables = Variables::new(output, &BTreeMap::new());
    let shebangs = [("python", "@python@"), ("bash", "/bin/bash")];
    let shebangs = shebangs.map(|(name, path)| (name.to_owned(), path.to_owned())).into();
    layout::copy(output, source, rules, &shebangs, &variables)
}

#[test]
fn trees_are_copied_with_plain_modes_and_rewritten_shebangs() {
    let dir = tempfile::tempdir().unwrap();
    let (source, output) = (source(dir.path()), output(dir.path()));
    symlink("ak", source.join("lifecycle/again")).unwrap();
    let lifecycle = CopyRule {
        exclude: vec!["tests/".into()],
        executable: vec!["migrate.py".into()],
        ..rule("lifecycle", "@site-packages@/lifecycle")
    };
    let rules = [lifecycle, rule("manage.py", "manage.py")];
    let told = copied(&output, &source, &rules).unwrap();
    let shown: Vec<String> = told
        .iter()
        .map(|one| match &one.content {
            CopiedContent::File { executable, shebang, .. } => {
                let line = shebang.as_ref().map_or("", |shebang| shebang.to.as_str());
                format!("{} {} {executable} {line}", one.from, one.to)
            }
            CopiedContent::Link { target } => format!("{} {} -> {target}", one.from, one.to),
        })
        .collect();
    let to = "lib/python3.14/site-packages/lifecycle";
    assert_eq!(
        shown,
        [
            format!("lifecycle/again {to}/again -> ak"),
            format!("lifecycle/ak {to}/ak true #!/bin/bash"),
            format!("lifecycle/migrate.py {to}/migrate.py true #!/opt/x/bin/python"),
            "manage.py manage.py true #!/opt/x/bin/python".to_owned(),
        ]
    );
    let ak = output.root.join(to).join("ak");
    assert_eq!(fs::read_to_string(&ak).unwrap(), "#!/bin/bash\necho\n");
    assert_eq!(fs::metadata(output.root.join("manage.py")).unwrap().mode() & 0o7777, 0o755);
    // Again: all is there already, with the same bytes.
    assert_eq!(copied(&output, &source, &rules).unwrap(), told);
}

#[test]
fn copies_that_would_surprise_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (source, output) = (source(dir.path()), output(dir.path()));
    fs::write(output.root.join("taken"), "installed").unwrap();
    for (name, target) in [("out", "../manage.py"), ("absolute", "/etc"), ("dangling", "nowhere")] {
        fs::create_dir_all(source.join(name)).unwrap();
        symlink(target, source.join(name).join("link")).unwrap();
    }
    fs::create_dir_all(source.join("through/tests")).unwrap();
    fs::write(source.join("through/file"), "").unwrap();
    symlink("tests/../file", source.join("through/link")).unwrap();
    let through = CopyRule { exclude: vec!["tests".into()], ..rule("through", "t") };
    let excluded = CopyRule { exclude: vec!["tests".into()], ..rule("excluded", "e") };
    fs::create_dir_all(source.join("excluded/tests")).unwrap();
    symlink("tests", source.join("excluded/link")).unwrap();
    let executable = CopyRule { executable: vec!["migrat.py".into()], ..rule("lifecycle", "l") };
    for (rule, expected) in [
        (rule("lifecicle", "x"), "there is no `lifecicle`"),
        (executable, "there is no `lifecycle/migrat.py`"),
        (rule("manage.py", "taken"), "has another `taken` already"),
        (rule("manage.py", "lib"), "something else at `lib`"),
        (rule("lifecycle", "taken"), "something else at `taken`"),
        (rule("../source/manage.py", "x"), "leads outside"),
        (rule("manage.py", "../x"), "leads outside"),
        (rule("manage.py", "/etc/x"), "not in the output"),
        (rule("out", "o"), "outside of what is copied"),
        (rule("absolute", "a"), "outside of what is copied"),
        (rule("dangling", "d"), "outside of what is copied"),
        (through, "outside of what is copied"),
        (excluded, "outside of what is copied"),
    ] {
        let problem = copied(&output, &source, std::slice::from_ref(&rule)).unwrap_err();
        assert!(problem.to_string().contains(expected), "{rule:?}: {problem}");
    }
    let problem = copied(&output, &source, &[rule("lifecicle", "x")]).unwrap_err();
    assert_eq!(problem.hint.as_deref(), Some("did you mean `lifecycle`?"));
    assert_eq!(fs::read_to_string(output.root.join("taken")).unwrap(), "installed");
}

#[test]
fn links_are_relative_and_lead_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let output = output(dir.path());
    let variables = Variables::new(&output, &BTreeMap::new());
    let link = |path: &str, target: &str| {
        let rule = LinkRule { path: path.into(), target: target.into() };
        layout::link(&output, &[rule], &variables)
    };
    fs::write(output.root.join("lib/a"), "a").unwrap();
    let made = link("deep/er/link", "@out@/lib/a").unwrap();
    assert_eq!(made[0].target, "../../lib/a");
    assert_eq!(fs::read_to_string(output.root.join("deep/er/link")).unwrap(), "a");
    for (path, target, expected) in [
        ("deep/er/link", "lib/a", "has a `deep/er/link` already"),
        ("x", "lib/b", "no `lib/b` in the output"),
        ("../x", "lib/a", "not a path inside"),
        ("x", "/etc/passwd", "not in the output"),
    ] {
        let problem = link(path, target).unwrap_err();
        assert!(problem.to_string().contains(expected), "{path}: {problem}");
    }
}

#[test]
fn normalised_outputs_have_one_shape() {
    let dir = tempfile::tempdir().unwrap();
    let output = output(dir.path());
    let file = output.root.join("lib/file");
    let program = output.root.join("lib/program");
    let cached = dir.path().join("cached");
    for (path, mode) in [(&file, 0o600), (&program, 0o6711), (&cached, 0o444)] {
        fs::write(path, "content").unwrap();
        fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::hard_link(&cached, output.root.join("linked")).unwrap();
    fs::write(output.root.join(".lock"), "").unwrap();
    symlink("lib/file", output.root.join("link")).unwrap();
    fs::create_dir(output.root.join("private")).unwrap();
    let private = std::fs::Permissions::from_mode(0o700);
    fs::set_permissions(output.root.join("private"), private).unwrap();
    layout::normalise(&output).unwrap();
    for (path, mode) in [
        ("", 0o755),
        ("private", 0o755),
        ("lib/file", 0o644),
        ("lib/program", 0o755),
        ("linked", 0o644),
        ("link", 0o777),
    ] {
        let metadata = fs::symlink_metadata(output.root.join(path)).unwrap();
        assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (SOURCE_DATE_EPOCH, 0), "{path}");
    }
    assert!(!output.root.join(".lock").exists());
    // The other name of a hard link is not the output's.
    let metadata = fs::metadata(&cached).unwrap();
    assert!(metadata.mode() & 0o777 == 0o444 && metadata.mtime() != SOURCE_DATE_EPOCH);
    assert_eq!(fs::read_to_string(output.root.join("linked")).unwrap(), "content");
}
