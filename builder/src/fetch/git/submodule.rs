//! Where the submodules of a commit come from.

use url::Url;

use super::Commit;
use super::export::Entry;
use super::mirror::Mirror;
use base::vocabulary::Problem;

impl Mirror {
    /// The URL of a submodule, out of the commit's `.gitmodules`; it may be relative to the
    /// repository's own.
    pub(super) fn submodule_url(&self, commit: &Commit<'_>, entry: &Entry) -> Result<Url, Problem> {
        let path = String::from_utf8_lossy(&entry.path);
        let problem = || commit.problem().fact("submodule", &path);
        let text = self
            .git()
            // `include.path` would read any file of the host, and wait for a pipe.
            .args(["config", "-z", "--no-includes", "--blob"])
            .arg(format!("{}:.gitmodules", commit.rev))
            .args(["--get-regexp", r"^submodule\..*\.(path|url)$"])
            .stdout()
            .map_err(|error| problem().cause(error))?;
        let pairs: Vec<_> = text.split('\0').filter_map(|pair| pair.split_once('\n')).collect();
        let section = pairs.iter().find_map(|(key, value)| {
            let section = key.strip_suffix("path")?;
            (*value == path).then_some(section)
        });
        let url = section.and_then(|section| {
            let key = format!("{section}url");
            // Of two values, git takes the last.
            pairs.iter().rfind(|(name, _)| *name == key)
        });
        let (_, url) =
            url.ok_or_else(|| problem().fact("because", "`.gitmodules` has no URL for it"))?;
        let url = submodule_url(commit.url, url);
        url.ok_or_else(|| problem().fact("because", "its URL cannot be read"))
    }
}

fn submodule_url(parent: &Url, text: &str) -> Option<Url> {
    let url = if text.starts_with("./") || text.starts_with("../") {
        let mut base = parent.clone();
        base.set_path(&format!("{}/", parent.path().trim_end_matches('/')));
        base.join(text).ok()?
    } else if let (None, Some((host, path))) = (text.find("://"), text.split_once(':')) {
        // `ext::touch x` names a program.
        if path.starts_with(':') {
            return None;
        }
        // scp's way to write an ssh URL.
        Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).ok()?
    } else {
        Url::parse(text).ok()?
    };
    // A repository on the network has no business with files of this machine.
    (url.scheme() != "file" || parent.scheme() == "file").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submodules_are_found_from_their_parent() {
        let of = |parent: &str, text: &str| {
            submodule_url(&Url::parse(parent).unwrap(), text).map(|url| url.to_string())
        };
        let parent = "https://git.example/group/app.git";
        for (text, expected) in [
            ("../lib.git", Some("https://git.example/group/lib.git")),
            ("./sub", Some("https://git.example/group/app.git/sub")),
            ("https://other.example/x", Some("https://other.example/x")),
            ("git@other.example:x/y.git", Some("ssh://git@other.example/x/y.git")),
            ("file:///etc", None),
            ("/etc", None),
            ("ext::touch x", None),
        ] {
            assert_eq!(of(parent, text).as_deref(), expected, "{text}");
        }
        assert!(of("file:///repos/a", "../b").is_some());
    }
}
