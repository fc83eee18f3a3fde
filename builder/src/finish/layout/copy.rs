//! Files of the source tree that are copied into the output.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::shebang::{RewrittenShebang, rewritten};
use crate::finish::patch::Applied;
use crate::finish::variables::Variables;
use crate::install::output::{Output, normalised};
use base::recipe::CopyRule;
use base::sys::beneath::{Beneath, Found};
use base::sys::files::nearest_names;
use base::vocabulary::{Problem, Sha256};

/// A file or link that was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copied {
    /// Relative to the source tree.
    pub from: String,
    /// Relative to the output.
    pub to: String,
    /// What is there now.
    #[serde(flatten)]
    pub content: CopiedContent,
}

/// What a copied path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum CopiedContent {
    /// A regular file.
    File {
        /// Digest of the copy.
        sha256: Sha256,
        /// Whether it may be run.
        executable: bool,
        /// Its first line, if that was rewritten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shebang: Option<RewrittenShebang>,
    },
    /// A symbolic link.
    Link {
        /// Its text.
        target: String,
    },
}

/// Names that a working tree has and no output: version control, and bytecode of the machine's own
/// interpreter.
const NEVER_COPIED: [&str; 2] = [".git", "__pycache__"];

/// Copies by `rules` from the tree `source`; the first lines of executables are rewritten by
/// `shebangs` (base name to interpreter, variables replaced). Regular files get the mode 0644 or
/// 0755; relative links that stay inside of what is copied are kept. An existing file is left if it
/// has the same bytes; else, and for anything that is neither file, link nor directory, it fails.
pub fn copy(
    output: &Output,
    source: &Path,
    rules: &[CopyRule],
    shebangs: &BTreeMap<String, String>,
    variables: &Variables,
) -> Result<Vec<Copied>, Problem> {
    let interpreters = shebangs
        .iter()
        .map(|(name, path)| Ok((name.clone(), variables.text("shebangs", path)?)))
        .collect::<Result<_, Problem>>()?;
    let tree = output.beneath()?;
    let source = Beneath::open(source)
        .map_err(|error| Problem::new("cannot open the source tree").cause(error))?;
    let mut copied = Vec::new();
    for rule in rules {
        let from = inside("copy.from", &rule.from)?;
        let to = inside("copy.to", &variables.path("copy.to", &rule.to)?)?;
        let copying = Copying {
            output,
            tree: &tree,
            source: &source,
            interpreters: &interpreters,
            excluded: paths("copy.exclude", &rule.exclude)?,
            executable: paths("copy.executable", &rule.executable)?,
            from: &from,
            what: format!("cannot copy `{}` to `{}`", rule.from, rule.to),
        };
        copying.check_named_files()?;
        let before = copied.len();
        copying.entry("", &to, &mut copied)?;
        copying.check_links(&copied[before..])?;
    }
    Ok(copied)
}

/// Notes of copies that were patched what they are now.
pub fn set_patched(copied: &mut [Copied], patches: &[Applied]) {
    for patch in patches {
        for copy in copied.iter_mut().filter(|copy| copy.to == patch.file) {
            if let CopiedContent::File { sha256, .. } = &mut copy.content {
                *sha256 = patch.sha256_after;
            }
        }
    }
}

struct Copying<'a> {
    output: &'a Output,
    /// The output.
    tree: &'a Beneath,
    source: &'a Beneath,
    interpreters: &'a BTreeMap<String, String>,
    excluded: BTreeSet<String>,
    executable: BTreeSet<String>,
    /// Normalised; empty for the whole tree.
    from: &'a str,
    what: String,
}

impl Copying<'_> {
    fn problem(&self, because: impl std::fmt::Display) -> Problem {
        Problem::new(&self.what).fact("because", because)
    }

    fn check_named_files(&self) -> Result<(), Problem> {
        let nested = self.executable.iter().map(|name| joined(self.from, name));
        for path in std::iter::once(self.from.to_owned()).chain(nested) {
            if self.source.find(&path).map_err(|error| self.problem(error))?.is_some() {
                continue;
            }
            let problem = self.problem(format!("there is no `{path}` in the source tree"));
            let near = nearest_names(self.source.path(), &path);
            return Err(match near.first() {
                Some(first) => problem
                    .fact("nearest", near.join("\n"))
                    .hint(format!("did you mean `{first}`?")),
                None => problem.hint("paths are relative to the top of the source tree"),
            });
        }
        Ok(())
    }

    /// Copies what is at `path` below `from`, and all below it.
    fn entry(&self, path: &str, to: &str, copied: &mut Vec<Copied>) -> Result<(), Problem> {
        let from = joined(self.from, path);
        let found = self.source.find(&from).map_err(|error| self.problem(error))?;
        if found == Some(Found::Directory) {
            self.check_free(to, |found| *found == Found::Directory)?;
            let target = self.destination(to)?;
            self.tree.make_directories(target).map_err(|error| self.problem(error))?;
            for (name, _) in self.source.list(&from).map_err(|error| self.problem(error))? {
                let Some(name) = name.to_str() else {
                    return Err(self.problem(format!(
                        "the name `{}` in `{from}` is not UTF-8",
                        name.display()
                    )));
                };
                let below = joined(path, name);
                if !self.excluded.contains(&below) && !NEVER_COPIED.contains(&name) {
                    self.entry(&below, &joined(to, name), copied)?;
                }
            }
            return Ok(());
        }
        let content = match found {
            Some(Found::Link) => self.link(&from, path, to)?,
            Some(Found::File { mode, .. }) => self.file(&from, mode, path, to)?,
            _ => {
                let because = format!("`{from}` is neither a file, a link nor a directory");
                return Err(self.problem(because));
            }
        };
        copied.push(Copied { from, to: to.to_owned(), content });
        Ok(())
    }

    /// A path of the output; the empty one is the output itself.
    fn destination(&self, to: &str) -> Result<String, Problem> {
        if to.is_empty() { Ok(String::new()) } else { self.output.path_in(&self.what, to) }
    }

    fn file(
        &self,
        origin: &str,
        mode: u32,
        path: &str,
        to: &str,
    ) -> Result<CopiedContent, Problem> {
        let content = self.source.read(origin, u64::MAX);
        let mut content = content.map_err(|error| self.problem(error))?;
        let executable = mode & 0o111 != 0 || self.executable.contains(path);
        let shebang = if executable { rewritten(to, &content, self.interpreters)? } else { None };
        if let Some(RewrittenShebang { from, to }) = &shebang {
            drop(content.splice(..from.len(), to.bytes()));
        }
        let target = self.destination(to)?;
        let existing = self.check_free(to, Found::is_file)?;
        if existing {
            let present = self.tree.read(&target, u64::MAX).map_err(|error| self.problem(error))?;
            if present != content {
                return Err(self
                    .problem(format!("the output has another `{to}` already"))
                    .fact("present", format!("sha256:{}", Sha256::of(&present)))
                    .fact("copied", format!("sha256:{}", Sha256::of(&content)))
                    .hint("copy to another place, or patch the installed file"));
            }
        }
        let mode = if executable { 0o755 } else { 0o644 };
        self.tree.write(&target, &content, mode).map_err(|error| self.problem(error))?;
        Ok(CopiedContent::File { sha256: Sha256::of(&content), executable, shebang })
    }

    fn link(&self, origin: &str, path: &str, to: &str) -> Result<CopiedContent, Problem> {
        let text = self.source.read_link(origin).map_err(|error| self.problem(error))?;
        let text = text.to_string_lossy().into_owned();
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        let relative = !path.is_empty() && !text.starts_with('/');
        let below = joined(parent, &text);
        if !relative || normalised(&below).is_none() {
            return Err(self.leads_outside(&joined(self.from, path), &text));
        }
        let target = self.destination(to)?;
        if self.check_free(to, |found| *found == Found::Link)? {
            let present = self.tree.read_link(&target).map_err(|error| self.problem(error))?;
            if present != Path::new(&text) {
                return Err(self.problem(format!("the output has another link `{to}` already")));
            }
        } else {
            self.tree.link(&target, &text).map_err(|error| self.problem(error))?;
        }
        Ok(CopiedContent::Link { target: text })
    }

    /// What a link leads to may be excluded, or be reached only through what is; so this is asked
    /// of the output when all is copied.
    fn check_links(&self, copied: &[Copied]) -> Result<(), Problem> {
        let root = fs::canonicalize(&self.output.root).map_err(|error| self.problem(error))?;
        for one in copied {
            let CopiedContent::Link { target } = &one.content else {
                continue;
            };
            let found = fs::canonicalize(self.output.root.join(&one.to));
            if !found.is_ok_and(|found| found.starts_with(&root)) {
                return Err(self.leads_outside(&one.from, target));
            }
        }
        Ok(())
    }

    fn leads_outside(&self, link: &str, text: &str) -> Problem {
        self.problem(format!("the link `{link}` leads to `{text}`, outside of what is copied"))
            .hint("exclude the link, or copy what it leads to")
    }

    /// Whether `to` exists; an error if it is of another kind than what is copied there.
    fn check_free(&self, to: &str, same_kind: impl Fn(&Found) -> bool) -> Result<bool, Problem> {
        let found = self.tree.find(self.destination(to)?).map_err(|error| self.problem(error))?;
        match found {
            Some(found) if same_kind(&found) => Ok(true),
            Some(_) => {
                Err(self.problem(format!("the output has something else at `{to}` already")))
            }
            None => Ok(false),
        }
    }
}

fn inside(key: &str, path: &str) -> Result<String, Problem> {
    normalised(path).ok_or_else(|| {
        Problem::usage(format!("`{key}` is `{path}`, which leads outside"))
            .hint("give a relative path without `..`")
    })
}

fn paths(key: &str, paths: &[String]) -> Result<BTreeSet<String>, Problem> {
    paths.iter().map(|path| inside(key, path)).collect()
}

fn joined(parent: &str, name: &str) -> String {
    match (parent, name) {
        ("", name) => name.to_owned(),
        (parent, "") => parent.to_owned(),
        (parent, name) => format!("{parent}/{name}"),
    }
}
