//! Parses a marker into a tree, with PEP 508's grammar as uv reads it:
//!
//! ```text
//! any        = all ('or' all)*
//! all        = term ('and' term)*
//! term       = '(' any ')' | comparison
//! comparison = value operator value
//! value      = name | quoted text
//! ```
//!
//! A meaningless comparison is dropped, as in uv; an expression of only such comparisons is absent.

use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionPattern, VersionSpecifier};

use super::super::ExtraName;
use super::{InvalidMarker, Node, TextKey, TextOperator, VersionKey};

/// Real markers have three levels. Each takes a frame of the stack.
const DEPTH_MAX: usize = 64;

pub(super) fn marker(text: &str) -> Result<Option<Node>, InvalidMarker> {
    let mut cursor = Cursor { rest: text };
    let node = cursor.any(0)?;
    cursor.skip_space();
    match cursor.rest {
        "" => Ok(node),
        rest => Err(invalid(format!("expected `and`, `or` or the end, found `{rest}`"))),
    }
}

fn invalid(because: impl Into<String>) -> InvalidMarker {
    InvalidMarker(because.into())
}

enum Value<'a> {
    Version(VersionKey),
    Text(TextKey),
    List(&'static str),
    Extra,
    Quoted(&'a str),
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes the longest start whose characters all fit.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|char| !fits(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn expect(&mut self, expected: char) -> Result<(), InvalidMarker> {
        self.rest = self.rest.strip_prefix(expected).ok_or_else(|| match self.rest {
            "" => invalid(format!("expected `{expected}`, found the end")),
            rest => invalid(format!("expected `{expected}`, found `{rest}`")),
        })?;
        Ok(())
    }

    /// Whether the next word is `word`, which is then taken.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let next = self.rest.split(char::is_whitespace).next().unwrap_or_default();
        if next == word {
            self.rest = &self.rest[word.len()..];
        }
        next == word
    }

    fn any(&mut self, depth: usize) -> Result<Option<Node>, InvalidMarker> {
        let mut nodes: Vec<Node> = self.all(depth)?.into_iter().collect();
        while self.take_word("or") {
            nodes.extend(self.all(depth)?);
        }
        Ok(alone_or(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Option<Node>, InvalidMarker> {
        let mut nodes: Vec<Node> = self.term(depth)?.into_iter().collect();
        while self.take_word("and") {
            nodes.extend(self.term(depth)?);
        }
        Ok(alone_or(nodes, Node::All))
    }

    fn term(&mut self, depth: usize) -> Result<Option<Node>, InvalidMarker> {
        self.skip_space();
        let Some(inner) = self.rest.strip_prefix('(') else {
            return self.comparison();
        };
        if depth == DEPTH_MAX {
            return Err(invalid(format!("more than {DEPTH_MAX} parentheses are nested")));
        }
        self.rest = inner;
        let node = self.any(depth + 1)?;
        self.expect(')')?;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Option<Node>, InvalidMarker> {
        let left = self.value()?;
        self.skip_space();
        let operator = self.operator()?;
        self.skip_space();
        let right = self.value()?;
        Ok(match (left, right) {
            (Value::List(key), _) => {
                return Err(invalid(format!("`{key}` must be on the right of `in`")));
            }
            (Value::Version(key), Value::Quoted(text)) => version(key, operator, text),
            (Value::Quoted(text), Value::Version(key)) => version_first(text, operator, key),
            (Value::Text(key), Value::Quoted(text)) => {
                text_operator(operator).map(|it| Node::Text(key, it, text.to_owned()))
            }
            (Value::Quoted(text), Value::Text(key)) => {
                let operator = match operator {
                    "in" => Some(TextOperator::Contains),
                    "not in" => Some(TextOperator::NotContains),
                    other => text_operator(inverse(other)),
                };
                operator.map(|it| Node::Text(key, it, text.to_owned()))
            }
            (Value::Extra, Value::Quoted(text)) | (Value::Quoted(text), Value::Extra) => {
                extra(operator, text)
            }
            (Value::Quoted(text), Value::List(key)) => match operator {
                "in" | "not in" => {
                    let is_name = text.parse::<ExtraName>().is_ok();
                    let negated = operator == "not in";
                    Some(Node::List { key, text: text.to_owned(), is_name, negated })
                }
                _ => return Err(invalid(format!("`{key}` cannot be compared by `{operator}`"))),
            },
            _ => None,
        })
    }

    fn value(&mut self) -> Result<Value<'a>, InvalidMarker> {
        for quote in ['"', '\''] {
            if let Some(inner) = self.rest.strip_prefix(quote) {
                self.rest = inner;
                let text = self.take(|char| char != quote);
                self.expect(quote)?;
                return Ok(Value::Quoted(text));
            }
        }
        let name = self.take(|char| !char.is_whitespace() && !">=<!~)".contains(char));
        named(name).ok_or_else(|| match name {
            "" => invalid("expected the name of a marker or a quoted text"),
            _ => invalid(format!("expected the name of a marker or a quoted text, found `{name}`")),
        })
    }

    fn operator(&mut self) -> Result<&'static str, InvalidMarker> {
        let word = if self.rest.starts_with(char::is_alphabetic) {
            self.take(|char| !char.is_whitespace() && char != '\'' && char != '"')
        } else {
            self.take(|char| "<=>~!".contains(char))
        };
        if word == "not" && self.rest.starts_with(char::is_whitespace) {
            self.skip_space();
            if let Some(rest) = self.rest.strip_prefix("in") {
                self.rest = rest;
                return Ok("not in");
            }
        }
        let known = ["==", "!=", "<=", ">=", "<", ">", "~=", "in"];
        known.into_iter().find(|known| *known == word).ok_or_else(|| {
            invalid(format!("expected an operator such as `>=` or `not in`, found `{word}`"))
        })
    }
}

fn alone_or(mut nodes: Vec<Node>, together: fn(Vec<Node>) -> Node) -> Option<Node> {
    if nodes.len() > 1 { Some(together(nodes)) } else { nodes.pop() }
}

/// The names of PEP 508 and 751, and the older ones of PEP 345.
fn named(name: &str) -> Option<Value<'static>> {
    Some(match name {
        "implementation_version" => Value::Version(VersionKey::Implementation),
        "python_full_version" => Value::Version(VersionKey::PythonFull),
        "python_version" => Value::Version(VersionKey::Python),
        "implementation_name" => Value::Text(TextKey::ImplementationName),
        "os_name" | "os.name" => Value::Text(TextKey::OsName),
        "platform_machine" | "platform.machine" => Value::Text(TextKey::PlatformMachine),
        "platform_python_implementation"
        | "platform.python_implementation"
        | "python_implementation" => Value::Text(TextKey::PlatformPythonImplementation),
        "platform_release" => Value::Text(TextKey::PlatformRelease),
        "platform_system" => Value::Text(TextKey::PlatformSystem),
        "platform_version" | "platform.version" => Value::Text(TextKey::PlatformVersion),
        "sys_platform" | "sys.platform" => Value::Text(TextKey::SysPlatform),
        "extras" => Value::List("extras"),
        "dependency_groups" => Value::List("dependency_groups"),
        "extra" => Value::Extra,
        _ => return None,
    })
}

fn version(key: VersionKey, operator: &str, text: &str) -> Option<Node> {
    if matches!(operator, "in" | "not in") {
        let listed = text.split_whitespace().map(Version::from_str);
        let listed = listed.collect::<Result<_, _>>().ok()?;
        return Some(Node::VersionIn { key, listed, negated: operator == "not in" });
    }
    let pattern = VersionPattern::from_str(text).ok()?;
    let specifier = VersionSpecifier::from_pattern(version_operator(operator)?, pattern).ok()?;
    Some(Node::Version(key, specifier))
}

/// `'3.14' <= python_version`; here `3.*` is no version.
fn version_first(text: &str, operator: &str, key: VersionKey) -> Option<Node> {
    let version = Version::from_str(text).ok()?;
    let operator = version_operator(inverse(operator))?;
    Some(Node::Version(key, VersionSpecifier::from_version(operator, version).ok()?))
}

fn extra(operator: &str, text: &str) -> Option<Node> {
    let negated = match operator {
        "==" => false,
        "!=" => true,
        _ => return None,
    };
    Some(Node::Extra { name: text.parse().ok(), text: text.to_owned(), negated })
}

fn inverse(operator: &str) -> &str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}

fn version_operator(operator: &str) -> Option<Operator> {
    Some(match operator {
        "==" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::LessThan,
        "<=" => Operator::LessThanEqual,
        ">" => Operator::GreaterThan,
        ">=" => Operator::GreaterThanEqual,
        "~=" => Operator::TildeEqual,
        _ => return None,
    })
}

fn text_operator(operator: &str) -> Option<TextOperator> {
    Some(match operator {
        "==" => TextOperator::Equal,
        "!=" => TextOperator::NotEqual,
        "<" => TextOperator::Less,
        "<=" => TextOperator::LessOrEqual,
        ">" => TextOperator::Greater,
        ">=" => TextOperator::GreaterOrEqual,
        "in" => TextOperator::In,
        "not in" => TextOperator::NotIn,
        _ => return None,
    })
}
