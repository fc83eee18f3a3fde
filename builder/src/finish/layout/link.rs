//! Makes the recipe's links as relative links: an absolute link would contain the host's path or
//! the prefix, and break in the sandbox or in the store.

use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::finish::variables::Variables;
use crate::install::output::{Output, relative_link};
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
    let (path, target) = (output.path_in(&what, &path)?, output.path_in(&what, &target)?);
    // What it leads to may be a link itself.
    if fs::metadata(output.root.join(&target)).is_err() {
        let problem =
            Problem::new(what).fact("because", format!("there is no `{target}` in the output"));
        let near = nearest_names(&output.root, &target);
        return Err(match near.first() {
            Some(first) => problem.hint(format!("did you mean `{first}`?")),
            None => problem.hint("`link.target` is relative to the output, not to the link"),
        });
    }
    let tree = output.beneath()?;
    if tree.find(&path).map_err(|error| Problem::new(&what).cause(error))?.is_some() {
        return Err(Problem::new(what)
            .fact("because", format!("the output has a `{path}` already"))
            .hint("remove the rule, or link from another place"));
    }
    let text = relative_link(&path, &target);
    tree.link(&path, &text).map_err(|error| Problem::new(what).cause(error))?;
    Ok(Linked { path, target: text })
}
