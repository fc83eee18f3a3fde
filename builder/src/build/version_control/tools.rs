//! The tools that ask git for a version during a build, and how each gets the version instead: one
//! table.

use std::collections::BTreeMap;
use std::path::Path;

use base::packaging::Version;
use base::sys::beneath::Beneath;
use base::vocabulary::Problem;
use base::vocabulary::limits::PYPROJECT_BYTES;
use toml::Value;

use crate::lock::resolve::{Artifact, Distribution};

/// A tool that asks git.
pub(super) struct Tool {
    /// The build requirement that it is.
    pub(super) name: &'static str,
    /// How it gets a version.
    pub(super) by: By,
    /// Keys of `pyproject.toml` that set it to work, with the value that does.
    keys: &'static [(&'static str, Option<&'static str>)],
    /// Words of `setup.py` and `setup.cfg` that do.
    words: &'static [&'static str],
}

/// How a tool gets a version.
#[derive(Clone, Copy)]
pub(super) enum By {
    /// A variable whose name is, or begins with, this.
    Variable(&'static str),
    /// The `PKG-INFO` that a source distribution has.
    PkgInfo,
    /// It cannot get one.
    Nothing,
}

/// Each by its documentation and its code.
pub(super) const TOOLS: [Tool; 10] = [
    Tool {
        name: "setuptools-scm",
        // Not `…_FOR_NAME`: hatch-vcs does not tell it the name.
        by: By::Variable("SETUPTOOLS_SCM_PRETEND_VERSION"),
        keys: &[
            ("tool.setuptools_scm", None),
            ("tool.setuptools-scm", None),
            ("tool.hatch.version.source", Some("vcs")),
            (
                "tool.scikit-build.metadata.version.provider",
                Some("scikit_build_core.metadata.setuptools_scm"),
            ),
        ],
        words: &["use_scm_version"],
    },
    Tool {
        name: "vcs-versioning",
        by: By::Variable("VCS_VERSIONING_PRETEND_VERSION"),
        keys: &[("tool.vcs-versioning", None)],
        words: &[],
    },
    Tool {
        name: "pdm-backend",
        by: By::Variable("PDM_BUILD_SCM_VERSION"),
        keys: &[("tool.pdm.version.source", Some("scm"))],
        words: &[],
    },
    Tool {
        name: "pdm-pep517",
        by: By::Variable("PDM_PEP517_SCM_VERSION"),
        keys: &[("tool.pdm.version.source", Some("scm")), ("tool.pdm.version.use_scm", None)],
        words: &[],
    },
    Tool {
        name: "poetry-dynamic-versioning",
        by: By::Variable("POETRY_DYNAMIC_VERSIONING_BYPASS"),
        keys: &[("tool.poetry-dynamic-versioning.enable", Some("true"))],
        words: &[],
    },
    Tool {
        name: "uv-dynamic-versioning",
        by: By::Variable("UV_DYNAMIC_VERSIONING_BYPASS"),
        keys: &[("tool.hatch.version.source", Some("uv-dynamic-versioning"))],
        words: &[],
    },
    Tool {
        name: "setuptools-git-versioning",
        by: By::PkgInfo,
        keys: &[("tool.setuptools-git-versioning", None)],
        words: &["setuptools_git_versioning"],
    },
    Tool {
        name: "versioningit",
        by: By::PkgInfo,
        keys: &[("tool.versioningit", None), ("tool.hatch.version.source", Some("versioningit"))],
        words: &[],
    },
    // It lists files by itself, and finds authors and changes in the history.
    Tool {
        name: "pbr",
        by: By::Nothing,
        keys: &[("build-system.build-backend", Some("pbr.build"))],
        words: &["pbr=True", "pbr = True"],
    },
    Tool {
        name: "versioneer",
        by: By::Nothing,
        keys: &[("tool.versioneer", None)],
        words: &["import versioneer", "from versioneer"],
    },
];

/// Whether project or recipe already give it a version.
pub(super) fn is_told(variable: &str, variables: &BTreeMap<String, String>) -> bool {
    variables.keys().any(|name| name.starts_with(variable))
}

impl Tool {
    /// Whether a project, laid out at `project`, has it ask git.
    fn is_asked(&self, pyproject: &Value, setup: &str) -> bool {
        let named = |(key, expected): &(&str, Option<&str>)| {
            let found = key.split('.').try_fold(pyproject, |table, name| table.get(name));
            match (found, expected) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(Value::Boolean(found)), Some(expected)) => found.to_string() == *expected,
                (Some(found), Some(expected)) => found.as_str() == Some(*expected),
            }
        };
        self.keys.iter().any(named) || self.words.iter().any(|word| setup.contains(word))
    }
}

/// Checks that every tool that asks git in the build gets a version. The project is at `project` of
/// `source`, and no code has run in it yet. `recipe` is the recipe's version.
///
/// # Errors
/// Nobody tells it; it cannot be told; the recipe tells what nobody asks.
pub fn check(
    distribution: &Distribution,
    recipe: Option<&Version>,
    variables: &BTreeMap<String, String>,
    (source, project): (&Path, &str),
) -> Result<(), Problem> {
    let name = &distribution.name;
    if !super::has_history(&distribution.artifact) {
        return match recipe {
            None => Ok(()),
            Some(_) => Err(idle(distribution, "it is built from an archive, which has no history")),
        };
    }
    let (pyproject, setup) = read(source, project).map_err(|error| {
        Problem::new(format!("cannot read the source of `{name}`")).cause(error)
    })?;
    let asking: Vec<&Tool> = TOOLS.iter().filter(|it| it.is_asked(&pyproject, &setup)).collect();
    if asking.is_empty() && recipe.is_some() {
        return Err(idle(distribution, "no tool that this program knows asks git for its version"));
    }
    // One that has a static version as well writes it into a file at most.
    let dynamic = pyproject.get("project").is_none_or(|project| project.get("version").is_none());
    for tool in asking {
        let told = match tool.by {
            By::Variable(variable) => is_told(variable, variables),
            By::PkgInfo => false,
            By::Nothing => variables.contains_key("PBR_VERSION") && tool.name == "pbr",
        };
        match tool.by {
            _ if told => {}
            By::Nothing => return Err(cannot_be_told(distribution, tool)),
            _ if super::version_told(distribution, recipe).is_none() && dynamic => {
                return Err(not_told(distribution, tool));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first tool that asks git for the version of the project at `project` of `source`; `None` if
/// its version is static, or the project cannot be read.
pub fn asking(source: &Path, project: &str) -> Option<&'static str> {
    let (pyproject, setup) = read(source, project).ok()?;
    let dynamic = pyproject.get("project").is_none_or(|project| project.get("version").is_none());
    let tool = TOOLS.iter().find(|it| it.is_asked(&pyproject, &setup)).filter(|_| dynamic)?;
    Some(tool.name)
}

/// `pyproject.toml` as a value, and the texts of `setup.py` and `setup.cfg`.
fn read(source: &Path, project: &str) -> std::io::Result<(Value, String)> {
    let within = Beneath::open(source)?;
    let text = |name: &str| -> std::io::Result<String> {
        let path = super::of_project(project, name);
        match within.find(&path)? {
            Some(found) if found.is_file() => {
                let bytes = within.read(&path, PYPROJECT_BYTES.max)?;
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => Ok(String::new()),
        }
    };
    let pyproject = text("pyproject.toml")?.parse::<toml::Table>().unwrap_or_default();
    Ok((Value::Table(pyproject), text("setup.py")? + &text("setup.cfg")?))
}

fn not_told(distribution: &Distribution, tool: &Tool) -> Problem {
    let name = &distribution.name;
    Problem::usage(format!("`{name}` takes its version from git, and builds see no `.git`"))
        .fact("asked by", tool.name)
        .hint(format!(
            "set `override.{name}.build.version` in the recipe, such as `\"1.2.3\"`; `git describe \
             --tags`, run in its source, tells the version"
        ))
}

fn cannot_be_told(distribution: &Distribution, tool: &Tool) -> Problem {
    let name = &distribution.name;
    let problem = Problem::usage(format!(
        "`{name}` is built by `{}`, which asks git, and builds see no `.git`",
        tool.name
    ));
    problem.hint(match &distribution.artifact {
        Artifact::Local(_) => {
            format!("`[[override.{name}.build.patch]]` can set the version in its source instead")
        }
        _ => format!(
            "build it from its source distribution, which has what git said: \
             `override.{name}.source.url` in the recipe"
        ),
    })
}

fn idle(distribution: &Distribution, because: &str) -> Problem {
    Problem::usage(format!("`override.{}.build.version` changes nothing", distribution.name))
        .fact("because", because)
        .hint("remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_set_to_work_is_known_by_the_project() {
        for (pyproject, setup, expected) in [
            ("[tool.setuptools_scm]", "", &["setuptools-scm"][..]),
            ("[tool.hatch.version]\nsource = 'vcs'", "", &["setuptools-scm"]),
            ("[tool.hatch.version]\npath = 'a.py'", "", &[]),
            ("", "setup(use_scm_version=True)", &["setuptools-scm"]),
            ("[tool.pdm.version]\nsource = 'scm'", "", &["pdm-backend", "pdm-pep517"]),
            ("[tool.pdm.version]\nsource = 'file'", "", &[]),
            ("[tool.poetry-dynamic-versioning]\nenable = true", "", &["poetry-dynamic-versioning"]),
            ("[tool.poetry-dynamic-versioning]\nenable = false", "", &[]),
            ("[tool.versioningit]", "", &["versioningit"]),
            ("", "import versioneer", &["versioneer"]),
            ("", "setup(setup_requires=['pbr'], pbr=True)", &["pbr"]),
        ] {
            let value = Value::Table(pyproject.parse().unwrap());
            let asked = TOOLS.iter().filter(|tool| tool.is_asked(&value, setup));
            let asked: Vec<&str> = asked.map(|tool| tool.name).collect();
            assert_eq!(asked, expected, "{pyproject} {setup}");
        }
    }
}
