//! The grammar of each key of a recipe: one table, and the walk that checks a file against it
//! before any other code sees a value. A recipe is trusted to say what is built. But a word that
//! reaches a program, a path or a terminal must be exactly what it appears to be.

use std::fmt;

use toml::Value;

use crate::packaging::Version;
use crate::vocabulary::{Date, Problem, Sha256, shortened};

/// What the values of a key look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Text of any number of lines.
    Text,
    /// Text of one line.
    Line,
    /// `true` or `false`.
    Flag,
    /// A whole number above 0.
    Number,
    /// One of a few words, which the wire form lists.
    Word,
    /// A name of a project, extra or group (PEP 503, 685, 735).
    Name,
    /// The absolute path of an output.
    Prefix,
    /// A path of the host, relative to the recipe's directory or absolute.
    HostPath,
    /// A path below the directory that the key is about.
    Path,
    /// A path of the output; variables are replaced in it.
    OutputPath,
    /// A glob over paths of the output.
    Pattern,
    /// A name of a file, without its directory.
    FileName,
    /// A `https:`, `http:` or `file:` URL.
    Url,
    /// A digest as `sha256-…=`.
    Sri,
    /// A digest of 64 hexadecimal digits.
    Hex,
    /// `3.14` or `3.14.2`.
    Python,
    /// A version of a distribution (PEP 440).
    Version,
    /// A day.
    Date,
    /// A time in uv's words.
    Moment,
    /// A requirement (PEP 508).
    Requirement,
    /// A name of a Debian package (Debian policy, 5.6.7).
    DebianPackage,
    /// A Debian suite or codename.
    DebianSuite,
    /// A name of an environment variable (POSIX, 8.1).
    EnvironmentName,
    /// A name between `@` and `@`.
    VariableName,
    /// A Python module.
    Module,
    /// A program's name or path.
    Program,
}

use Grammar as G;

/// Every key: `[]` is an element of a list, `[0]` the first, `<>` a name that the recipe chooses,
/// `*` everything below it.
pub(super) const KEYS: &[(&str, Grammar)] = &[
    ("name", G::Name),
    ("description", G::Line),
    ("prefix", G::Prefix),
    ("source.path", G::HostPath),
    ("source.url", G::Url),
    ("source.nar-hash", G::Sri),
    ("target.python", G::Python),
    ("target.platforms[]", G::Word),
    ("project.name", G::Name),
    ("project.extras[]", G::Name),
    ("project.groups[]", G::Name),
    ("project.default-groups", G::Flag),
    ("project.dependencies-only", G::Flag),
    ("project.directory", G::Path),
    ("project.members", G::Word),
    ("project.members[]", G::Name),
    ("project.script", G::Path),
    ("project.no-binary[]", G::Name),
    ("index", G::Word),
    ("mirrors.<>", G::Url),
    ("mirrors.*", G::Url),
    ("override.<>", G::Name),
    ("override.*.reason", G::Text),
    ("override.*.upstream", G::Line),
    ("override.*.prefer", G::Word),
    ("override.*.source.url", G::Url),
    ("override.*.source.sha256", G::Hex),
    ("override.*.source.path", G::Path),
    ("override.*.source.nar-hash", G::Sri),
    ("override.*.wheel.path", G::Path),
    ("override.*.wheel.sha256", G::Hex),
    ("override.*.drop", G::Flag),
    ("override.*.record", G::Word),
    ("override.*.build.env.<>", G::EnvironmentName),
    ("override.*.build.env.*", G::Text),
    ("override.*.build.config-settings.<>", G::Line),
    ("override.*.build.config-settings.*", G::Text),
    ("override.*.build.config-settings.*[]", G::Text),
    ("override.*.build.include[]", G::Path),
    ("override.*.build.version", G::Version),
    ("override.*.build.native-cpu", G::Word),
    ("override.*.build.system-packages[]", G::DebianPackage),
    ("override.*.build.requires[]", G::Requirement),
    ("override.*.build.extra-requires[]", G::Requirement),
    ("override.*.build.patch[].file", G::Path),
    ("override.*.build.patch[].reason", G::Text),
    ("override.*.build.patch[].upstream", G::Line),
    ("override.*.skip[]", G::Pattern),
    ("override.*.wins[]", G::OutputPath),
    ("build-lock.exclude-newer", G::Moment),
    ("toolchain.providers[]", G::Word),
    ("toolchain.debian.suite", G::DebianSuite),
    ("toolchain.debian.packages[]", G::DebianPackage),
    ("toolchain.debian.mirrors[]", G::Url),
    ("variables.<>", G::VariableName),
    ("variables.*", G::Text),
    ("patch[].file", G::OutputPath),
    ("patch[].reason", G::Text),
    ("patch[].upstream", G::Line),
    ("patch[].replace[].from", G::Text),
    ("patch[].replace[].to", G::Text),
    ("patch[].replace[].mode", G::Word),
    ("copy[].from", G::Path),
    ("copy[].to", G::OutputPath),
    ("copy[].exclude[]", G::Path),
    ("copy[].executable[]", G::Path),
    ("link[].path", G::OutputPath),
    ("link[].target", G::OutputPath),
    ("shebangs.<>", G::FileName),
    ("shebangs.*", G::Program),
    ("bytecode", G::Word),
    ("collisions.default", G::Word),
    ("collisions.paths.<>", G::OutputPath),
    ("collisions.paths.*", G::Word),
    ("check.imports[]", G::Module),
    ("check.env.<>", G::EnvironmentName),
    ("check.env.*", G::Text),
    ("check.skip-scripts.<>", G::FileName),
    ("check.skip-scripts.*", G::Text),
    ("check.skip-requirements.<>", G::Name),
    ("check.skip-requirements.*", G::Text),
    ("check.run[].name", G::Line),
    ("check.run[].command[0]", G::Program),
    ("check.run[].command[]", G::Text),
    ("limits.build-minutes", G::Number),
    ("limits.check-minutes", G::Number),
    ("limits.log-megabytes", G::Number),
    ("limits.memory-megabytes", G::Number),
    ("limits.processes", G::Number),
    ("waiver[].cause", G::Word),
    ("waiver[].path", G::Pattern),
    ("waiver[].reason", G::Text),
    ("waiver[].sha256[]", G::Hex),
    ("waiver[].upstream", G::Line),
    ("waiver[].expires", G::Date),
];

/// Checks every string of a recipe against the grammar of its key. It ignores keys that are not in
/// the table; the wire form has a better error for them.
pub(super) fn check(recipe: &toml::Table) -> Result<(), Problem> {
    check_table(recipe, "", "")
}

/// `path` is a place of the table of keys, `shown` the same in the recipe's words.
fn check_table(table: &toml::Table, path: &str, shown: &str) -> Result<(), Problem> {
    let chosen = format!("{path}.<>");
    let chosen = chosen.trim_start_matches('.');
    let names = KEYS.iter().find(|(key, _)| *key == chosen);
    for (name, value) in table {
        let dotted = |start: &str, end: &str| {
            if start.is_empty() { end.to_owned() } else { format!("{start}.{end}") }
        };
        let (below, shown) = match names {
            Some((_, grammar)) => {
                check_text(*grammar, name, shown)?;
                (dotted(path, "*"), dotted(shown, name))
            }
            None => (dotted(path, name), dotted(shown, name)),
        };
        check_value(value, &below, &shown)?;
    }
    Ok(())
}

fn check_value(value: &Value, path: &str, shown: &str) -> Result<(), Problem> {
    match value {
        Value::Table(table) => check_table(table, path, shown),
        Value::Array(values) => values.iter().enumerate().try_for_each(|(index, value)| {
            let special = format!("{path}[{index}]");
            let is_special = KEYS.iter().any(|(key, _)| *key == special);
            let element = if is_special { special } else { format!("{path}[]") };
            check_value(value, &element, shown)
        }),
        Value::String(text) => match KEYS.iter().find(|(key, _)| *key == path) {
            Some((_, grammar)) => check_text(*grammar, text, shown),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_text(grammar: Grammar, text: &str, shown: &str) -> Result<(), Problem> {
    if grammar.accepts(text) {
        return Ok(());
    }
    let problem = Problem::usage(format!("`{shown}` is not valid"))
        .fact("value", shortened(text))
        .fact("expected", grammar);
    Err(match grammar {
        G::DebianPackage => problem.hint("`apt-cache search WORD` finds names of packages"),
        _ => problem.hint("`recipes/README.md` documents every key"),
    })
}

impl Grammar {
    /// The most bytes that a value has.
    fn bytes_max(self) -> usize {
        match self {
            G::Text => 64 << 10,
            G::Prefix | G::FileName => 255,
            G::DebianPackage | G::DebianSuite | G::Word | G::Moment | G::VariableName => 128,
            _ => 4096,
        }
    }

    fn accepts(self, text: &str) -> bool {
        let has_control = text.chars().any(|c| is_control(c) && !(self == G::Text && is_layout(c)));
        if text.len() > self.bytes_max() || has_control {
            return false;
        }
        match self {
            G::Text | G::Line => true,
            // The wire form wants no text here.
            G::Flag | G::Number => false,
            G::Word | G::Name => is_word(text, is_plain),
            G::Prefix => is_prefix(text),
            G::HostPath | G::Program => is_argument(text),
            G::Path | G::Pattern => is_argument(text) && is_inside(text) && !text.starts_with('/'),
            G::OutputPath => is_argument(text) && is_inside(text),
            G::FileName => is_argument(text) && !text.contains('/') && is_inside(text),
            G::Url => is_url(text),
            G::Sri => Sha256::from_sri(text).is_ok(),
            G::Hex => Sha256::from_hex(text).is_ok(),
            G::Python => text.split('.').all(is_number) && matches!(text.split('.').count(), 2 | 3),
            G::Version => !text.contains(char::is_whitespace) && text.parse::<Version>().is_ok(),
            G::Date => text.parse::<Date>().is_ok(),
            G::Moment => is_word(text, |c| is_plain(c) || matches!(c, ':' | '+' | ' ')),
            G::Requirement => text.starts_with(|c: char| c.is_ascii_alphanumeric()),
            G::DebianPackage => is_debian_package(text),
            G::DebianSuite => is_word(text, |c| is_plain(c) && c != '_') && !text.contains(".."),
            G::EnvironmentName => {
                text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            }
            G::VariableName => {
                is_word(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
                    && !text.starts_with(|c: char| c.is_ascii_digit())
            }
            G::Module => text.split('.').all(is_identifier),
        }
    }
}

impl fmt::Display for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            G::Text => "text without control characters, at most 64 KiB",
            G::Line => "one line of text without control characters",
            G::Flag => "`true` or `false`",
            G::Number => "a whole number above 0",
            G::Word => "a word of letters, digits, `-`, `_` and `.`",
            G::Name => "a name of letters, digits, `-`, `_` and `.`",
            G::Prefix => {
                "a normalised absolute path of letters, digits and `+-._=~@`, at most 255 bytes"
            }
            G::HostPath => "a path that does not begin with `-`",
            G::Path => "a relative path without `..` that does not begin with `-`",
            G::OutputPath => "a path in the output without `..`",
            G::Pattern => "a pattern of paths relative to the output, without `..`",
            G::FileName => "the name of a file, without `/`",
            G::Url => "a `https:`, `http:` or `file:` URL without blanks and quotes",
            G::Sri => "a digest such as `sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=`",
            G::Hex => "a sha256 of 64 hexadecimal digits",
            G::Python => "a version such as `3.14` or `3.14.2`",
            G::Version => "a version such as `1.2.3` or `1.2.4.dev3+g1a2b3c4`",
            G::Date => "a day such as `2027-12-31`",
            G::Moment => "a time such as `2027-12-31T00:00:00Z` or `1 week`",
            G::Requirement => "a requirement such as `setuptools>=80`",
            G::DebianPackage => {
                "a Debian package: lower-case letters, digits and `+-.`, as in `libxml2-dev`"
            }
            G::DebianSuite => "a Debian suite such as `forky`",
            G::EnvironmentName => "a variable of letters, digits and `_`",
            G::VariableName => "a name of letters, digits, `-` and `_`",
            G::Module => "a Python module such as `a.b`",
            G::Program => "a program that does not begin with `-`",
        })
    }
}

/// Control characters of terminals, and characters that reorder the displayed text.
fn is_control(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

fn is_layout(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t')
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// It begins and ends with a letter or digit.
fn is_word(text: &str, accepts: impl Fn(char) -> bool) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(ends) && text.ends_with(ends) && text.chars().all(accepts)
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// No program takes it for an option.
fn is_argument(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-')
}

fn is_inside(path: &str) -> bool {
    path.split('/').all(|part| part != "..")
}

/// It reaches shebangs, `pyvenv.cfg` and the launchers of commands, where blanks and quotes have a
/// meaning.
pub(super) fn is_prefix(path: &str) -> bool {
    let is_part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "+-._=~@".contains(c))
    };
    path.strip_prefix('/').is_some_and(|parts| parts.split('/').all(is_part))
}

fn is_url(text: &str) -> bool {
    ["https://", "http://", "file:///"].iter().any(|scheme| text.starts_with(scheme))
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\' | '<' | '>'))
}

/// Debian policy, 5.6.7. `apt-get install` removes what ends in `-`.
fn is_debian_package(text: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| first(c) || matches!(c, '+' | '-' | '.');
    text.len() >= 2 && text.starts_with(first) && text.chars().all(rest) && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
