//! Links that the recipe asks for, written relative: an absolute one would hold the host's path or
//! the prefix, and break in the sandbox or in the store.

use std::os::unix::fs::symlink;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::finish::variables::Variables;
use crate::install::output::{Output, normalised, relative_link};
use base::recipe::LinkRule;
use base::sys::files::nearest_names;
use base::vocabulary::Problem;

/// A link that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Linked {
    /// Where it is, relative to the output.
    pub path: String,
    /// Its text, relative to its directory.
    pub target: String,
}

/// Makes the links of `rules` in their order. The target must be in the output, the link not.
pub fn link(
    output: &Output,
    rules: &[LinkRule],
    variables: &Variables,
) -> Result<Vec<Linked>, Problem> {
    rules.iter().map(|rule| link_one(output, rule, variables)).collect()
}

fn link_one(output: &Output, rule: &LinkRule, variables: &Variables) -> Result<Linked, Problem> {
    let what = format!("cannot link `{}` to `{}`", rule.path, rule.target);
    let path = variables.path("link.path", &rule.path)?;
    let target = variables.path("link.target", &rule.target)?;
    let (link, destination) = (output.host_path(&what, &path)?, output.host_path(&what, &target)?);
    let (path, target) = (normalised(&path).unwrap_or(path), normalised(&target).unwrap_or(target));
    if fs::metadata(&destination).is_err() {
        let problem =
            Problem::new(what).fact("because", format!("there is no `{target}` in the output"));
        let near = nearest_names(&output.root, &target);
        return Err(match near.first() {
            Some(first) => problem.hint(format!("did you mean `{first}`?")),
            None => problem.hint("`link.target` is relative to the output, not to the link"),
        });
    }
    if fs::symlink_metadata(&link).is_ok() {
        return Err(Problem::new(what)
            .fact("because", format!("the output has a `{path}` already"))
            .hint("remove the rule, or link from another place"));
    }
    let text = relative_link(&path, &target);
    link.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| symlink(&text, &link))
        .map_err(|error| Problem::new(what).cause(error))?;
    Ok(Linked { path, target: text })
}
