//! The default index where uv's own configuration names none: it uses pip's configuration, else it
//! asks any available uv or pip for its default.

use std::path::Path;

use fs_err as fs;

use base::sys::env::Environment;
use base::sys::process::Process;
use base::vocabulary::Problem;

/// An index, not parsed yet, and what named it.
pub(super) struct Named {
    pub(super) origin: String,
    pub(super) url: String,
}

/// The index that pip is configured with, `PIP_INDEX_URL` or `index-url` in one of its files. uv
/// does not look there, but who has configured only pip would be surprised by another index.
pub(super) fn of_pip(environment: &Environment) -> Option<Named> {
    if let Some(url) = environment.get("PIP_INDEX_URL") {
        return Some(Named { origin: "PIP_INDEX_URL".to_owned(), url: url.to_owned() });
    }
    for path in environment.pip_config_files() {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if let Some(url) = index_url(&text) {
            return Some(Named { origin: path.display().to_string(), url: url.to_owned() });
        }
    }
    None
}

/// `index-url` of an INI file of pip's: a section of a command counts more than `[global]`.
fn index_url(text: &str) -> Option<&str> {
    let (mut section, mut found) = ("", None);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once(['=', ':'])
            && matches!(key.trim(), "index-url" | "index_url")
        {
            match section {
                "install" | "download" => return Some(value.trim()),
                "global" => found = Some(value.trim()),
                _ => {}
            }
        }
    }
    found
}

/// The default index of an available uv or pip, read from its help text: nothing is configured, so
/// this is the index that it would use. It is used for nothing else, and it neither reads a
/// configuration nor opens a socket.
pub(super) fn ask(environment: &Environment, uv: Option<&Path>) -> Result<Named, Problem> {
    let on_path = ["uv", "python3"].map(|name| environment.find_program(name));
    let [their_uv, python] = &on_path;
    let uvs = uv.into_iter().chain(their_uv.as_deref());
    let uvs = uvs.map(|uv| (uv, &["pip", "compile", "--help"][..]));
    let pips =
        python.iter().map(|python| (python.as_path(), &["-m", "pip", "install", "--help"][..]));
    let mut asked = Vec::new();
    for (program, arguments) in uvs.chain(pips) {
        let help = Process::new(program)
            .args(arguments)
            .envs(&environment.for_network())
            // No line of the help may end within the URL.
            .env("COLUMNS", "1000")
            .stdout();
        match help.ok().as_deref().and_then(default_in) {
            Some(url) => {
                return Ok(Named { origin: program.display().to_string(), url: url.to_owned() });
            }
            None => asked.push(program.display().to_string()),
        }
    }
    let asked =
        if asked.is_empty() { "no `uv`, no `python3`".to_owned() } else { asked.join("\n") };
    Err(Problem::new("cannot find out which package index to ask")
        .fact("looked at", "environment, uv.toml, pip.conf")
        .fact("asked", asked)
        .hint("set `UV_DEFAULT_INDEX` to the URL of the index"))
}

/// The URL in `(default https://…)` or `(by default: <https://…>)`.
fn default_in(help: &str) -> Option<&str> {
    let words: Vec<&str> = help.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| {
        let before = pair[0].trim_start_matches('(').trim_end_matches(':');
        before == "default" && pair[1].contains("://")
    })?;
    let url = pair[1].trim_start_matches(['<', '`']);
    url.split(['>', ')', '`']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_read_out_of_a_help() {
        for help in [
            "-i, --index-url <url>  Base URL (default\n  https://a.example/simple). It should",
            "--default-index <X>\n  The index (by default: <https://a.example/simple>) [env: X]",
        ] {
            assert_eq!(default_in(help), Some("https://a.example/simple"));
        }
        assert_eq!(default_in("by default: nothing"), None);
    }
}
