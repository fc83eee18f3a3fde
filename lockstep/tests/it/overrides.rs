//! Overrides that change what is built and installed: skipped paths, source patches, replaced
//! sources and winners of collisions, and what provenance says of them. What an override of the
//! choice between wheel and sdist does is tested with `resolve`, mistakes with `recipe`.

use std::path::Path;

use base::recipe::{PathPattern, Recipe};
use serde_json::{Value, json};

use crate::cli::{Small, end, installed};
use crate::wheels_fixture::{SITE_PACKAGES, Wheel, install, output, true_record_lines};

/// Patterns, and the files that are left, or words of the error.
type Skip = (&'static str, &'static [&'static str], Result<&'static [&'static str], &'static str>);

#[rustfmt::skip]
const SKIPS: [Skip; 15] = [
    ("skip below a single provider: a file", &["pkg/sub/deep/a.txt"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/sub/deep/b.txt", "pkg/tests/t.py"])),
    ("skip below a single provider: a directory with all below it", &["pkg/sub"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/tests/t.py"])),
    ("a directory, with a slash at its end", &["pkg/sub/"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/tests/t.py"])),
    ("`*` is one component", &["pkg/*/deep"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/tests/t.py"])),
    ("`*` is not more than one", &["pkg/*.txt"], Err("it installs nothing of that name")),
    ("`**` is any number", &["pkg/**/*.txt"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/tests/t.py"])),
    ("`**` is also none", &["**/docs", "**/tests"], Ok(&["bin/run", "pkg/__init__.py", "pkg/sub/deep/a.txt", "pkg/sub/deep/b.txt"])),
    ("`?` is one letter", &["pkg/sub/deep/?.txt"], Ok(&["bin/run", "docs/x", "pkg/__init__.py", "pkg/tests/t.py"])),
    ("a path in the output", &["lib/python3.14/site-packages/docs"], Ok(&["bin/run", "pkg/__init__.py", "pkg/sub/deep/a.txt", "pkg/sub/deep/b.txt", "pkg/tests/t.py"])),
    ("a script that the installer would make", &["bin/run"], Ok(&["docs/x", "pkg/__init__.py", "pkg/sub/deep/a.txt", "pkg/sub/deep/b.txt", "pkg/tests/t.py"])),
    ("several", &["docs", "pkg/tests", "bin/*"], Ok(&["pkg/__init__.py", "pkg/sub/deep/a.txt", "pkg/sub/deep/b.txt"])),
    ("a part of a name is no name", &["pk"], Err("installs nothing of that name")),
    ("what makes it a distribution", &["alpha-1.0.dist-info/METADATA"], Err("no distribution without it")),
    ("all that makes it a distribution", &["*.dist-info"], Err("no distribution without it")),
    ("what makes it a distribution, by accident", &["**/*.txt"], Err("no distribution without it")),
];

fn patterns(texts: &[&str]) -> Vec<PathPattern> {
    let text = format!(
        "source = {{ path = 'x' }}\ntarget = {{ python = '3.14', platforms = ['linux'] }}\n\
         [override.alpha]\nskip = {texts:?}"
    );
    let unused = |_: &str| unreachable!("there are no patches");
    let recipe = Recipe::parse("x", &text, &unused).unwrap();
    recipe.overrides.into_values().next().unwrap().skip
}

/// What is installed of a wheel without what is skipped; its `RECORD` is true.
fn left(skip: &[&str], dir: &Path) -> Result<Vec<String>, String> {
    let wheel = Wheel::new("alpha", "1.0")
        .file("pkg/__init__.py", "")
        .file("pkg/sub/deep/a.txt", "a")
        .file("pkg/sub/deep/b.txt", "b")
        .file("pkg/tests/t.py", "")
        .file("docs/x", "x")
        .scripts("run = pkg:f")
        .open(dir);
    let into = dir.join("without");
    let found = wheel
        .without(&patterns(skip), SITE_PACKAGES, &into)
        .map_err(|problem| format!("{problem} {}", problem.hint.clone().unwrap_or_default()))?;
    let (without, skipped) = found;
    without.verify().map_err(|problem| problem.to_string())?;
    let output = output(dir);
    install(&output, [&without]);
    let listed = true_record_lines(&output);
    for path in &skipped {
        assert!(!output.root.join(path).exists(), "`{path}` is installed");
    }
    assert_eq!(wheel.files.len(), without.files.len() + skipped.len());
    let name = |line: &String| line.split_once(": ").unwrap().1.replace("../../../", "");
    let mut left: Vec<String> = listed.iter().map(name).collect();
    left.sort();
    Ok(left)
}

#[test]
fn what_is_skipped_is_not_installed() {
    let mut wrong = Vec::new();
    for (name, skip, expected) in SKIPS {
        let dir = tempfile::tempdir().unwrap();
        match (left(skip, dir.path()), expected) {
            (Ok(found), Ok(expected)) if found == expected => {}
            (Err(found), Err(words)) if found.contains(words) => {}
            (found, _) => wrong.push(format!("{name}: {found:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A module that says where it comes from; `docs/note.txt` is everybody's.
fn project(name: &str, from: &str) -> String {
    format!(
        "import os\n\nFROM = '{from}'\n\n\ndef act():\n    return {{\n        \
         '{name}.txt': FROM + os.environ.get('MORE', ''),\n        \
         '{name}_only/deep/here.txt': '',\n        '{name}_only/deep/there.txt': '',\n        \
         'docs/note.txt': '{name}',\n    }}\n"
    )
}

const PATCH: &str = "--- a/act.py\n+++ b/act.py\n@@ -1,5 +1,5 @@\n import os\n \n\
                     -FROM = 'lock'\n+FROM = 'patch'\n \n \n";

/// `small` is patched and gets a variable, `other` comes from the recipe's directory.
fn overridden() -> Small {
    let small = Small::new(&project("small", "lock"));
    small.add_other(&project("other", "lock"));
    let replacement = small.path("recipes/sources/other");
    base::sys::files::copy_tree(&small.path("app/other"), &replacement, &|_| false).unwrap();
    small.write("recipes/sources/other/act.py", &project("other", "recipe"));
    fs_err::create_dir(small.path("recipes/patches")).unwrap();
    small.write("recipes/patches/from.patch", PATCH);
    let hash = base::nar::hash_path(&replacement).unwrap().to_sri();
    small.append(
        "recipes/small.toml",
        &format!(
            "[override.small]\nreason = \"it is a test\"\nskip = [\"small_only/deep/here.txt\"]\n\
             [override.small.build]\nenv = {{ MORE = \" and more\" }}\n\
             [[override.small.build.patch]]\nfile = \"patches/from.patch\"\n\
             [override.other]\nwins = [\"docs\"]\n\
             source = {{ path = \"sources/other\", nar-hash = \"{hash}\" }}\n"
        ),
    );
    small
}

fn provenance(report: &Value) -> Value {
    let output = Path::new(report["output"].as_str().unwrap());
    let path = output.parent().unwrap().join("provenance.json");
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn overrides_are_applied_and_told() {
    let small = overridden();
    // What was locked without the patch may not be what is asked for with it.
    small.build().bad(1, &["build lock", "`lockstep build-lock"]);
    end(&mut small.builder(&["build-lock", "small"])).good();
    let report = small.build().json();
    assert_eq!(installed(&report, "small.txt"), "patch and more");
    assert_eq!(installed(&report, "other.txt"), "recipe");
    assert_eq!(installed(&report, "docs/note.txt"), "other");
    let output = Path::new(report["output"].as_str().unwrap()).join(SITE_PACKAGES);
    assert!(!output.join("small_only/deep/here.txt").exists());
    for kept in ["small_only/deep/there.txt", "other_only/deep/here.txt"] {
        assert!(output.join(kept).exists(), "{kept}");
    }
    let record = installed(&report, "small-1.0.dist-info/RECORD");
    assert!(record.contains("there.txt") && !record.contains("here.txt\n"), "{record}");
    assert!(!record.contains("deep/here.txt"), "{record}");

    let told = &provenance(&report)["overrides"];
    let applied = told["small"].to_string();
    for part in ["it is a test", "small_only/deep/here.txt", "MORE"] {
        assert!(applied.contains(part), "no `{part}` in {applied}");
    }
    let patch = base::vocabulary::Sha256::of(PATCH).to_string();
    assert!(applied.contains(&patch), "no `{patch}` in {applied}");
    assert!(told["other"].to_string().contains("sources/other"), "{told}");
    assert_eq!(told["other"]["wins"], json!(["docs"]), "{told}");
}

#[test]
fn an_override_that_cannot_be_followed_stops_the_build() {
    let small = overridden();
    small.write("recipes/sources/other/act.py", "# not what was pinned\n");
    end(&mut small.builder(&["build-lock", "small"])).bad(1, &["sources/other", "sha256-"]);
    let small = overridden();
    small.replace("app/act.py", "FROM = 'lock'", "FROM = 'elsewhere'");
    end(&mut small.builder(&["build-lock", "small"])).bad(1, &["patches/from.patch", "act.py"]);
    small.append("recipes/small.toml", "[override.smal]\nwins = [\"x\"]");
    small.build().bad(2, &["`override.smal`", "did you mean `small`?"]);
}
