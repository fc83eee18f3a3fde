//! Requirements (PEP 508): `name[extra]>=1,<2 ; marker` or `name @ URL ; marker`.

use std::fmt;
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::Url;

use super::{ExtraName, Marker, MarkerEnvironment, PackageName};

/// A string that is not a requirement, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid requirement (PEP 508): {because}")]
pub struct InvalidRequirement {
    text: String,
    because: String,
}

/// A requirement of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// What is required.
    pub name: PackageName,
    /// The extras of it that are required too.
    pub extras: Vec<ExtraName>,
    /// The versions that satisfy it, or its URL.
    pub version_or_url: Option<VersionOrUrl>,
    /// When it is required.
    pub marker: Marker,
}

/// The parts of a requirement besides the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionOrUrl {
    /// Versions that fit (PEP 440).
    VersionSpecifier(VersionSpecifiers),
    /// A direct URL. May hold credentials; the text of a [`Requirement`] has none.
    Url(Url),
}

impl Requirement {
    /// Whether it counts in an environment where these extras are selected.
    pub fn evaluate_markers(&self, environment: &MarkerEnvironment, extras: &[ExtraName]) -> bool {
        self.marker.evaluate(environment, extras)
    }
}

impl FromStr for Requirement {
    type Err = InvalidRequirement;

    fn from_str(text: &str) -> Result<Self, InvalidRequirement> {
        parse(text).map_err(|because| InvalidRequirement {
            text: text.split("://").next().unwrap_or_default().to_owned(),
            because,
        })
    }
}

fn parse(text: &str) -> Result<Requirement, String> {
    let text = text.trim();
    let end = text
        .find(|char: char| !char.is_ascii_alphanumeric() && !"-_.".contains(char))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let (extras, rest) = extras(rest.trim_start())?;
    let rest = rest.trim_start();
    let (version_or_url, rest) = match rest.chars().next() {
        None | Some(';') => (None, rest),
        Some('@') => {
            let (url, rest) = url(rest[1..].trim_start());
            let url = Url::parse(url).map_err(|error| format!("its URL is not valid: {error}"))?;
            (Some(VersionOrUrl::Url(url)), rest)
        }
        Some('(') => {
            let (inner, rest) = rest[1..]
                .split_once(')')
                .ok_or_else(|| "expected `)`, found the end".to_owned())?;
            (Some(specifiers(inner)?), rest)
        }
        Some('<' | '=' | '>' | '~' | '!') => {
            let (inner, rest) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
            (Some(specifiers(inner)?), rest)
        }
        Some(_) => {
            return Err(format!("expected a version, `@`, `;` or the end, found `{rest}`"));
        }
    };
    // `x-1.0.tar.gz` is the name of a file, though PEP 508 would have it as a name.
    let archives = [".whl", ".zip", ".tgz", ".tar", ".tar.gz"];
    if version_or_url.is_none() && archives.iter().any(|end| name.ends_with(end)) {
        return Err("it is a file; write `name @ URL`".to_owned());
    }
    let marker = match rest.trim_start() {
        "" => Marker::default(),
        rest if rest.starts_with('#') => Marker::default(),
        rest => match rest.strip_prefix(';') {
            Some(marker) => marker.parse().map_err(|error| format!("{error}"))?,
            None => return Err(format!("expected `;` or the end, found `{rest}`")),
        },
    };
    let name = name.parse().map_err(|error| format!("{error}"))?;
    Ok(Requirement { name, extras, version_or_url, marker })
}

fn extras(text: &str) -> Result<(Vec<ExtraName>, &str), String> {
    let Some(inner) = text.strip_prefix('[') else {
        return Ok((Vec::new(), text));
    };
    let (inner, rest) =
        inner.split_once(']').ok_or_else(|| "expected `]`, found the end".to_owned())?;
    if inner.trim().is_empty() {
        return Ok((Vec::new(), rest));
    }
    let extras = inner.split(',').map(|extra| extra.trim().parse());
    let extras = extras.collect::<Result<_, _>>().map_err(|error| format!("{error}"))?;
    Ok((extras, rest))
}

/// A URL ends where the line does, or at a `;` or `#` that has a space before or after it.
fn url(text: &str) -> (&str, &str) {
    let line = text.find(['\r', '\n']).unwrap_or(text.len());
    let mut ends = text[..line].match_indices([';', '#']).map(|(at, _)| at);
    let is_apart = |at: &usize| {
        let (before, after) = (&text[..*at], &text[*at + 1..]);
        before.is_empty()
            || before.ends_with(char::is_whitespace)
            || after.starts_with(char::is_whitespace)
    };
    let end = ends.find(is_apart).unwrap_or(line);
    (text[..end].trim_end(), &text[end..])
}

fn specifiers(text: &str) -> Result<VersionOrUrl, String> {
    let text = text.trim();
    // uv takes one comma more, as many projects have it.
    let text = text.strip_suffix(',').unwrap_or(text).trim_end();
    if text.is_empty() {
        return Err("expected a version".to_owned());
    }
    VersionSpecifiers::from_str(text)
        .map(VersionOrUrl::VersionSpecifier)
        .map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// `name[extra]>=1,<2 ; marker`, without credentials.
impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ExtraName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                let texts: Vec<String> = specifiers.iter().map(ToString::to_string).collect();
                write!(f, "{}", texts.join(","))?;
            }
            Some(VersionOrUrl::Url(url)) => {
                write!(f, " @ {}", without_credentials(url))?;
            }
            None => {}
        }
        match self.marker.text() {
            Some(marker) => write!(f, " ; {marker}"),
            None => Ok(()),
        }
    }
}

fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // Both fail only for URLs that cannot have a user, and such a URL has none.
        let _ = url.set_password(None);
        let _ = url.set_username("****");
    }
    url
}

impl Serialize for Requirement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Requirement {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_and_written_as_uv_does() {
        for (text, expected) in [
            ("A.b", "a-b"),
            ("a [X, y_z] >= 1.0, <2", "a[x,y-z]>=1.0,<2"),
            ("a (>=1,<2,)", "a>=1,<2"),
            ("a[] ~=1.0;os_name=='x'", "a~=1.0 ; os_name == 'x'"),
            ("a==1.0.*,!=1.0.3", "a==1.0.*,!=1.0.3"),
            ("a<2,>=1.0a1", "a>=1.0a1,<2"),
            (
                "a @ https://x.example/a.zip ; os_name=='x'",
                "a @ https://x.example/a.zip ; os_name == 'x'",
            ),
            ("a @ https://x.example/a;b", "a @ https://x.example/a;b"),
            ("a @ https://me:word@x.example/a.zip", "a @ https://****@x.example/a.zip"),
            (
                "a ; (os_name == 'x' or os_name == 'y') and extra != 'z'",
                "a ; (os_name == 'x' or os_name == 'y') and extra != 'z'",
            ),
            ("a ; 'x' in os_name", "a ; 'x' in os_name"),
            ("a ; platform_version == \"it's\"", "a ; platform_version == \"it's\""),
        ] {
            let requirement: Requirement = text.parse().unwrap();
            assert_eq!(requirement.to_string(), expected);
            assert_eq!(expected.parse::<Requirement>().unwrap().marker, requirement.marker);
        }
        for text in [
            "",
            "a-",
            "-a",
            "a b",
            "a[x",
            "a[,]",
            "a[x,]",
            "a 1.0",
            "a=1",
            "a>=1 <2",
            "a>",
            "a @",
            "a @ b",
            "a ;",
            "a ; os_name",
            "a.zip",
            "a # b",
            "a ; os_name == 'x' b",
            "a (>=1",
            "a ~= 1",
        ] {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
