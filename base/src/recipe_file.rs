//! Finds a recipe by its name or by the path of its file, and the files that belong to it. A recipe
//! of this workspace has its approved files in `golden/` and `snapshots/`; a recipe elsewhere has
//! all of them beside it.

use std::path::{Path, PathBuf};

use crate::recipe::{Recipe, nearest};
use crate::sys::files::{read_named, read_text, sorted_entries};
use crate::vocabulary::Problem;
use crate::vocabulary::limits::{RECIPE_BYTES, SOURCE_PATCH_BYTES};

/// A recipe's file, not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFile {
    /// The recipe's name: that of its file.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The workspace, if the recipe is one of its `recipes/`.
    workspace: Option<PathBuf>,
}

impl RecipeFile {
    /// Returns the nearest directory, from `dir` upwards, that has recipes in `recipes/`, as cargo
    /// looks for its manifest; `dir` itself if there is none.
    pub fn root_above(dir: &Path) -> PathBuf {
        let has_recipes = |dir: &&Path| {
            let entries = sorted_entries(&dir.join("recipes")).unwrap_or_default();
            entries
                .iter()
                .any(|entry| Path::new(&entry.file_name()).extension() == Some("toml".as_ref()))
        };
        dir.ancestors().find(has_recipes).unwrap_or(dir).to_owned()
    }

    /// Finds a recipe of the workspace `root` by its name, or any by the path of its `.toml`.
    ///
    /// # Errors
    /// There is no such file: exit code 2, with the nearest name.
    pub fn find(root: &Path, name_or_path: &str) -> Result<Self, Problem> {
        let recipes = root.join("recipes");
        let path = match name_or_path.strip_suffix(".toml") {
            Some(_) => PathBuf::from(name_or_path),
            None => recipes.join(format!("{name_or_path}.toml")),
        };
        if !path.is_file() {
            return Err(missing(&recipes, name_or_path, &path));
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let found = Self { name, path, workspace: None };
        // However the path was typed.
        let place = |path: &Path| std::path::absolute(path).and_then(std::fs::canonicalize).ok();
        let dir = place(found.dir());
        if dir.is_some() && dir == place(&recipes) {
            return Ok(Self { workspace: Some(root.to_owned()), ..found });
        }
        // One of another repository's `recipes/` belongs to that repository.
        let other = dir.filter(|dir| dir.ends_with("recipes"));
        let workspace = other.and_then(|dir| dir.parent().map(Path::to_owned));
        Ok(Self { workspace, ..found })
    }

    /// Returns all recipes of the workspace `root`, sorted by name.
    ///
    /// # Errors
    /// `recipes/` cannot be listed.
    pub fn all(root: &Path) -> Result<Vec<Self>, Problem> {
        let recipes = root.join("recipes");
        let names = names(&recipes).map_err(|error| {
            Problem::usage("there are no recipes here")
                .fact("looked in", recipes.display())
                .cause(error)
                .hint("`--root DIR` names the directory that has `recipes/`")
        })?;
        names.iter().map(|name| Self::find(root, name)).collect()
    }

    /// Returns the name of the only recipe of the workspace `root`, or `sample` where there are
    /// several and that is one of them.
    ///
    /// # Errors
    /// There is none, or nothing says which: exit code 2.
    pub fn only(root: &Path) -> Result<String, Problem> {
        let mut names: Vec<String> = Self::all(root)?.into_iter().map(|it| it.name).collect();
        let sample = names.iter().position(|name| name == "sample").unwrap_or_default();
        match names.get(sample).map(String::as_str) {
            Some("sample") => Ok(names.swap_remove(sample)),
            Some(_) if names.len() == 1 => Ok(names.swap_remove(0)),
            _ => Err(Problem::usage("no recipe was named")
                .fact("looked in", root.join("recipes").display())
                .fact("recipes", names.join(", "))
                .hint("give the name of a recipe, or the path of its `.toml`")),
        }
    }

    /// Reads it. Gives its text too, which is an input of the output.
    ///
    /// # Errors
    /// It cannot be read, or is no recipe.
    pub fn read(&self) -> Result<(Recipe, String), Problem> {
        let text = read_text(&self.path, &RECIPE_BYTES)
            .map_err(|error| Problem::usage("cannot read the recipe").cause(error))?;
        let recipe = Recipe::parse(&self.name, &text, &|file| {
            read_named(&self.dir().join(file), &SOURCE_PATCH_BYTES)
        })?;
        Ok((recipe, text))
    }

    /// Its directory, from which its relative paths start.
    pub fn dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Its build lock, always beside it.
    pub fn build_lock(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.build-lock.toml", self.name))
    }

    /// Its toolchain lock, always beside it.
    pub fn toolchain_lock(&self) -> PathBuf {
        self.path.with_file_name(format!("{}.toolchain-lock.toml", self.name))
    }

    /// Its ledger.
    pub fn ledger(&self) -> PathBuf {
        match &self.workspace {
            Some(root) => root.join("golden").join(format!("{}.toml", self.name)),
            None => self.path.with_file_name(format!("{}.ledger.toml", self.name)),
        }
    }

    /// The directory of its snapshots.
    pub fn snapshots(&self) -> PathBuf {
        match &self.workspace {
            Some(root) => root.join("snapshots").join(&self.name),
            None => self.path.with_file_name(format!("{}.snapshots", self.name)),
        }
    }
}

/// What follows a recipe's name in files that belong to it.
const BELONGINGS: [&str; 3] = [".build-lock", ".toolchain-lock", ".ledger"];

/// The names of the recipes in a directory.
fn names(recipes: &Path) -> std::io::Result<Vec<String>> {
    let entries = sorted_entries(recipes)?;
    let files = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let stems = files.filter_map(|file| file.strip_suffix(".toml").map(str::to_owned));
    Ok(stems.filter(|stem| !BELONGINGS.iter().any(|it| stem.ends_with(it))).collect())
}

fn missing(recipes: &Path, name: &str, path: &Path) -> Problem {
    let names = names(recipes).unwrap_or_default();
    let shown = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let problem = Problem::usage(format!("there is no recipe `{name}`"))
        .fact("looked for", path.display())
        .fact("recipes", shown);
    match nearest(name, names.iter().map(String::as_str)) {
        Some(name) => problem.hint(format!("did you mean `{name}`?")),
        None => problem.hint("give the name of a recipe, or the path of its `.toml`"),
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn what_belongs_to_a_recipe_lies_where_the_recipe_does() {
        let base = tempfile::tempdir().unwrap();
        let [root, other] = ["root", "other"].map(|name| base.path().join(name));
        for (dir, file) in [(root.join("recipes"), "a.toml"), (other.clone(), "a.toml")] {
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(file), "").unwrap();
        }
        let find = |word: &Path| RecipeFile::find(&root, &word.display().to_string()).unwrap();
        let ours = root.join("golden/a.toml");
        for word in
            [Path::new("a"), &root.join("recipes/a.toml"), &other.join("../root/recipes/a.toml")]
        {
            let found = find(word);
            assert_eq!((found.ledger(), found.name.as_str()), (ours.clone(), "a"), "{word:?}");
            assert_eq!(found.snapshots(), root.join("snapshots/a"), "{word:?}");
            assert!(found.build_lock().parent().unwrap().ends_with("recipes"), "{word:?}");
        }
        // One of the same name elsewhere is another recipe.
        let found = find(&other.join("a.toml"));
        assert_eq!(found.ledger(), other.join("a.ledger.toml"));
        assert_eq!(found.snapshots(), other.join("a.snapshots"));
        let problem = RecipeFile::find(&root, "b").unwrap_err();
        assert!(problem.to_string().contains("there is no recipe `b`"), "{problem}");
    }
}
