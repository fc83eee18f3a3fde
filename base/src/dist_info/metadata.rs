//! `METADATA`: the core metadata of a distribution, as far as the manifest needs it. Source: “Core
//! metadata specifications”; the format is that of mail headers (RFC 822).

/// The fields that are wanted. Nothing of it is checked beyond the syntax of headers: an index
/// holds many a file that no current tool would accept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `Name` as written.
    pub name: String,
    /// `Version` as written.
    pub version: String,
    /// `License-Expression` (PEP 639).
    pub license_expression: Option<String>,
    /// `License`: free text, often a whole licence.
    pub license: Option<String>,
    /// The `Classifier`s that begin with `License ::`.
    pub license_classifiers: Vec<String>,
    /// `Requires-Dist` in the file's order.
    pub requires: Vec<String>,
    /// `Provides-Extra` in the file's order.
    pub extras: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
}

impl Metadata {
    /// Reads the headers; the description below them is left alone. Bytes that are not UTF-8 are
    /// replaced, as `importlib.metadata` does it.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = headers.last_mut() {
                    value.push('\n');
                    value.push_str(line.trim());
                }
            } else if let Some((key, value)) = line.split_once(':') {
                headers.push((key.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let mut metadata = Self::default();
        for (key, value) in headers {
            match key.as_str() {
                "name" => metadata.name = value,
                "version" => metadata.version = value,
                "license-expression" => metadata.license_expression = Some(value),
                "license" => metadata.license = Some(value),
                "classifier" if value.starts_with("License ::") => {
                    metadata.license_classifiers.push(value);
                }
                "requires-dist" => metadata.requires.push(value),
                "provides-extra" => metadata.extras.push(value),
                "requires-python" => metadata.requires_python = Some(value),
                _ => {}
            }
        }
        metadata
    }

    /// The licence: PEP 639's expression, else the classifiers, else the first line of `License`.
    pub fn licence(&self) -> Option<String> {
        let known = |text: &&str| !text.is_empty() && !text.eq_ignore_ascii_case("unknown");
        if let Some(expression) = self.license_expression.as_deref().filter(known) {
            return Some(expression.to_owned());
        }
        let names: Vec<&str> = self
            .license_classifiers
            .iter()
            .filter_map(|classifier| classifier.rsplit(" :: ").next())
            // A heading of the tree, not a licence.
            .filter(|name| *name != "OSI Approved")
            .collect();
        if !names.is_empty() {
            return Some(names.join(", "));
        }
        let first = self.license.as_deref()?.lines().map(str::trim).find(known)?;
        Some(first.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_licence_is_the_most_precise_one() {
        for (headers, expected) in [
            ("License-Expression: MIT\nLicense: BSD", Some("MIT")),
            ("License: x\nClassifier: License :: OSI Approved :: MIT License", Some("MIT License")),
            ("License: UNKNOWN\nClassifier: License :: OSI Approved", None),
            ("License: The X Licence\n  and more\n\nLicense: not this", Some("The X Licence")),
            ("Name: x\n\nLicense: in the description", None),
        ] {
            let metadata = Metadata::parse(headers.as_bytes());
            assert_eq!(metadata.licence().as_deref(), expected, "{headers}");
        }
    }
}
