//! What a cause must not eat: pairs that look as if it were to blame and differ in more, each
//! beside one in which it is to blame.

use super::*;
use crate::explain::canaries::CanaryKind;

/// A name, both texts, what was varied, and what must be said of them.
type Row = (&'static str, [&'static str; 2], &'static [Varied], &'static str);

/// A kind with a value for each side.
type Varied = (CanaryKind, &'static str, &'static str);

const OPEN: &str = "unexplained";

/// What rounds know, at their usual seed.
const ROUNDS: &[Varied] =
    &[(CanaryKind::BuildPath, "a", "b-of-round-1"), (CanaryKind::HashSeed, "0", "0")];

/// What rounds know, with another seed each.
const SEEDS: &[Varied] = &[(CanaryKind::HashSeed, "0", "1001")];

/// What rounds know of their locales.
const LOCALES: &[Varied] = &[(CanaryKind::Locale, "C", "C.UTF-8")];

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (name, texts, varied, expected) in rows {
        let canaries = varied.iter().map(|(kind, a, b)| Canary {
            kind: *kind,
            a: Some((*a).to_owned()),
            b: Some((*b).to_owned()),
        });
        let found = of_texts("x.txt", texts.map(str::as_bytes), canaries.collect());
        // A text that has the form of a cause only looks like it.
        let expected = match *expected {
            OPEN => OPEN.to_owned(),
            cause => format!("{cause}~"),
        };
        if found != [expected.as_str()] {
            wrong.push(format!("{name}: {found:?}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_form_stands_for_its_value_only() {
    check(&[
        ("a hash", ["int k_deadbeef;", "int k_cafe1234;"], &[], "random-name"),
        ("another stem", ["read_deadbeef()", "wipe_deadbeef()"], &[], OPEN),
        ("stem and hash", ["read_deadbeef()", "wipe_cafe1234()"], &[], OPEN),
        ("a drawn name", ["pip-x-abcd_123", "pip-x-9bcd_123"], &[], "random-name"),
        ("another command", ["pip-x-abcd_123", "pip-y-9bcd_123"], &[], OPEN),
        ("another kind of file", ["ccAb12Cd.o", "ccAb12Ce.s"], &[], OPEN),
        ("offsets", ["zone +0200", "zone -0130"], &[], "time-zone"),
        ("numbers of parts", ["x-0200", "x-0130"], &[], OPEN),
        ("jobs", ["make -j2 all", "make -j16 all"], &[], "cpu"),
        ("jobs in quotes", ["J='-j2'", "J='-j16'"], &[], "cpu"),
        ("a processor", ["cc -mtune=znver3", "cc -mtune=skylake"], &[], "cpu"),
        ("a level", ["F=-O2", "F=-O3"], &[], "cpu"),
        ("flags within words", ["x-java", "x-jython"], &[], OPEN),
        ("levels within words", ["pre-Oslo", "pre-Oxford"], &[], OPEN),
        ("words like flags", ["run -java", "run -jython"], &[], OPEN),
        ("one flag for another", ["cc -O2", "cc -j2"], &[], OPEN),
    ]);
}

#[test]
fn names_of_locales_have_their_shape() {
    check(&[
        ("with codesets", ["in et_EE.UTF-8", "in de_DE.ISO-8859-1"], &[], "locale"),
        ("what rounds have", ["L = 'C'", "L = 'C.UTF-8'"], LOCALES, "locale"),
        ("what nobody had", ["L = 'C'", "L = 'C.UTF-8'"], &[], OPEN),
        ("POSIX", ["in POSIX mode", "in C mode"], &[], OPEN),
        ("a modifier", ["in de_DE@euro", "in de_DE.UTF-8"], &[], "locale"),
        ("a variable", ["LC_ALL=de_DE", "LC_ALL=C"], &[], "locale"),
        ("names", ["is_OK", "not_OK"], &[], OPEN),
        ("names like territories", ["is_NO", "is_IN"], &[], OPEN),
        ("languages of programs", ["in C++", "in POSIX"], &[], OPEN),
    ]);
}

#[test]
fn numbers_are_plausible() {
    check(&[
        ("x86-64", ["at 0x7f2a1c3d5e80", "at 0x7a039a014b60"], &[], "memory-address"),
        ("a program", ["at 0x55d01c3d5e80", "at 0x64a39a014b60"], &[], "memory-address"),
        ("aarch64", ["at 0xaaaad5e8c010", "at 0xffff9a014b60"], &[], "memory-address"),
        ("a fixed program", ["<x at 0x1c8c2a0>", "<x at 0x2a8d2a0>"], &[], "memory-address"),
        ("colours", ["fill = 0xff00ff00", "fill = 0xffffff00"], &[], OPEN),
        ("seeds", ["s = 0x9e3779b97f4a7c15", "s = 0xbf58476d1ce4e5b9"], &[], OPEN),
        ("places in a file", ["<code at 0x400000, 3>", "<code at 0x600000, 3>"], &[], OPEN),
        ("two rounds", ["t = 1795479203", "t = 1830227876"], &[], "timestamp-in-text"),
        (
            "billionths",
            ["t = 1795479203000000001", "t = 1795479204000000002"],
            &[],
            "timestamp-in-text",
        ),
        ("decades", ["t = 1095479203", "t = 1895479203"], &[], OPEN),
        ("limits", ["n = 2147483647", "n = 2147483648"], &[], OPEN),
        ("large numbers", ["n = 3000000000", "n = 3000000001"], &[], OPEN),
    ]);
}

#[test]
fn a_build_path_leads_to_a_build() {
    check(&[
        ("one path below two roots", ["at /one/x/y.c", "at /two/x/y.c"], &[], "build-path-in-text"),
        ("two hosts", ["at https://one.example/x/y", "at https://two.example/x/y"], &[], OPEN),
        ("a venv", ["#!/one/venv/bin/python", "#!/two/venv/bin/python"], &[], "build-path-in-text"),
        (
            "a mapped path",
            ["F = -ffile-prefix-map=/one=/src", "F = -ffile-prefix-map=/two=/src"],
            &[],
            "build-path-in-text",
        ),
        ("interpreters", ["#!/usr/bin/python3", "#!/opt/x"], &[], OPEN),
        ("one interpreter", ["#!/usr/bin/python3", "#!/opt/bin/python3"], &[], OPEN),
        ("a program", ["PYTHON=/usr/bin/python3", "PYTHON=/bin/python3"], &[], OPEN),
        ("an interpreter elsewhere", ["#!/usr/bin/python3", "#!/opt/x/python3"], &[], OPEN),
        ("two files", ["see /etc/red", "see /srv/blue"], &[], OPEN),
        ("a round's", ["at /r/a/x", "at /r/b-of-round-1/x"], ROUNDS, "build-path-in-text"),
        (
            "a drawn name",
            ["at /var/tmp/u/1/0f3ac2d4", "at /var/tmp/u/1/9be1c07a"],
            ROUNDS,
            "build-path-in-text",
        ),
        ("not a round's", ["at /one/x/y.c", "at /two/x/y.c"], ROUNDS, OPEN),
        ("below a round's", ["at /r/a/x", "at /r/b-of-round-1/y"], ROUNDS, OPEN),
    ]);
}

#[test]
fn only_lists_have_an_order() {
    let set = ["X = {'a', 'b', 'c'}", "X = {'c', 'a', 'b'}"];
    check(&[
        ("a set", set, &[], "hash-seed"),
        ("a set of two seeds", set, SEEDS, "hash-seed"),
        ("a set of one seed", set, ROUNDS, "order-of-items"),
        ("a frozen set", ["frozenset({1, 3, 2})", "frozenset({2, 1, 3})"], &[], "hash-seed"),
        ("words", ["LIBS = -la -lb -lc", "LIBS = -lc -la -lb"], &[], "hash-seed"),
        ("a difference", ["x = a - b", "x = b - a"], &[], OPEN),
        ("arguments", ["copy(src, dst)", "copy(dst, src)"], &[], OPEN),
        ("more arguments", ["copy(src, dst, 1)", "copy(dst, src, 1)"], &[], OPEN),
        ("words of a command", ["copy src dst now", "copy dst src now"], &[], OPEN),
        ("a pair", ["X = (3, 12)", "X = (12, 3)"], &[], OPEN),
        ("a choice", ["x = a if b else c", "x = c if b else a"], &[], OPEN),
        ("brackets", ["x = [a, b, c]", "x = (c, a, b)"], &[], OPEN),
    ]);
}
