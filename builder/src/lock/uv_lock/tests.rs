//! Locks of every shape, read and refused.

use super::*;

fn with_package(body: &str) -> String {
    format!("version = 1\nrevision = 3\nrequires-python = \">=3.14\"\n[[package]]\n{body}")
}

#[test]
fn every_kind_of_source_is_understood() {
    let commit = "ceb4fcc090851717a3069d78e85ceb1e86c2740c";
    let git = format!("git = \"https://git.example/a?subdirectory=x%2Fy&tag=v1#{commit}\"");
    for (source, shown) in [
        ("registry = \"https://index.example/simple\"", "registry https://index.example/simple"),
        ("registry = \"../dist\"", "registry ../dist"),
        (&git, &*format!("git https://git.example/a#{commit}")),
        ("url = \"https://files.example/a.whl\"", "url https://files.example/a.whl"),
        ("path = \"a.whl\"", "path a.whl"),
        ("directory = \"./pkg/\"", "directory pkg"),
        ("editable = \".\"", "editable ."),
        ("virtual = \"\"", "virtual ."),
    ] {
        let lock = Lock::parse(&with_package(&format!("name = \"a\"\nsource = {{ {source} }}")));
        let lock = lock.unwrap_or_else(|problem| panic!("{source}: {problem}"));
        assert_eq!(lock.packages[0].source.to_string(), shown);
    }
    let lock = Lock::parse(&with_package(&format!("name = \"a\"\nsource = {{ {git} }}"))).unwrap();
    let Source::Git(git) = &lock.packages[0].source else { panic!("not git") };
    assert_eq!(git.subdirectory.as_deref(), Some("x/y"));
    assert_eq!(git.reference.as_deref(), Some("v1"));
}

#[test]
fn what_cannot_be_read_is_said() {
    for (text, expected) in [
        ("version = 2\n[[thing]]\nname = 3", "version 2; this tool understands version 1"),
        ("version = 1\n<<<<<<< HEAD", "cannot read `uv.lock`"),
        (&with_package("name = \"a\"\nsource = { }"), "source of package `a`"),
        (&with_package("name = \"a\"\nsource = { git = \"https://g.example/a\" }"), "no commit"),
        (&with_package("name = \"a b\"\nsource = { virtual = \".\" }"), "`a b`"),
        (
            &with_package("name = \"a\"\nsource = { virtual = \".\" }\nversion = \"one\""),
            "`one` of package `a`",
        ),
        (
            &with_package(
                "name = \"a\"\nsource = { virtual = \".\" }\n\
                 dependencies = [{ name = \"b\", marker = \"os == 'x'\" }]",
            ),
            "of package `a`",
        ),
    ] {
        let problem = Lock::parse(text).expect_err(text).to_string();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
}

#[test]
fn passwords_are_not_told() {
    let url = "https://me:hunter2@x.example/a-1.tar.gz?sig=hunter2";
    for (source, shown) in [
        (format!("registry = \"{url}\""), "registry https://****@x.example/a-1.tar.gz?****"),
        (format!("url = \"{url}\""), "url https://****@x.example/a-1.tar.gz?****"),
    ] {
        let text = with_package(&format!("name = \"a\"\nsource = {{ {source} }}"));
        assert_eq!(Lock::parse(&text).unwrap().packages[0].source.to_string(), shown);
    }
    let git = format!("source = {{ git = \"{url}#main\" }}");
    let no_url = url.replace("x.example", "[x.example");
    let file = format!(
        "source = {{ registry = \"https://x.example\" }}\nsdist = {{ url = \"{no_url}\" }}"
    );
    for (body, shown) in [(git, "`main` is no commit"), (file, "https://****@[x.example/")] {
        let problem = Lock::parse(&with_package(&format!("name = \"a\"\n{body}"))).unwrap_err();
        let text = problem.to_string();
        assert!(text.contains(shown) && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn unknown_keys_are_collected_once() {
    let text = with_package(
        "name = \"a\"\nnovel = 1\nsource = { virtual = \".\" }\n\
         [[package]]\nname = \"b\"\nnovel = 2\nsource = { virtual = \"b\" }",
    );
    let lock = Lock::parse(&text).unwrap();
    assert_eq!(lock.unknown_keys.into_iter().collect::<Vec<_>>(), ["package.?.novel"]);
}

#[test]
fn file_names_are_unquoted() {
    let text = with_package(
        "name = \"a\"\nversion = \"1+cpu\"\nsource = { registry = \"https://i.example\" }\n\
         wheels = [{ url = \"https://f.example/a-1%2Bcpu-py3-none-any.whl\", hash = \"sha256:00\" \
          }]",
    );
    let lock = Lock::parse(&text).unwrap();
    assert_eq!(lock.packages[0].wheels[0].filename, "a-1+cpu-py3-none-any.whl");
}

/// The text is read in parts; what they are must not depend on what looks like a header.
#[test]
fn a_lock_is_the_same_wherever_it_can_be_taken_apart() {
    let head = "version = 1\nrequires-python = \">=3.14\"\n";
    let package = |name: &str| format!("name = \"{name}\"\nsource = {{ virtual = \"{name}\" }}\n");
    let [a, b] = ["a", "b"].map(package);
    for text in [
        format!("{head}\n[[package]]\n{a}\n[[package]]\n{b}"),
        format!("{head}[[package]] # one\n{a}[[package]]\n{b}"),
        format!("{head}\n[[package]]\n{a}\n[[package]]\n{b}\n[manifest]\nmembers = []\n"),
        format!("{head}\n[[package]]\n{a}\n[[package]]\n{b}\n[package.metadata]\n"),
        format!(
            "{head}\n[options]\nexclude-newer = \"\"\"\n[[package]]\n\"\"\"\n\
             [[package]]\n{a}\n[[package]]\n{b}"
        ),
        format!("{head}\n[[package]]\n{a}\n[[package]]\n{b}").replace('\n', "\r\n"),
    ] {
        let lock = Lock::parse(&text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let names: Vec<String> = lock.packages.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["a", "b"], "{text}");
        assert!(lock.unknown_keys.is_empty(), "{text}: {:?}", lock.unknown_keys);
    }
    let broken = format!("{head}\n[[package]]\n{a}\n[[package]]\n{b}\nname = 'c'\n");
    let problem = Lock::parse(&broken).unwrap_err().to_string();
    assert!(problem.contains("line 12"), "{problem}");
}

#[test]
fn paths_of_a_lock_below_the_top_are_those_of_the_tree() {
    for (directory, path, expected) in [
        ("api", ".", "api"),
        ("api", "libs/x", "api/libs/x"),
        ("services/api", "../../libs/x", "libs/x"),
        ("api", "..", "."),
        ("api", "../../x", "../x"),
        ("api", "../../../x", "../../x"),
        ("api", "/etc", "/etc"),
    ] {
        assert_eq!(joined(directory, path), expected, "{directory} {path}");
    }
}
