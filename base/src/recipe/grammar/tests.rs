//! What people and attackers could write at each key.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::super::wire::RecipeWire;
use super::super::{Recipe, tests::SMALLEST};
use super::{Grammar as G, KEYS};

/// What no key may be talked into, by what it tries.
fn hostile() -> Vec<(&'static str, String)> {
    let words = [
        ("option", "-oAPT::Get::AllowUnauthenticated=true"),
        ("option", "--upload-pack=touch /x"),
        ("parent", "../../etc/passwd"),
        ("parent", "a/../../b"),
        ("newline", "a\nb"),
        ("newline", "a\r\nb"),
        ("control", "a\0b"),
        ("control", "\u{1b}[2J"),
        ("control", "a\u{7f}b"),
        ("control", "a\u{202e}b"),
        ("quote", "forky\"; Acquire::http::Proxy-Auto-Detect \"x.sh"),
        ("blank", "a b"),
        ("empty", ""),
    ];
    let words = words.map(|(kind, word)| (kind, word.to_owned()));
    words.into_iter().chain([("long", "a".repeat(70_000))]).collect()
}

/// What of it is harmless at a key of that grammar.
fn harmless(grammar: G) -> &'static [&'static str] {
    match grammar {
        G::Text => &["option", "parent", "newline", "quote", "blank", "empty"],
        G::Line => &["option", "parent", "quote", "blank", "empty"],
        G::HostPath | G::Program => &["parent", "quote", "blank"],
        G::Path | G::OutputPath | G::Pattern | G::FileName => &["quote", "blank"],
        G::Moment => &["blank"],
        _ => &[],
    }
}

/// The smallest recipe with `value` at a key of the table.
fn recipe_with(key: &str, value: &str) -> String {
    let mut recipe: Table = toml::from_str(SMALLEST).unwrap();
    let mut words: Vec<&str> = key.split('.').collect();
    let mut below = match words.pop_if(|last| *last == "<>") {
        Some(_) => {
            let is_text = KEYS.iter().any(|(it, _)| *it == key.replace("<>", "*"));
            let inner = if is_text { Value::from("drop") } else { Value::Table(Table::new()) };
            Value::Table(Table::from_iter([(value.to_owned(), inner)]))
        }
        None => Value::from(value),
    };
    while let Some(word) = words.pop() {
        let name = word.split('[').next().unwrap();
        if name != word {
            let first = if word.ends_with("[]") && key.contains("command") {
                vec![Value::from("a"), below]
            } else {
                vec![below]
            };
            below = Value::Array(first);
        }
        let name = if name == "*" { "a" } else { name };
        below = Value::Table(Table::from_iter([(name.to_owned(), below)]));
    }
    let Value::Table(below) = below else { unreachable!("the outermost is a table") };
    for (name, value) in below {
        match (recipe.get_mut(&name), value) {
            (Some(Value::Table(known)), Value::Table(more)) => known.extend(more),
            (_, value) => drop(recipe.insert(name, value)),
        }
    }
    toml::to_string(&recipe).unwrap()
}

#[test]
fn every_key_refuses_what_it_must_not_be() {
    for (key, grammar) in KEYS {
        for (kind, value) in hostile() {
            if harmless(*grammar).contains(&kind) {
                continue;
            }
            let text = recipe_with(key, &value);
            let parsed = Recipe::parse("x", &text, &|_| Ok(b"diff".to_vec()));
            let Err(problem) = parsed else { panic!("{key} accepts {kind}: {value:?}") };
            let name = key.trim_end_matches("[]").trim_end_matches(".<>").trim_end_matches(".*");
            let name = name.rsplit('.').next().unwrap().split('[').next().unwrap();
            assert!(problem.to_string().contains(name), "{key} {kind}: {problem}");
            assert_eq!(problem.outcome.code(), 2, "{key} {kind}");
            assert!(problem.hint.is_some(), "{key} {kind}");
        }
    }
}

#[test]
fn the_table_has_every_key_of_the_wire_form_and_no_other() {
    let mut found = BTreeSet::new();
    collect("", &mut found);
    let table: BTreeSet<String> = KEYS.iter().map(|(key, _)| key.replace("[0]", "[]")).collect();
    assert_eq!(found, table, "left: what the wire form has; right: the table of keys");
}

/// Finds the keys below a table of the wire form by asking it for a key that it does not have.
fn collect(place: &str, found: &mut BTreeSet<String>) {
    let unknown = if place.is_empty() { "none".to_owned() } else { format!("{place}.none") };
    let error = toml::from_str::<RecipeWire>(&recipe_with(&unknown, "x")).unwrap_err();
    let message = error.message().to_owned();
    assert!(message.starts_with("unknown field `none`"), "{place}: {message}");
    for name in message.split('`').skip(3).step_by(2) {
        let key = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
        let known = |end: &str| KEYS.iter().any(|(it, _)| **it == format!("{key}{end}"));
        let below = |end: &str| KEYS.iter().any(|(it, _)| it.starts_with(&format!("{key}{end}.")));
        let mut leaves =
            ["", "[]", ".<>", ".*", ".*[]"].into_iter().filter(|end| known(end)).peekable();
        if leaves.peek().is_none() && !["", "[]"].iter().any(|end| below(end)) {
            found.insert(key.clone());
        }
        found.extend(leaves.map(|end| format!("{key}{end}")));
        // What it holds is a table of fixed keys, a list of such, or one under each chosen name.
        let end = match () {
            () if below(".*") => ".*",
            () if below("[]") => "[]",
            () if !known(".<>") && below("") => "",
            () => continue,
        };
        collect(&format!("{key}{end}"), found);
    }
}

#[test]
fn real_values_are_accepted() {
    for (grammar, values) in [
        (G::DebianPackage, &["g++", "libstdc++6", "python3.14-dev", "libxml2-dev", "0ad"][..]),
        (G::DebianSuite, &["forky", "sid", "bookworm-backports", "rc-buggy"]),
        (G::Prefix, &["/opt/x", "/nix/store/abc-x-1.0+git", "/srv/a/b"]),
        (G::Moment, &["2026-02-10T19:18:38.255Z", "2026-01-01", "1 week", "P7D"]),
        (G::OutputPath, &["@site-packages@/a/b.py", "bin/x", "/opt/x/a", "."]),
        (G::Module, &["a", "a.b_c", "ä.b"]),
        (G::Program, &["python", "/bin/sh", "@python@"]),
        (G::Pattern, &["docs/*", "a/**/b"]),
    ] {
        for value in values {
            assert!(grammar.accepts(value), "{grammar:?} {value}");
        }
    }
    for package in ["a", "bash-", "Foo", "a:amd64", "a=1", "a/sid", "~ninstalled", "?a", "a^", "a*"]
    {
        assert!(!G::DebianPackage.accepts(package), "{package}");
    }
    for suite in ["stable/updates", "..", "a..b", "a b", "./a"] {
        assert!(!G::DebianSuite.accepts(suite), "{suite}");
    }
    for prefix in ["/opt/x/", "/opt//x", "//opt/x", "/opt/./x", "/opt/../x", "/opt/a b", "/opt/'"] {
        assert!(!G::Prefix.accepts(prefix), "{prefix}");
    }
}
