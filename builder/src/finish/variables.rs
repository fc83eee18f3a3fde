//! `@name@` in a recipe's patches, copies, links and shebangs. This module only replaces names;
//! `recipe` decides which keys may contain them.

use std::collections::BTreeMap;

use crate::install::output::Output;
use base::recipe::nearest;
use base::vocabulary::limits::PATCHED_BYTES;
use base::vocabulary::{Problem, shortened};

/// What `@name@` stands for: `@out@` is the prefix, `@python@` the venv's interpreter,
/// `@site-packages@` the directory of modules, all absolute below the prefix; the rest is the
/// recipe's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variables {
    prefix: String,
    values: BTreeMap<String, String>,
}

impl Variables {
    /// The variables of a recipe; its values may use the built-in ones.
    pub fn new(output: &Output, recipe: &BTreeMap<String, String>) -> Self {
        let prefix = &output.prefix;
        let built_in = BTreeMap::from([
            ("out".to_owned(), prefix.clone()),
            ("python".to_owned(), format!("{prefix}/bin/python")),
            ("site-packages".to_owned(), format!("{prefix}/{}", output.site_packages)),
        ]);
        let mut variables = Self { prefix: prefix.clone(), values: built_in };
        for (name, value) in recipe {
            let value = variables.replaced(value, |_| Ok(())).unwrap_or_else(|_| value.clone());
            variables.values.insert(name.clone(), value);
        }
        variables
    }

    /// Replaces variables in a path of the recipe's `key` and gives it relative to the output. An
    /// unknown variable is an error, as is an absolute path outside of the prefix.
    pub fn path(&self, key: &str, text: &str) -> Result<String, Problem> {
        let path = self.replaced(text, |name| {
            let near = nearest(name, self.values.keys().map(String::as_str));
            Err(self.unknown(key, text, name, near))
        })?;
        let Some(absolute) = path.strip_prefix('/') else {
            return Ok(path);
        };
        let inside = path.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('/'));
        match inside {
            Some(inside) => Ok(inside.to_owned()),
            None => Err(Problem::usage(format!("`{key}` is `{text}`, which is not in the output"))
                .fact("output", &self.prefix)
                .hint(format!("give a path relative to the output, such as `{absolute}`"))),
        }
    }

    /// Replaces variables in a text of the recipe's `key`. `@x@` that resembles no variable is
    /// ordinary text: decorators and mail addresses have such; one that a person has mistyped is an
    /// error.
    pub fn text(&self, key: &str, text: &str) -> Result<String, Problem> {
        self.replaced(text, |name| {
            let flat = |name: &str| name.to_ascii_lowercase().replace('_', "-");
            let close = |known: &&String| {
                flat(known) == flat(name)
                    || (known.len() > 3 && strsim::osa_distance(known, name) <= 2)
                    || strsim::osa_distance(known, name) <= 1
            };
            match self.values.keys().find(close) {
                Some(near) => Err(self.unknown(key, text, name, Some(near))),
                None => Ok(()),
            }
        })
    }

    fn unknown(&self, key: &str, text: &str, name: &str, near: Option<&str>) -> Problem {
        let known: Vec<String> = self.values.keys().map(|name| format!("`@{name}@`")).collect();
        let hint = match near {
            Some(near) => format!("did you mean `@{near}@`?"),
            None => "define it in `[variables]` of the recipe".to_owned(),
        };
        Problem::usage(format!("`{key}` uses the unknown variable `@{name}@`"))
            .fact("text", text)
            .fact("known", known.join(", "))
            .hint(hint)
    }

    fn replaced(
        &self,
        text: &str,
        unknown: impl Fn(&str) -> Result<(), Problem>,
    ) -> Result<String, Problem> {
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('@') {
            let after = &rest[start + 1..];
            let end = after.find('@').filter(|end| is_name(&after[..*end]));
            let value = end.and_then(|end| self.values.get(&after[..end]));
            result.push_str(&rest[..start]);
            PATCHED_BYTES.check(result.len()).map_err(|error| {
                Problem::usage("a text of the recipe is too long with its variables replaced")
                    .fact("text", shortened(text))
                    .fact("because", error)
            })?;
            match (end, value) {
                (Some(end), Some(value)) => {
                    result.push_str(value);
                    rest = &after[end + 1..];
                }
                (end, _) => {
                    end.map_or(Ok(()), |end| unknown(&after[..end]))?;
                    result.push('@');
                    rest = after;
                }
            }
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let output = Output {
            root: "/nowhere".into(),
            prefix: "/opt/x".to_owned(),
            site_packages: "lib/python3.14/site-packages".to_owned(),
        };
        let recipe = BTreeMap::from([("data".to_owned(), "@out@/data".to_owned())]);
        Variables::new(&output, &recipe)
    }

    #[test]
    fn texts_keep_what_is_no_variable() {
        for (text, expected) in [
            ("@out@/a", "/opt/x/a"),
            ("@@out@@", "@/opt/x@"),
            ("a@b.example @data@", "a@b.example /opt/x/data"),
            ("@python@ @site-packages@", "/opt/x/bin/python /opt/x/lib/python3.14/site-packages"),
            ("@wraps@ @ @", "@wraps@ @ @"),
        ] {
            assert_eq!(variables().text("patch.to", text).unwrap(), expected);
        }
        for text in ["@pyhton@", "@site_packages@", "@OUT@"] {
            let problem = variables().text("patch.to", text).unwrap_err();
            assert!(problem.hint.unwrap().contains("did you mean"), "{text}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_output() {
        for (text, expected) in [
            ("@site-packages@/a.py", Some("lib/python3.14/site-packages/a.py")),
            ("@out@/a", Some("a")),
            ("a/b", Some("a/b")),
            ("@wraps@/a", None),
            ("/etc/passwd", None),
            ("/opt/xy/a", None),
        ] {
            assert_eq!(variables().path("patch.file", text).ok().as_deref(), expected, "{text}");
        }
    }
}
