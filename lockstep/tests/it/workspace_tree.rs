//! What the build of a local project sees of the source tree around it: all that uv's build sees,
//! while it is built again only for what it can have read.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::cli::{Ended, PLAIN, Small, end, installed};

/// A workspace whose root is `small`, and which has the member `other`; uv looks at both.
fn workspace(root: &str, member: &str) -> Small {
    let small = Small::new(root);
    small.add_other(member);
    small.append("app/pyproject.toml", "[tool.uv.workspace]\nmembers = [\"oth*\"]\n");
    fs_err::create_dir_all(small.path("app/shared/deep")).unwrap();
    small.write("app/shared/deep/text.txt", "shared");
    small.write("app/VERSION", "7");
    small.write("app/unrelated", "1");
    small
}

/// A wheel of one module that says what an expression of Python gives.
fn says(expression: &str) -> String {
    format!(
        "import glob, os\n\ndef read(path):\n    with open(path) as file:\n        return \
         file.read()\n\ndef act():\n    return {{\"other.py\": repr({expression})}}\n"
    )
}

fn compiled(report: &Value) -> u64 {
    report["compiled"].as_u64().unwrap()
}

/// Builds, and gives the report and what was said beside it.
#[track_caller]
fn built(small: &Small) -> (Value, String) {
    let Ended { code, stdout, stderr } = small.build();
    assert_eq!(code, Some(0), "{stderr}");
    (serde_json::from_str(&stdout).unwrap(), stderr)
}

#[test]
fn links_bring_what_they_lead_to() {
    let small = workspace(PLAIN, &says("[read('file'), read('tree/text.txt'), read('hop')]"));
    symlink("../shared/deep/text.txt", small.path("app/other/file")).unwrap();
    symlink("../shared/deep", small.path("app/other/tree")).unwrap();
    symlink("../shared/again", small.path("app/other/hop")).unwrap();
    symlink("../VERSION", small.path("app/shared/again")).unwrap();
    // It shows the way and asks for nothing.
    symlink("..", small.path("app/other/up")).unwrap();
    let (first, told) = built(&small);
    assert_eq!(installed(&first, "other.py"), "['shared', 'shared', '7']");
    assert!(!told.contains("warning"), "{told}");
    for (file, builds) in
        [("unrelated", 1), ("shared/deep/text.txt", 2), ("VERSION", 2), ("shared/beside", 1)]
    {
        small.write(&format!("app/{file}"), "new");
        // The root is always built again: all of these are its own.
        assert_eq!(compiled(&built(&small).0), builds, "{file}");
    }
}

#[test]
fn a_link_out_of_the_source_tree_is_told_of() {
    let small = workspace(PLAIN, &says("os.path.exists('gone')"));
    symlink("../../elsewhere", small.path("app/other/gone")).unwrap();
    small.write("elsewhere", "");
    let (report, told) = built(&small);
    assert_eq!(installed(&report, "other.py"), "False");
    for part in ["warning", "`other/gone` of `other`", "leads out of the source tree"] {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
}

#[test]
fn whoever_reads_more_gets_the_whole_tree() {
    for (expression, expected, path) in [
        ("read('../VERSION')", "'7'", "VERSION"),
        ("[read(it) for it in glob.glob('../shared/*/*.txt')]", "['shared']", "shared"),
        ("sorted(os.listdir('../shared'))", "['deep']", "shared"),
        ("read('../uv.lock')[:9]", "'version ='", "uv.lock"),
        ("read('../pyproject.toml')[:9]", "'[project]'", "pyproject.toml"),
        // What swallows every error is seen, too.
        ("read('../VERSION') if os.path.exists('../VERSION') else 'none'", "'7'", "VERSION"),
    ] {
        let small = workspace(PLAIN, &says(expression));
        let (first, told) = built(&small);
        assert_eq!(installed(&first, "other.py"), expected, "{expression}");
        for part in ["warning", "`other 1.0` reads what is not its own: ", path, "build.include"] {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
        // Its wheel is stored, under all that it could have read.
        small.write("app/other/../unrelated", "2");
        assert_eq!(compiled(&built(&small).0), 2, "{expression}");
        let json = end(&mut small.builder(&["--json", "why-rebuild", "--all", "small"])).json();
        assert!(json.to_string().contains("stored"), "{json}");
        assert!(!json.to_string().contains("changed"), "{json}");
    }
}

#[test]
fn what_is_included_is_all_that_counts() {
    let small = workspace(PLAIN, &says("[read('../VERSION'), os.listdir('../shared/deep')]"));
    let include = "[override.other.build]\ninclude = [\"VERSION\", \"shared/\"]\n";
    small.append("recipes/small.toml", include);
    let (first, told) = built(&small);
    assert_eq!(installed(&first, "other.py"), "['7', ['text.txt']]");
    assert!(!told.contains("warning"), "{told}");
    for (file, builds) in [("unrelated", 1), ("VERSION", 2), ("shared/deep/more", 2)] {
        small.write(&format!("app/{file}"), "new");
        assert_eq!(compiled(&built(&small).0), builds, "{file}");
    }
    for (path, code, parts) in [
        ("VERSIO", 2, ["`build.include`", "did you mean `VERSION`?"]),
        ("../VERSION", 2, ["`override.other.build.include`", "../VERSION"]),
        ("/etc", 2, ["`override.other.build.include`", "/etc"]),
    ] {
        let text = fs_err::read_to_string(small.path("recipes/small.toml")).unwrap();
        small.write("recipes/small.toml", &text.replace("VERSION", path));
        small.build().bad(code, &parts);
        small.write("recipes/small.toml", &text);
    }
}

#[test]
fn a_root_reads_its_members_only_if_it_does() {
    let small = workspace(PLAIN, &says("0"));
    built(&small);
    small.append("app/other/act.py", "# new\n");
    // uv itself looks at the members of the workspace; that is not the build's doing.
    let (report, told) = built(&small);
    assert_eq!(compiled(&report), 1, "{told}");
    assert!(!told.contains("warning"), "{told}");

    let act = "def act():\n    return {\"small.py\": open(\"other/act.py\").read()}\n";
    let small = workspace(act, &says("0"));
    let (report, told) = built(&small);
    assert!(installed(&report, "small.py").contains("def act"));
    assert!(told.contains("`small 1.0` reads what is not its own: other/act.py"), "{told}");
    small.append("app/other/act.py", "# new\n");
    let (report, _) = built(&small);
    assert!(installed(&report, "small.py").contains("# new"));
    assert_eq!(compiled(&report), 2);
}

#[test]
fn ignore_files_above_are_given() {
    let small = workspace(PLAIN, &says("read('../.gitignore')"));
    small.write("app/.gitignore", "*.log");
    let (report, told) = built(&small);
    assert_eq!(installed(&report, "other.py"), "'*.log'");
    assert!(!told.contains("warning"), "{told}");
    small.write("app/.gitignore", "*.txt");
    let (report, _) = built(&small);
    assert_eq!(installed(&report, "other.py"), "'*.txt'");
}

#[test]
fn what_fails_for_want_of_a_file_is_tried_with_it() {
    let small = workspace(PLAIN, &says("int(read('../VERSION'))"));
    assert_eq!(installed(&built(&small).0, "other.py"), "7");
    // What fails with everything fails with its own words.
    small.write("app/VERSION", "seven");
    small.build().bad(1, &["the build of `other 1.0` failed", "invalid literal", "'seven'"]);
}
