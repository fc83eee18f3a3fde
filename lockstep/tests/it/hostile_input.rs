//! Recipes, locks and projects that try to do what they must not be able to: to reach a program of
//! the host, to take all memory, to make the tool wait for ever.

use std::os::unix::fs::symlink;

use crate::cli::{PLAIN, Small, end};

/// Puts a marker into a small project.
type Spoil<'a> = &'a dyn Fn(&Small, &str);

const RECIPE: &str = "recipes/small.toml";
const PYPROJECT: &str = "app/pyproject.toml";
const LOCK: &str = "app/uv.lock";

/// As in `hostile/marker-bomb`: a decision diagram over these in uv's order has 2^40 nodes.
fn bomb() -> String {
    let pair = |i: usize| format!("(extra == 'a{i}' or extra == 'b{i}')");
    (0..40).map(pair).collect::<Vec<_>>().join(" and ")
}

fn nested() -> String {
    format!("{}os_name == 'a'{}", "(".repeat(20_000), ")".repeat(20_000))
}

/// A word of a recipe that apt or another program would obey names its key and reaches nothing.
#[test]
fn no_word_of_a_recipe_is_an_option() {
    let small = Small::new(PLAIN);
    let script = small.path("x.sh").display().to_string();
    small.write("x.sh", &format!("#!/bin/sh\ntouch {script}.ran\necho DIRECT\n"));
    let option = format!("-oAcquire::http::Proxy-Auto-Detect={script}");
    let original = fs_err::read_to_string(small.path(RECIPE)).unwrap();
    let packages = "toolchain.debian.packages";
    for (key, value) in [
        (packages, format!("['{option}', 'hello']")),
        (packages, "['./hello.deb']".to_owned()),
        (packages, "['bash-']".to_owned()),
        (packages, "['hello=1']".to_owned()),
        (packages, "['hell.*']".to_owned()),
        ("override.small.build.system-packages", format!("['{option}']")),
        (
            "toolchain.debian.suite",
            format!("'forky\"; Acquire::http::Proxy-Auto-Detect \"{script}'"),
        ),
        ("toolchain.debian.suite", "'../../../x'".to_owned()),
        ("toolchain.debian.suite", "'forky main\\ndeb http://x.example/debian x'".to_owned()),
        ("build-lock.exclude-newer", "'--config-settings=x'".to_owned()),
        ("prefix", "'/opt/./x'".to_owned()),
        ("prefix", "'/opt//usr'".to_owned()),
    ] {
        small.write(RECIPE, &format!("{key} = {value}\n{original}"));
        for command in [&["build", "small"][..], &["build-lock", "small"]] {
            let ended = end(&mut small.builder(command));
            ended.bad(2, &[&format!("`{key}` is not valid"), "value", "expected", "hint: "]);
        }
    }
    assert!(!small.path("x.sh.ran").exists());
}

/// What is too much of a marker, wherever it stands; the limit is named, and nothing is built.
#[test]
fn no_marker_takes_all_memory_or_the_stack() {
    let requirement = |marker: &str| format!("six ; {marker}");
    let edge =
        |marker: &str| format!("dependencies = [{{ name = \"six\", marker = \"{marker}\" }}]");
    let places: [(&str, Spoil<'_>); 8] = [
        ("`build-system.requires`", &|small, marker| {
            let requires = format!("requires = [\"{}\"]", requirement(marker));
            small.replace(PYPROJECT, "requires = []", &requires);
        }),
        ("`tool.uv.extra-build-dependencies`", &|small, marker| {
            let extra = format!("[\"{}\"]", requirement(marker));
            small.append(PYPROJECT, &format!("[tool.uv.extra-build-dependencies]\nx = {extra}"));
        }),
        ("`tool.uv.build-constraint-dependencies`", &|small, marker| {
            let constraint = format!("[\"{}\"]", requirement(marker));
            small.append(
                PYPROJECT,
                &format!("[tool.uv]\nbuild-constraint-dependencies = {constraint}"),
            );
        }),
        ("package `small`", &|small, marker| small.append(LOCK, &edge(marker))),
        ("package `small`", &|small, marker| {
            small.append(LOCK, &format!("resolution-markers = [\"{marker}\"]"));
        }),
        ("supported-markers", &|small, marker| {
            let markers = format!("version = 1\nsupported-markers = [\"{marker}\"]");
            small.replace(LOCK, "version = 1", &markers);
        }),
        ("manifest.build-constraints", &|small, marker| {
            let constraint = format!("{{ name = \"six\", marker = \"{marker}\" }}");
            let manifest = format!("[manifest]\nbuild-constraints = [{constraint}]\n[[package]]");
            small.replace(LOCK, "[[package]]", &manifest);
        }),
        ("`override.build.requires`", &|small, marker| {
            let requires = format!("[\"{}\"]", requirement(marker));
            small.append(RECIPE, &format!("[override.small.build]\nrequires = {requires}"));
        }),
    ];
    for (place, spoil) in places {
        for (marker, limit) in [(bomb(), "`marker-nodes`"), (nested(), "`marker-depth`")] {
            let small = Small::new(PLAIN);
            spoil(&small, &marker);
            let ended = end(&mut small.builder(&["build", "small"]));
            // The recipe's own texts are short, and refused as such.
            let limit = if place.contains("override") && limit.contains("depth") {
                "`override.small.build.requires` is not valid"
            } else {
                limit
            };
            ended.bad(2, &[limit]);
            assert!(ended.stderr.len() < 4_000, "{place}: {}", ended.stderr.len());
            let place = place.trim_start_matches("`override").trim_start_matches(".build");
            assert!(ended.stderr.contains(place), "{place}: {}", ended.stderr);
        }
    }
}

/// A backend's answer is foreign, too.
#[test]
fn no_answer_of_a_backend_takes_all_memory() {
    for (answer, limit) in [
        (format!("[\"six; {}\"]", bomb()), "`marker-nodes`"),
        (format!("[\"six; {}\"]", nested()), "`marker-depth`"),
        (format!("[\"six\" + \" \" * {}]", 70_000), "`marker-bytes`"),
        ("[f'six{n}' for n in range(1001)]".to_owned(), "`answer-requirements`"),
    ] {
        let small = Small::new(PLAIN);
        small.append(
            "app/backend.py",
            &format!(
                "\ndef get_requires_for_build_wheel(config_settings=None):\n    return {answer}"
            ),
        );
        let ended = end(&mut small.builder(&["build-lock", "small"]));
        ended.bad(1, &["the backend of `small` asks for", limit]);
    }
}

/// A file that never ends, or that nobody writes to.
#[test]
fn no_file_makes_the_tool_wait() {
    for file in [PYPROJECT, LOCK, RECIPE, "recipes/small.build-lock.toml", "golden/small.toml"] {
        for target in ["/dev/zero", "/dev/full", "pipe"] {
            let small = Small::new(PLAIN);
            let path = small.path(file);
            let _ = fs_err::remove_file(&path);
            if target == "pipe" {
                use rustix::fs::{CWD, FileType, Mode, mknodat};
                let pipe = small.path("pipe");
                mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
                symlink(pipe, &path).unwrap();
            } else {
                symlink(target, &path).unwrap();
            }
            let ended = end(&mut small.builder(&["build", "small"]));
            assert!(matches!(ended.code, Some(1 | 2)), "{file} {target}: {ended:?}");
            let known = ["is not a regular file", "has no `uv.lock`", "no recipe `small`"];
            assert!(known.iter().any(|it| ended.stderr.contains(it)), "{file}: {}", ended.stderr);
        }
    }
}

#[test]
fn no_file_is_larger_than_its_limit() {
    for (file, limit, size) in [
        (RECIPE, "recipe-bytes", 1 << 20),
        (PYPROJECT, "pyproject-bytes", 1 << 20),
        (LOCK, "lock-bytes", 32 << 20),
        ("recipes/small.build-lock.toml", "build-lock-bytes", 4 << 20),
    ] {
        let small = Small::new(PLAIN);
        small.append(file, &"#".repeat(size));
        let ended = end(&mut small.builder(&["build", "small"]));
        assert!(matches!(ended.code, Some(1 | 2)), "{file}: {ended:?}");
        assert!(ended.stderr.contains(&format!("(limit `{limit}`)")), "{file}: {}", ended.stderr);
    }
    // One package of a lock, all of which is read at once.
    let small = Small::new(PLAIN);
    small.append(LOCK, &format!("wheels = [{}]", "{},".repeat(2 << 20)));
    end(&mut small.builder(&["build", "small"])).bad(2, &["(limit `lock-part-bytes`)"]);
}

/// A replacement that makes more of what it replaces, again and again.
#[test]
fn no_patch_grows_without_end() {
    let double = "[[patch.replace]]\nfrom = 'x'\nto = 'xxxxxxxxxxxxxxxx'\n".repeat(12);
    let many = "@big@".repeat(10_000);
    for rules in [double, format!("[[patch.replace]]\nfrom = 'x'\nto = '{many}'\n")] {
        let small = Small::new("def act():\n    return {'small.py': 'y = \"x\"\\n'}\n");
        let big = "b".repeat(60_000);
        small.append(
            RECIPE,
            &format!(
                "variables.big = '{big}'\n[[patch]]\nfile = '@site-packages@/small.py'\n{rules}"
            ),
        );
        // `variables` must be at the top.
        let text = fs_err::read_to_string(small.path(RECIPE)).unwrap();
        let text = text.replace(&format!("variables.big = '{big}'\n"), "");
        small.write(RECIPE, &format!("variables.big = '{big}'\n{text}"));
        let ended = end(&mut small.builder(&["build", "small"]));
        ended.bad(2, &["(limit `patched-bytes`)"]);
        assert!(ended.stderr.len() < 4_000, "{}", ended.stderr.len());
    }
}
