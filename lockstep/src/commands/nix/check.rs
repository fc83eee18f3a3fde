//! `nix check`: the hashes in a packager's own Nix files against those of the recipes' ledgers.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;
use serde_json::json;

use super::hashes::{Pinned, pinned};
use crate::commands::Context;
use crate::flags::NixCheck;
use base::recipe::Source;
use base::recipe_file::RecipeFile;
use base::sys::files::write_atomically;
use base::vocabulary::{Outcome, Problem, Sha256, shown_lines};
use builder::fetch::application::LocatedRecipe;

/// What a hash is to a recipe.
enum Judged<'a> {
    /// It is this of a recipe.
    Right(String),
    /// It is of a recipe, whose ledger has another hash for that target.
    Stale(&'a str, String, Sha256),
    /// No recipe has it.
    Unpinned,
}

/// What of a recipe a Nix file can pin.
struct Known {
    recipe: String,
    /// The wheelhouses, by target.
    wheelhouses: Vec<(String, Sha256)>,
    /// The source tree.
    source: Option<Sha256>,
}

impl Context<'_> {
    pub(super) fn nix_check(&self, flags: &NixCheck) -> Result<Outcome> {
        let known = self.known()?;
        let (mut lines, mut rows, mut stale) = (Vec::new(), Vec::new(), 0);
        for file in &flags.files {
            let mut text = fs::read_to_string(file)?;
            let shown_file = file.display().to_string();
            let mut edits = Vec::new();
            for it in pinned(&shown_file, &text)? {
                let (word, detail, edit) = match judge(&it, &known)? {
                    Judged::Right(of) => ("right", of, None),
                    Judged::Stale(recipe, target, hash) => {
                        let detail = format!("wheelhouse of {recipe} for {target}");
                        ("stale", detail, Some(hash.to_sri()))
                    }
                    Judged::Unpinned => ("unpinned", "no recipe pins it".to_owned(), None),
                };
                let (name, attribute) = (shown_lines(&it.derivation), &it.attribute);
                let at = format!("{shown_file}:{}", it.line);
                lines.push(format!("{at}  {word}  {name}.{attribute}  {detail}"));
                if let Some(hash) = &edit {
                    lines.extend([format!("  - {}", shown_lines(&it.text)), format!("  + {hash}")]);
                }
                rows.push(json!({
                    "file": file, "line": it.line, "derivation": it.derivation,
                    "attribute": it.attribute, "found": it.text, "verdict": word,
                    "detail": detail, "expected": edit,
                }));
                edits.extend(edit.map(|hash| (it.range, hash)));
            }
            stale += edits.len();
            if flags.write && !edits.is_empty() {
                // From the end, so that the ranges before stay right.
                for (range, hash) in edits.into_iter().rev() {
                    text.replace_range(range, &hash);
                }
                write_atomically(file, text.as_bytes())?;
            }
        }
        self.print(&json!({ "hashes": rows }), &lines.join("\n"));
        if stale == 0 || flags.write {
            return Ok(Outcome::Good);
        }
        let what = if stale == 1 { "1 hash is".to_owned() } else { format!("{stale} hashes are") };
        Err(Problem::new(format!("{what} not what the ledger says"))
            .outcome(Outcome::GoldenMismatch)
            .hint("the same command with `--write` makes the edits")
            .into())
    }

    fn known(&self) -> Result<Vec<Known>> {
        let all = RecipeFile::all(self.root)?;
        all.into_iter()
            .map(|file| {
                let located = LocatedRecipe::find(self.root, &file.name)?;
                let ledger = located.read_ledger()?;
                let targets = ledger.target.into_iter();
                let source = match located.recipe.source {
                    Source::Url { nar_hash, .. } => Some(nar_hash),
                    Source::Path(_) => None,
                };
                Ok(Known {
                    recipe: file.name,
                    wheelhouses: targets.map(|(name, it)| (name, it.nar_hash.0)).collect(),
                    source,
                })
            })
            .collect()
    }
}

/// A hash belongs to the recipe that a comment names, else to the one that has it, else to the one
/// whose wheelhouse the derivation is by its name.
fn judge<'a>(it: &Pinned, known: &'a [Known]) -> Result<Judged<'a>, Problem> {
    let right = known.iter().find_map(|of| {
        let found = of.wheelhouses.iter().find(|(_, hash)| Some(*hash) == it.sha256);
        let wheelhouse =
            found.map(|(target, _)| format!("wheelhouse of {} for {target}", of.recipe));
        let is_source = it.sha256.is_some() && of.source == it.sha256;
        let whole = || is_source.then(|| format!("source of {}", of.recipe));
        Some((of, wheelhouse.or_else(whole)?))
    });
    let marked = it.marked.as_deref().map(|name| {
        known.iter().find(|of| of.recipe == name).ok_or_else(|| {
            Problem::usage(format!("line {} names a recipe that is not there", it.line))
                .fact("recipe", shown_lines(name))
                .hint("`--root DIR` names the directory that has `recipes/`")
        })
    });
    let marked = marked.transpose()?;
    match right {
        Some((of, what)) if marked.is_none_or(|wanted| wanted.recipe == of.recipe) => {
            return Ok(Judged::Right(what));
        }
        _ => {}
    }
    let named = |of: &&Known| it.derivation.starts_with(&format!("{}-wheelhouse", of.recipe));
    let Some(of) = marked.or_else(|| known.iter().find(named)) else {
        return Ok(Judged::Unpinned);
    };
    // The recipe's ledger names targets; the one of this derivation is in its name, if anywhere.
    let wanted = of.wheelhouses.iter().find(|(target, _)| it.derivation.contains(target.as_str()));
    let only = (of.wheelhouses.len() == 1).then(|| &of.wheelhouses[0]);
    match wanted.or(only).or_else(|| of.wheelhouses.iter().find(|(it, _)| it.contains("x86_64"))) {
        Some((target, hash)) => Ok(Judged::Stale(&of.recipe, target.clone(), *hash)),
        None => Err(Problem::new(format!("the ledger of `{}` pins nothing", of.recipe))
            .hint(format!("`lockstep bless {}` writes it", of.recipe))),
    }
}

/// The name of a wheelhouse's derivation: another lock, build lock or target is another name.
/// `nix/default.nix` makes the same.
pub(super) fn wheelhouse_name(recipe: &str, target: &str, locks: [Sha256; 2]) -> String {
    let digest = Sha256::of(format!("{} {} {target}", locks[0], locks[1])).to_string();
    format!("{recipe}-wheelhouse-{}", &digest[..16])
}

/// A path as Nix's own files write one.
pub(super) fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
