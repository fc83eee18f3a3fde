//! Small locks, each named after the rule that it shows; and the real one where it is at hand.

mod graph;
mod properties;

use super::*;

const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A lock whose root project is `app`; `packages` is more TOML.
fn lock(packages: &str) -> Lock {
    let text = format!("version = 1\nrequires-python = \">=3.12\"\n{packages}");
    Lock::parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

fn app(dependencies: &str) -> String {
    format!(
        "[[package]]\nname = \"app\"\nversion = \"1\"\nsource = {{ editable = \".\" }}\n\
         dependencies = [{dependencies}]\n"
    )
}

fn wheel(name: &str, version: &str, more: &str) -> String {
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
         source = {{ registry = \"https://index.example/simple\" }}\n\
         wheels = [{{ url = \"https://files.example/{name}-{version}-py3-none-any.whl\", \
         hash = \"{SHA}\" }}]\n{more}\n"
    )
}

fn resolved(lock: &Lock, selection: &Selection) -> Result<String, Problem> {
    let target = Target::new("3.14", "x86_64-manylinux_2_39").unwrap();
    let resolution = resolve(lock, &Pyproject::default(), &target, selection)?;
    let shown = resolution.distributions.iter().map(|it| {
        let version = it.version.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{} {version}", it.name)
    });
    Ok(shown.collect::<Vec<_>>().join(", "))
}

fn selection(extras: &[&str], groups: &[&str]) -> Selection {
    Selection {
        extras: extras.iter().map(|name| name.parse().unwrap()).collect(),
        groups: groups.iter().map(|name| name.parse().unwrap()).collect(),
        ..Selection::default()
    }
}

#[test]
fn cycles_end_and_markers_exclude() {
    let lock = lock(&format!(
        "{}{}{}{}",
        app("{ name = \"a\" }, { name = \"w\", marker = \"sys_platform == 'win32'\" }"),
        wheel("a", "1", "dependencies = [{ name = \"b\" }]"),
        wheel("b", "1", "dependencies = [{ name = \"a\" }]"),
        wheel("w", "1", ""),
    ));
    assert_eq!(resolved(&lock, &Selection::default()).unwrap(), "a 1, app 1, b 1");
}

#[test]
fn extras_and_groups_are_separate_namespaces() {
    let root = app("{ name = \"a\" }");
    let lock = lock(&format!(
        "{root}[package.optional-dependencies]\nmore = [{{ name = \"b\" }}]\n\
         [package.dev-dependencies]\nmore = [{{ name = \"c\" }}]\n\
         [package.metadata]\nprovides-extras = [\"more\", \"empty\"]\n{}{}{}",
        wheel("a", "1", ""),
        wheel("b", "1", ""),
        wheel("c", "1", ""),
    ));
    for (extras, groups, expected) in [
        (&[][..], &[][..], "a 1, app 1"),
        (&["more"], &[], "a 1, app 1, b 1"),
        (&[], &["more"], "a 1, app 1, c 1"),
        (&["empty"], &[], "a 1, app 1"),
    ] {
        assert_eq!(resolved(&lock, &selection(extras, groups)).unwrap(), expected);
    }
    let problem = resolved(&lock, &selection(&["mor"], &[])).unwrap_err();
    assert_eq!(problem.hint.as_deref(), Some("did you mean `more`?"));
    assert!(resolved(&lock, &selection(&[], &["empty"])).is_err());
}

#[test]
fn edges_choose_by_version_and_source() {
    let other = wheel("a", "2", "").replace("index.example", "other.example");
    let lock = lock(&format!(
        "{}{}{}{other}",
        app("{ name = \"a\", version = \"2\", \
             source = { registry = \"https://other.example/simple\" } }"),
        wheel("a", "1", ""),
        wheel("a", "2", ""),
    ));
    assert_eq!(resolved(&lock, &Selection::default()).unwrap(), "a 2, app 1");
    let target = Target::new("3.14", "linux").unwrap();
    let resolution = resolve(&lock, &Pyproject::default(), &target, &Selection::default()).unwrap();
    let Artifact::Wheel(_) = &resolution.distributions[0].artifact else { panic!("no wheel") };
}

#[test]
fn forks_are_chosen_by_resolution_markers() {
    let fork = |marker: &str| format!("resolution-markers = [\"python_full_version {marker}\"]");
    let lock = lock(&format!(
        "{}{}{}",
        app("{ name = \"a\" }"),
        wheel("a", "1", &fork("< '3.14'")),
        wheel("a", "2", &fork(">= '3.14'")),
    ));
    assert_eq!(resolved(&lock, &Selection::default()).unwrap(), "a 2, app 1");
}

fn conflicting() -> Lock {
    let edge = |version: &str, extra: &str| {
        format!(
            "{{ name = \"a\", version = \"{version}\", \
             source = {{ registry = \"https://index.example/simple\" }}, \
             marker = \"extra == 'extra-3-app-{extra}'\" }}"
        )
    };
    lock(&format!(
        "conflicts = [[{{ package = \"app\", extra = \"x\" }}, \
         {{ package = \"app\", extra = \"y\" }}]]\n{}\
         [package.optional-dependencies]\nx = [{}]\ny = [{}]\n{}{}",
        app(""),
        edge("1", "x"),
        edge("2", "y"),
        wheel("a", "1", ""),
        wheel("a", "2", ""),
    ))
}

#[test]
fn one_conflicting_branch_works_none_works_and_two_are_named() {
    let lock = conflicting();
    assert_eq!(resolved(&lock, &selection(&["x"], &[])).unwrap(), "a 1, app 1");
    assert_eq!(resolved(&lock, &selection(&["y"], &[])).unwrap(), "a 2, app 1");
    assert_eq!(resolved(&lock, &Selection::default()).unwrap(), "app 1");
    let problem = resolved(&lock, &selection(&["x", "y"], &[])).unwrap_err().to_string();
    assert!(problem.contains("`app[x]`") && problem.contains("`app[y]`"), "{problem}");
}

#[test]
fn what_cannot_be_resolved_is_said() {
    let bare = "[[package]]\nname = \"a\"\nversion = \"1\"\n\
                source = { registry = \"https://index.example/simple\" }\n";
    let mac = "wheels = [{ url = \"https://f.example/a-1-cp314-cp314-macosx_11_0_arm64.whl\", \
               hash = \"sha256:00\" }]";
    let hashless = "sdist = { url = \"https://f.example/a-1.tar.gz\" }";
    let md5 = "sdist = { url = \"https://f.example/a-1.tar.gz\", hash = \"md5:00\" }";
    for (more, expected) in [
        (mac, "a-1-cp314-cp314-macosx_11_0_arm64.whl"),
        (mac, "cp314-cp314-manylinux_2_39_x86_64"),
        ("", "no wheel"),
        (hashless, "`a-1.tar.gz` of `a 1` is not pinned"),
        (md5, "only sha256 pins a file here"),
    ] {
        let lock = lock(&format!("{}{bare}{more}\n", app("{ name = \"a\" }")));
        let problem = resolved(&lock, &Selection::default()).unwrap_err();
        assert!(problem.to_string().contains(expected), "{more}: {problem}");
        assert!(problem.hint.is_some(), "{more}");
    }
}

/// What a recipe's override takes, whatever `no-binary` says.
#[test]
fn a_recipe_chooses_wheel_sdist_or_another_source() {
    use base::recipe::Choice;
    use base::vocabulary::digest::Sri;

    /// Lock, name, whether it is `no-binary`, the choice, and the kind or words of the error.
    type Case<'a> = (&'a Lock, &'a str, bool, Option<Choice>, Result<&'a str, &'a str>);

    let sdist =
        format!("sdist = {{ url = \"https://files.example/a-1.tar.gz\", hash = \"{SHA}\" }}");
    let both = lock(&format!("{}{}", app("{ name = \"a\" }"), wheel("a", "1", &sdist)));
    let only_wheel = lock(&format!("{}{}", app("{ name = \"a\" }"), wheel("a", "1", "")));
    let sha256 = Sha256::of("x");
    let url = "https://code.example/a-1.zip".parse().unwrap();
    let archive = Choice::Archive { url, sha256 };
    let tree = Choice::Tree { path: "sources/a".into(), nar_hash: Sri(sha256) };
    let cases: [Case<'_>; 9] = [
        (&both, "a", false, None, Ok("wheel")),
        (&both, "a", true, None, Ok("sdist")),
        (&both, "a", true, Some(Choice::Wheel), Ok("wheel")),
        (&both, "a", false, Some(Choice::Sdist), Ok("sdist")),
        (&both, "a", false, Some(archive), Ok("url")),
        (&both, "a", false, Some(tree), Ok("tree")),
        (&only_wheel, "a", false, Some(Choice::Sdist), Err("`override.a.prefer`")),
        (&only_wheel, "a", true, None, Err("it is `no-binary`")),
        (&both, "app", false, Some(Choice::Wheel), Err("it comes from no index")),
    ];
    let target = Target::new("3.14", "x86_64-manylinux_2_39").unwrap();
    for (lock, name, no_binary, choice, expected) in cases {
        let name: PackageName = name.parse().unwrap();
        let no_binary = no_binary.then(|| [name.clone()].into());
        let what = format!("{name} {no_binary:?} {choice:?}");
        let choices = choice.into_iter().map(|choice| (name.clone(), choice)).collect();
        let selection = Selection { no_binary, choices, ..Selection::default() };
        let found = resolve(lock, &Pyproject::default(), &target, &selection);
        match (found, expected) {
            (Ok(found), Ok(kind)) => {
                assert_eq!(found.get(&name).unwrap().artifact.kind(), kind, "{what}");
            }
            (Err(problem), Err(words)) => {
                let text = format!("{problem} {}", problem.hint.clone().unwrap_or_default());
                assert!(text.contains(words), "{what}: {text}");
            }
            (found, _) => panic!("{what}: {found:?}"),
        }
    }
}

#[test]
fn a_target_that_was_not_locked_for_is_refused() {
    let lock = lock(&format!("supported-markers = [\"sys_platform == 'darwin'\"]\n{}", app("")));
    for (python, platform, expected) in
        [("3.11", "macos", "requires-python"), ("3.14", "linux", "not locked for this platform")]
    {
        let target = Target::new(python, platform).unwrap();
        let problem = resolve(&lock, &Pyproject::default(), &target, &Selection::default());
        assert!(problem.unwrap_err().to_string().contains(expected));
    }
}

#[test]
fn local_paths_stay_below_the_lock() {
    for source in
        ["editable = \"../a\"", "directory = \"/etc\"", "path = \"x/../../a-1-py3-none-any.whl\""]
    {
        let wheels =
            format!("wheels = [{{ filename = \"a-1-py3-none-any.whl\", hash = \"{SHA}\" }}]");
        let package = format!(
            "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ {source} }}\n{wheels}\n"
        );
        let lock = lock(&format!("{}{package}", app("{ name = \"a\" }")));
        let problem = resolved(&lock, &Selection::default()).unwrap_err().to_string();
        assert!(problem.contains("outside of the source tree"), "{source}: {problem}");
    }
}

/// The real lock, where it is at hand: all 180 distributions of authentik 2026.2.0.
#[test]
fn authentik_resolves_as_uv_does() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/locks");
    let Ok(text) = fs_err::read_to_string(dir.join("authentik-2026.2.0.uv.lock")) else {
        return; // This folder is not part of the project.
    };
    let expected = dir.join("authentik-2026.2.0.x86_64-cp314.json");
    let expected: serde_json::Value =
        serde_json::from_str(&fs_err::read_to_string(expected).unwrap()).unwrap();
    let target = Target::new("3.14", "x86_64-manylinux_2_39").unwrap();
    let no_binary = ["lxml", "xmlsec"].map(|name| name.parse().unwrap());
    let selection =
        Selection { no_binary: Some(no_binary.into_iter().collect()), ..Selection::default() };
    let lock = Lock::parse(&text).unwrap();
    assert!(lock.unknown_keys.is_empty(), "{:?}", lock.unknown_keys);
    let resolution = resolve(&lock, &Pyproject::default(), &target, &selection).unwrap();
    let json = serde_json::to_value(resolution.to_json()).unwrap();
    let found = json["packages"].as_array().unwrap();
    assert_eq!(found.len(), 180);
    for (found, expected) in found.iter().zip(expected["packages"].as_array().unwrap()) {
        assert_eq!(found, expected);
    }
}
