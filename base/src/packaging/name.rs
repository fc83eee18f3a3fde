//! Names of distributions, extras and dependency groups, in normalised form (PEP 503, 685, 735):
//! lower case, with `-` for every run of `-`, `_` and `.`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid name: it must start and end with a letter or a digit, and may have only \
     letters, digits, `-`, `_` and `.`"
)]
pub struct InvalidName(String);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the normal form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                normal(text).map(|name| Self(name.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of a distribution (PEP 503).
    PackageName
}

name! {
    /// The name of an extra (PEP 685).
    ExtraName
}

name! {
    /// The name of a dependency group (PEP 735).
    GroupName
}

fn normal(text: &str) -> Result<String, InvalidName> {
    let invalid = || InvalidName(text.to_owned());
    if !text.starts_with(|first: char| first.is_ascii_alphanumeric())
        || !text.ends_with(|last: char| last.is_ascii_alphanumeric())
    {
        return Err(invalid());
    }
    let mut name = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '-' | '_' | '.' if name.ends_with('-') => {}
            '-' | '_' | '.' => name.push('-'),
            _ if char.is_ascii_alphanumeric() => name.push(char.to_ascii_lowercase()),
            _ => return Err(invalid()),
        }
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_normal_form() {
        for (text, expected) in [
            ("a", "a"),
            ("Friendly-Bard", "friendly-bard"),
            ("FrIeNdLy-._.-bArD", "friendly-bard"),
            ("0x", "0x"),
        ] {
            let name: PackageName = text.parse().unwrap();
            assert_eq!(name.as_str(), expected);
        }
        for text in ["", "-", "a-", "_a", "a.", "a b", "a/b", "ä", "a\u{301}"] {
            assert!(text.parse::<PackageName>().is_err(), "{text}");
        }
    }
}
