//! Reads the host's apt sources to find its Debian mirror and keyring, in both formats
//! (sources.list(5): one-line and deb822). The tool itself names no mirror.

use std::path::{Path, PathBuf};

use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::vocabulary::Problem;

/// A mirror of Debian that the host is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Its address as configured.
    pub uri: String,
    /// The keyring for it, or an armoured key in the source itself; `None` for the keys that the
    /// host trusts for every source.
    pub signed_by: Option<SignedBy>,
    /// Whether the source says `trusted=yes`: its administrator disabled signature checks.
    pub trusted: bool,
}

/// The variable that names another directory with apt's sources than `/etc/apt`.
pub(super) const APT_DIRECTORY: &str = "LOCKSTEP_APT";

/// Where the machine, or [`APT_DIRECTORY`], has apt's sources.
pub fn sources_directory(environment: &Environment) -> PathBuf {
    PathBuf::from(environment.get(APT_DIRECTORY).unwrap_or("/etc/apt"))
}

/// What a source's signature is checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// A keyring's path, or a key's fingerprint.
    Name(String),
    /// An armoured key.
    Key(String),
}

/// Where Debian puts its own keyring.
pub(super) const DEBIAN_KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The first source below `etc` (`/etc/apt`) that is a mirror of the whole of Debian.
pub fn mirror(etc: &Path) -> Result<Mirror, Problem> {
    let mut seen = Vec::new();
    for path in source_files(etc) {
        let Ok(text) = fs_err::read_to_string(&path) else {
            continue;
        };
        let deb822 = path.extension().is_some_and(|extension| extension == "sources");
        let sources =
            if deb822 { stanzas(&text) } else { text.lines().filter_map(one_line).collect() };
        for source in sources {
            if source.is_debian() {
                return Ok(Mirror {
                    uri: source.uri,
                    trusted: source.trusted,
                    signed_by: source.signed_by.or_else(own_keyring),
                });
            }
            seen.push(source.uri);
        }
    }
    Err(Problem::new(format!("no Debian mirror among the apt sources in `{}`", etc.display()))
        .fact("sources", if seen.is_empty() { "none".to_owned() } else { seen.join("\n") })
        .hint("add a `deb` source of Debian (component `main`), or use the `host` toolchain"))
}

fn own_keyring() -> Option<SignedBy> {
    let exists = Path::new(DEBIAN_KEYRING).exists();
    exists.then(|| SignedBy::Name(DEBIAN_KEYRING.to_owned()))
}

fn source_files(etc: &Path) -> Vec<PathBuf> {
    let mut files = vec![etc.join("sources.list")];
    let parts = sorted_entries(&etc.join("sources.list.d")).unwrap_or_default();
    // apt reads no others, such as `x.list.save`.
    let read = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
    };
    files.extend(parts.iter().map(fs_err::DirEntry::path).filter(read));
    files
}

#[derive(Debug, Default)]
struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: Option<SignedBy>,
    trusted: bool,
}

impl Source {
    /// Debian's mirrors end in `/debian` and have `main`; security, ports and third parties do not
    /// hold the suites that a recipe names.
    fn is_debian(&self) -> bool {
        let path = self.uri.trim_end_matches('/');
        path.rsplit('/').next() == Some("debian")
            && self.is_plain()
            && self.components.iter().any(|component| component == "main")
            && !self.suites.iter().all(|suite| suite.ends_with("-security"))
    }

    /// Whether address and keyring can be written into another source as they are.
    fn is_plain(&self) -> bool {
        let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"\"'[]#".contains(c);
        let scheme = self.uri.split_once(":/").map_or("", |(scheme, _)| scheme);
        let keyring = match &self.signed_by {
            Some(SignedBy::Name(name)) => name.lines().all(|line| line.chars().all(plain)),
            _ => true,
        };
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && self.uri.chars().all(plain)
            && keyring
    }
}

/// `deb [ options ] uri suite component…`
fn one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    let trusted = options.split_whitespace().any(|option| option == "trusted=yes");
    Some(Source {
        trusted,
        uri: words.next()?,
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by: signed_by.map(|name| SignedBy::Name(name.to_owned())),
    })
}

/// Stanzas of `Field: value`, where a line that begins with a blank continues the field.
fn stanzas(text: &str) -> Vec<Source> {
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let stanzas = plain.split(|line| line.trim().is_empty());
    stanzas.flat_map(stanza).collect()
}

fn stanza(lines: &[&str]) -> Vec<Source> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        match (line.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some((_, value))) => {
                value.push('\n');
                value.push_str(line.trim());
            }
            _ => {
                if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
        }
    }
    let field = |name: &str| fields.iter().find(|(field, _)| field == name);
    let words = |name: &str| -> Vec<String> {
        let value = field(name).map_or("", |(_, value)| value);
        value.split_whitespace().map(str::to_owned).collect()
    };
    let enabled = field("enabled").is_none_or(|(_, value)| !value.eq_ignore_ascii_case("no"));
    if !enabled || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let signed_by = field("signed-by").map(|(_, value)| {
        if value.contains("-----BEGIN") {
            // An empty line is written as a dot (deb822(5)).
            let lines: Vec<&str> =
                value.lines().map(|line| if line == "." { "" } else { line }).collect();
            SignedBy::Key(lines.join("\n").trim().to_owned() + "\n")
        } else {
            SignedBy::Name(value.clone())
        }
    });
    let trusted = field("trusted").is_some_and(|(_, value)| value.eq_ignore_ascii_case("yes"));
    let source = |uri| Source {
        uri,
        trusted,
        suites: words("suites"),
        components: words("components"),
        signed_by: signed_by.clone(),
    };
    words("uris").into_iter().map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> Result<Mirror, Problem> {
        let etc = tempfile::tempdir().unwrap();
        let path = etc.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        mirror(etc.path())
    }

    #[test]
    fn both_formats_are_read() {
        let name = |name: &str| Some(SignedBy::Name(name.to_owned()));
        let cases = [
            (
                "sources.list",
                "# deb http://no.example/debian x main\ndeb-src http://no.example/debian x main\n\
                 deb [arch=amd64 signed-by=/k.gpg] http://a.example/debian/ bookworm main \
                  contrib\n",
                "http://a.example/debian/",
                name("/k.gpg"),
            ),
            (
                "sources.list.d/debian.sources",
                "Types: deb\nURIs: http://s.example/debian-security\nSuites: bookworm-security\n\
                 Components: main\n\n# why\nTypes: deb deb-src\nURIs: http://b.example/debian\n\
                 # a comment\nSuites: bookworm\n \
                  bookworm-updates\nComponents: main\nSigned-By: /b.gpg\n",
                "http://b.example/debian",
                name("/b.gpg"),
            ),
            (
                "sources.list.d/key.sources",
                "Types: deb\nURIs: http://c.example/debian\nSuites: sid\nComponents: main\n\
                 Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n \
                 -----END PGP PUBLIC KEY BLOCK-----\n",
                "http://c.example/debian",
                Some(SignedBy::Key(
                    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY \
                     BLOCK-----\n"
                        .to_owned(),
                )),
            ),
        ];
        for (file, text, uri, signed_by) in cases {
            let found = written(file, text).unwrap();
            assert_eq!((found.uri.as_str(), found.signed_by), (uri, signed_by), "{file}");
        }
    }

    #[test]
    fn other_sources_are_no_mirror_and_are_named() {
        let cases = [
            ("sources.list", "deb http://u.example/ubuntu noble main\n"),
            (
                "sources.list.d/x.sources",
                "Types: deb\nURIs: http://u.example/ubuntu\nSuites: x\nComponents: main\n",
            ),
            ("sources.list.d/off.list.save", "deb http://u.example/debian x main\n"),
            (
                "sources.list.d/off.sources",
                "Enabled: no\nTypes: deb\nURIs: http://u.example/debian\nSuites: x\n\
                 Components: main\n",
            ),
            ("sources.list", "deb http://u.example/\"x/debian x main\n"),
            ("sources.list", "deb [signed-by=/a\"b] http://u.example/debian x main\n"),
            ("sources.list", "deb -oDir=/debian x main\n"),
            ("sources.list", ""),
        ];
        for (file, text) in cases {
            let problem = written(file, text).unwrap_err();
            assert!(problem.hint.is_some(), "{problem}");
            assert_eq!(problem.to_string().contains("u.example/ubuntu"), text.contains("ubuntu"));
        }
    }
}
