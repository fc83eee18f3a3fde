//! Commands that a message proposes, as the user would have to type them: under the name by which
//! the program was started, with the recipe and the flags of this run that the proposed command
//! takes too. So a hint works as printed.

use std::ffi::{OsStr, OsString};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

/// How every message writes the program before it is shown.
const WRITTEN: [&str; 2] = ["lockstep ", "cargo xtask "];

/// Flags that decide what is built and where: whatever follows from one run needs them in the next.
const KEPT: [&str; 4] = ["root", "source", "toolchain", "cache_dir"];

/// What was typed of a run.
#[derive(Debug)]
pub(crate) struct Typed {
    name: &'static str,
    commands: Command,
    /// Words such as `--source DIR`, by the name of the argument.
    kept: Vec<(&'static str, String)>,
    /// The recipe as it was typed.
    recipe: Option<String>,
}

/// Returns the name by which help and usage call the program: `cargo xtask` if that started it.
pub(crate) fn program_name(argv0: Option<&OsStr>) -> &'static str {
    match argv0 {
        Some(name) if name == "cargo xtask" => "cargo xtask",
        _ => "lockstep",
    }
}

impl Typed {
    /// Takes what was typed from parsed arguments; `commands` are all that the program has.
    pub(crate) fn new(name: &'static str, commands: Command, matches: &ArgMatches) -> Self {
        let own = matches.subcommand().map(|(_, own)| own);
        let value = |id: &str| own.and_then(|own| typed_value(own, id));
        let kept = KEPT.iter().filter_map(|id| {
            let value = quoted(&value(id)?);
            Some((*id, format!("--{} {value}", id.replace('_', "-"))))
        });
        if own.is_some_and(|own| matches!(own.try_get_one::<bool>("nix"), Ok(Some(true)))) {
            // The builder of a Nix derivation was given copies in Nix's store, where nobody can
            // write; what is proposed is typed where the recipe is.
            let stem = |path| Some(quoted(std::path::Path::new(&path).file_stem()?));
            let recipe = value("recipe").and_then(stem);
            return Self { name, kept: Vec::new(), recipe, commands };
        }
        Self { name, kept: kept.collect(), recipe: value("recipe").map(|it| quoted(&it)), commands }
    }

    /// Returns `text` with each command in backticks as it must be typed.
    pub(crate) fn shown(&self, text: &str) -> String {
        let parts = text.split('`').enumerate().map(|(index, part)| {
            let written = WRITTEN.iter().find_map(|name| part.strip_prefix(name));
            match written {
                Some(words) if index % 2 == 1 => self.command(words),
                _ => part.to_owned(),
            }
        });
        parts.collect::<Vec<_>>().join("`")
    }

    /// Returns the command with these words as it must be typed: `run NAME -- python -V` and so on.
    /// Words of which none is a command of the program are returned under its name, unchanged.
    pub(crate) fn command(&self, words: &str) -> String {
        let (own, passed) = match words.split_once(" -- ") {
            Some((own, passed)) => (own, format!(" -- {passed}")),
            None => (words, String::new()),
        };
        let mut words: Vec<String> = own.split(' ').map(str::to_owned).collect();
        let Some(command) = self.commands.find_subcommand(&words[0]) else {
            return format!("{} {own}{passed}", self.name);
        };
        if let Some(recipe) = &self.recipe {
            let stem = recipe.trim_end_matches(".toml").rsplit('/').next();
            for word in words.iter_mut().skip(1).filter(|word| Some(word.as_str()) == stem) {
                recipe.clone_into(word);
            }
        }
        // A hint that leaves the recipe out means that of this run.
        let recipe_is_first =
            command.get_positionals().next().is_some_and(|it| it.get_id() == "recipe");
        if recipe_is_first && words.len() == 1 {
            words.extend(self.recipe.clone());
        }
        let takes = |id: &str| command.get_arguments().any(|it| it.get_id() == id);
        let is_global = |id: &str| self.commands.get_arguments().any(|it| it.get_id() == id);
        for (id, flag) in &self.kept {
            let option = flag.split(' ').next().unwrap_or_default();
            let is_there = words.iter().any(|word| word == option);
            if !is_there && (takes(id) || is_global(id)) {
                words.push(flag.clone());
            }
        }
        format!("{} {}{passed}", self.name, words.join(" "))
    }
}

/// The value of an argument, if it was typed and is not a default.
fn typed_value(matches: &ArgMatches, id: &str) -> Option<OsString> {
    let mut values = matches.try_get_raw(id).ok()??;
    let is_typed = matches.value_source(id) == Some(ValueSource::CommandLine);
    values.next().filter(|_| is_typed).map(OsStr::to_owned)
}

/// A word as a POSIX shell reads it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |it: char| it.is_alphanumeric() || "-_./=:@%+,".contains(it);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::flags::Cli;

    #[test]
    fn proposed_commands_have_what_was_typed() {
        for (typed, text, expected) in [
            (
                "lockstep build shop --source ../shop --toolchain host",
                "`cargo xtask run shop -- ls` or `--no-out-link`",
                "`lockstep run shop --source ../shop --toolchain host -- ls` or `--no-out-link`",
            ),
            (
                "cargo_xtask build --cache-dir /tmp/c",
                "see `lockstep bless`, `lockstep hash x`",
                "see `cargo xtask bless --cache-dir /tmp/c`, \
                 `cargo xtask hash x --cache-dir /tmp/c`",
            ),
            // A recipe that was named by its path is named so again.
            (
                "lockstep build ../it/shop.toml",
                "`lockstep build-lock shop` writes it",
                "`lockstep build-lock ../it/shop.toml` writes it",
            ),
            // A hint that leaves the recipe out means that of this run.
            ("lockstep build shop", "`lockstep build-lock`", "`lockstep build-lock shop`"),
            // What a command does not take is not given to it.
            ("lockstep fetch shop --source s", "`lockstep doctor`", "`lockstep doctor`"),
            ("lockstep build --toolchain host", "`lockstep bless`", "`lockstep bless`"),
            ("lockstep build --source 'x'", "`lockstep tidy`", "`lockstep tidy`"),
            ("lockstep build", "`uv lock` writes it", "`uv lock` writes it"),
        ] {
            let words: Vec<String> =
                typed.split(' ').map(|word| word.replace("cargo_xtask", "cargo xtask")).collect();
            let name = program_name(words.first().map(OsStr::new));
            let matches = Cli::command().try_get_matches_from(&words).unwrap();
            let typed = Typed::new(name, Cli::command(), &matches);
            assert_eq!(typed.shown(text), expected);
        }
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, expected) in
            [("a/b-c.toml", "a/b-c.toml"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quoted(OsStr::new(word)), expected);
        }
    }
}
