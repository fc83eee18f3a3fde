//! Markers (PEP 508): a condition on the environment that decides whether a dependency applies.
//!
//! The rules are those of uv 0.13, which wrote the markers of the lock. They differ from PEP 508 in
//! four points: only the release part of a version counts; `in` on a version compares with a list
//! of versions; a meaningless comparison, such as one of two strings, is ignored; and strings other
//! than `platform_release` and `platform_version` are never less or greater than each other.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::{Operator, Version, VersionSpecifier};

use super::ExtraName;

/// A string that is not a marker, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMarker(String);

/// A parsed marker. The default is the absent one, which always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marker(Option<Arc<Node>>);

/// The environment that markers ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerEnvironment {
    /// `implementation_name`, such as `cpython`.
    pub implementation_name: String,
    /// `implementation_version`, such as `3.14.2`.
    pub implementation_version: Version,
    /// `os_name`, such as `posix`.
    pub os_name: String,
    /// `platform_machine`, such as `x86_64`.
    pub platform_machine: String,
    /// `platform_python_implementation`, such as `CPython`.
    pub platform_python_implementation: String,
    /// `platform_release`: the kernel's.
    pub platform_release: String,
    /// `platform_system`, such as `Linux`.
    pub platform_system: String,
    /// `platform_version`: the kernel's.
    pub platform_version: String,
    /// `python_full_version`, such as `3.14.2`; `python_version` is its first two numbers.
    pub python_full_version: Version,
    /// `sys_platform`, such as `linux`.
    pub sys_platform: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Version(VersionKey, VersionSpecifier),
    VersionIn {
        key: VersionKey,
        listed: Vec<Version>,
        negated: bool,
    },
    Text(TextKey, TextOperator, String),
    /// A text that cannot be the name of an extra is never one, and never none: as uv has it.
    Extra {
        text: String,
        name: Option<ExtraName>,
        negated: bool,
    },
    /// `'…' in extras` or `in dependency_groups`: lists that only PEP 751 fills.
    List {
        key: &'static str,
        text: String,
        is_name: bool,
        negated: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionKey {
    Implementation,
    PythonFull,
    Python,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextKey {
    ImplementationName,
    OsName,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    SysPlatform,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextOperator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// The environment's text is part of the marker's.
    In,
    NotIn,
    /// The marker's text is part of the environment's: `'…' in key`.
    Contains,
    NotContains,
}

impl Marker {
    /// Whether it holds in every environment, because there is no condition.
    pub fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it holds in an environment where these extras are selected.
    pub fn evaluate(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        self.0.as_ref().is_none_or(|node| node.holds(environment, extras))
    }

    /// Returns the marker as PEP 508 text, or `None` if it is the absent one.
    pub fn text(&self) -> Option<String> {
        self.0.as_ref().map(ToString::to_string)
    }
}

impl FromStr for Marker {
    type Err = InvalidMarker;

    fn from_str(text: &str) -> Result<Self, InvalidMarker> {
        parse::marker(text).map(|node| Self(node.map(Arc::new)))
    }
}

impl Node {
    fn holds(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(environment, extras)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(environment, extras)),
            Self::Version(key, specifier) => version_holds(*key, specifier, environment),
            Self::VersionIn { key, listed, negated } => {
                listed_holds(*key, listed, *negated, environment)
            }
            Self::Text(key, operator, value) => {
                let lexical = matches!(key, TextKey::PlatformRelease | TextKey::PlatformVersion);
                text_holds(key.of(environment), *operator, value, lexical)
            }
            Self::Extra { name, negated, .. } => {
                name.as_ref().is_some_and(|name| extras.contains(name) != *negated)
            }
            Self::List { is_name, negated, .. } => *is_name && *negated,
        }
    }
}

fn text_holds(have: &str, operator: TextOperator, value: &str, lexical: bool) -> bool {
    match operator {
        TextOperator::Equal => have == value,
        TextOperator::NotEqual => have != value,
        TextOperator::Less => lexical && have < value,
        TextOperator::Greater => lexical && have > value,
        TextOperator::LessOrEqual => have == value || lexical && have < value,
        TextOperator::GreaterOrEqual => have == value || lexical && have > value,
        TextOperator::In => value.contains(have),
        TextOperator::NotIn => !value.contains(have),
        TextOperator::Contains => have.contains(value),
        TextOperator::NotContains => !have.contains(value),
    }
}

fn version_holds(
    key: VersionKey,
    specifier: &VersionSpecifier,
    environment: &MarkerEnvironment,
) -> bool {
    let have = key.release(environment);
    let wanted = specifier.version().release();
    let order = compare(have, wanted);
    match specifier.operator() {
        Operator::Equal | Operator::ExactEqual => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::LessThan => order == Ordering::Less,
        Operator::LessThanEqual => order != Ordering::Greater,
        Operator::GreaterThan => order == Ordering::Greater,
        Operator::GreaterThanEqual => order != Ordering::Less,
        Operator::TildeEqual => {
            order != Ordering::Less && has_prefix(have, &wanted[..wanted.len() - 1])
        }
        Operator::EqualStar => has_prefix(have, wanted),
        // To uv, no `python_version` can be unlike `3.9.1.*`, which is longer than any.
        Operator::NotEqualStar => !has_prefix(have, wanted) && !key.is_exceeded_by(wanted),
    }
}

fn listed_holds(
    key: VersionKey,
    listed: &[Version],
    negated: bool,
    environment: &MarkerEnvironment,
) -> bool {
    if listed.iter().any(|version| key.is_exceeded_by(version.release())) {
        return false;
    }
    let found = listed.iter().any(|version| match key {
        VersionKey::Python => {
            compare(key.release(environment), version.release()) == Ordering::Equal
        }
        VersionKey::PythonFull => *version == environment.python_full_version,
        VersionKey::Implementation => *version == environment.implementation_version,
    });
    found != negated
}

/// Compares the release parts of two versions: `3.14` is `3.14.0`.
fn compare(left: &[u64], right: &[u64]) -> Ordering {
    let numbers = 0..left.len().max(right.len());
    let number = |release: &[u64], at: usize| release.get(at).copied().unwrap_or(0);
    numbers
        .map(|at| number(left, at).cmp(&number(right, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn has_prefix(release: &[u64], prefix: &[u64]) -> bool {
    let padded = release.iter().chain(std::iter::repeat(&0));
    prefix.iter().zip(padded).all(|(left, right)| left == right)
}

impl VersionKey {
    fn release(self, environment: &MarkerEnvironment) -> &[u64] {
        match self {
            Self::Implementation => environment.implementation_version.release(),
            Self::PythonFull => environment.python_full_version.release(),
            Self::Python => {
                let release = environment.python_full_version.release();
                &release[..release.len().min(2)]
            }
        }
    }

    /// Whether a version has more numbers than the key's ever have.
    fn is_exceeded_by(self, wanted: &[u64]) -> bool {
        self == Self::Python && wanted.iter().skip(2).any(|number| *number != 0)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Implementation => "implementation_version",
            Self::PythonFull => "python_full_version",
            Self::Python => "python_version",
        }
    }
}

impl TextKey {
    fn of(self, environment: &MarkerEnvironment) -> &str {
        match self {
            Self::ImplementationName => &environment.implementation_name,
            Self::OsName => &environment.os_name,
            Self::PlatformMachine => &environment.platform_machine,
            Self::PlatformPythonImplementation => &environment.platform_python_implementation,
            Self::PlatformRelease => &environment.platform_release,
            Self::PlatformSystem => &environment.platform_system,
            Self::PlatformVersion => &environment.platform_version,
            Self::SysPlatform => &environment.sys_platform,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::ImplementationName => "implementation_name",
            Self::OsName => "os_name",
            Self::PlatformMachine => "platform_machine",
            Self::PlatformPythonImplementation => "platform_python_implementation",
            Self::PlatformRelease => "platform_release",
            Self::PlatformSystem => "platform_system",
            Self::PlatformVersion => "platform_version",
            Self::SysPlatform => "sys_platform",
        }
    }
}

impl TextOperator {
    /// As it is written between a key and a text; `Contains` is written the other way round.
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In | Self::Contains => "in",
            Self::NotIn | Self::NotContains => "not in",
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |negated: bool| if negated { "not in" } else { "in" };
        match self {
            Self::All(nodes) => joined(f, nodes, " and "),
            Self::Any(nodes) => joined(f, nodes, " or "),
            Self::Version(key, specifier) => {
                let star = match specifier.operator() {
                    Operator::EqualStar | Operator::NotEqualStar => ".*",
                    _ => "",
                };
                let (operator, version) = (specifier.operator(), specifier.version());
                write!(f, "{} {operator} '{version}{star}'", key.name())
            }
            Self::VersionIn { key, listed, negated } => {
                let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
                write!(f, "{} {} '{}'", key.name(), word(*negated), listed.join(" "))
            }
            Self::Text(key, operator, value) => {
                let (key, value) = (key.name(), quoted(value));
                match operator {
                    TextOperator::Contains | TextOperator::NotContains => {
                        write!(f, "{value} {} {key}", operator.symbol())
                    }
                    _ => write!(f, "{key} {} {value}", operator.symbol()),
                }
            }
            Self::Extra { text, negated, .. } => {
                write!(f, "extra {} {}", if *negated { "!=" } else { "==" }, quoted(text))
            }
            Self::List { key, text, negated, .. } => {
                write!(f, "{} {} {key}", quoted(text), word(*negated))
            }
        }
    }
}

/// A text has no more than one kind of quotes in it: the other one is around it in the source.
fn quoted(text: &str) -> String {
    if text.contains('\'') { format!("\"{text}\"") } else { format!("'{text}'") }
}

fn joined(f: &mut fmt::Formatter<'_>, nodes: &[Node], word: &str) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        let before = if index == 0 { "" } else { word };
        match node {
            Node::Any(_) | Node::All(_) => write!(f, "{before}({node})")?,
            _ => write!(f, "{before}{node}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_takes_no_more_than_its_own_length() {
        // As a decision diagram it has 2^40 nodes.
        let pairs: Vec<String> =
            (0..40).map(|n| format!("('a{n}' in os_name or 'b{n}' in sys_platform)")).collect();
        assert!(pairs.join(" and ").parse::<Marker>().is_ok());
        let nested = |depth: usize| {
            format!("{}os_name == ''{}", "(".repeat(depth), ")".repeat(depth)).parse::<Marker>()
        };
        assert!(nested(64).is_ok());
        let refused = nested(100_000).unwrap_err().to_string();
        assert!(refused.contains("more than 64"), "{refused}");
    }
}
