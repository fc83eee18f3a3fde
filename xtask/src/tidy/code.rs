//! Rules for Rust files: they say what they are, they are short, they are finished.

use super::{SourceFile, Violation};

const MOST_COLUMNS: usize = 100;
const MOST_LINES: usize = 400;
const MOST_TEST_LINES: usize = 600;
const MOST_FUNCTION_LINES: usize = 70;

/// Words that mean that something is not finished, in pieces so that this file may hold them.
const UNFINISHED: [(&str, &str, &str); 4] = [
    ("#[ign", "ore", "a test that does not run proves nothing; fix or remove it"),
    ("tod", "o!(", "finish it, or return an error that says what is missing"),
    ("db", "g!(", "remove it"),
    ("FIX", "ME", "fix it, or open an issue"),
];

pub(super) fn check(file: &SourceFile) -> Vec<Violation> {
    let mut found = Vec::new();
    if !file.lines().next().is_some_and(|(_, line)| line.starts_with("//!")) {
        let mend = "open with a `//!` that says what it is, what it is not, and its invariant";
        found.push(file.violation(1, "opening", mend));
    }
    for (number, line) in file.lines() {
        // rustfmt breaks no string; in a table of cases one line a case is worth more than the
        // edge.
        let case = file.is_test() && line.contains('"');
        if line.chars().count() > MOST_COLUMNS && !case {
            let mend = format!("break the line before column {MOST_COLUMNS}");
            found.push(file.violation(number, "width", mend));
        }
        for (start, end, mend) in UNFINISHED {
            if line.contains(&format!("{start}{end}")) {
                found.push(file.violation(number, "unfinished", mend));
            }
        }
    }
    found.extend(length(file));
    found.extend(functions(file));
    found
}

fn length(file: &SourceFile) -> Option<Violation> {
    let most = if file.is_test() { MOST_TEST_LINES } else { MOST_LINES };
    let lines = file.lines().count();
    let excused = file.lines().any(|(_, line)| line.starts_with("//! Long because "));
    (lines > most && !excused).then(|| {
        let mend = format!("{lines} lines; find the seam, or say `//! Long because ...`");
        file.violation(1, "length", mend)
    })
}

/// Relies on rustfmt: a function ends at the first `}` that is indented as its first line is.
fn functions(file: &SourceFile) -> Vec<Violation> {
    let lines: Vec<&str> = file.lines().map(|(_, line)| line).collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let rest = &lines[index..];
        let ends_at_once = |line: &&str| line.ends_with(';') || line.ends_with('}');
        let length = match rest.iter().position(|line| *line == end) {
            Some(last) if !ends_at_once(line) => last + 1,
            _ => 1,
        };
        if length > MOST_FUNCTION_LINES {
            let mend =
                format!("`{name}` has {length} lines, at most {MOST_FUNCTION_LINES}; split it");
            found.push(file.violation(index + 1, "function", mend));
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().peekable();
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    while words.next_if(|word| qualifiers.contains(word)).is_some() {}
    (words.next()? == "fn").then_some(())?;
    words.next()?.split(['(', '<']).next()
}
