//! URLs as people may see them, and who one is towards them. A password in a URL is used, and never
//! printed.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::sys::env::Environment;

/// A URL without what may be secret in it: user, password, query and fragment (signed URLs carry
/// their signature in the query).
#[derive(Debug, Clone, Copy)]
pub struct Redacted<'a>(pub &'a Url);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if !url.username().is_empty() || url.password().is_some() {
            // Both fail only for URLs that cannot have a user, and such a URL has none.
            let _ = url.set_password(None);
            let _ = url.set_username("****");
        }
        if url.query().is_some() {
            url.set_query(Some("****"));
        }
        url.set_fragment(None);
        f.write_str(url.as_str())
    }
}

/// `text` with everything between `//` and `@` hidden: for the output of programs, which may repeat
/// a URL that they were given.
pub fn redact_text(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        result.push_str(before);
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"' | '`');
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        match authority.rfind('@') {
            Some(user) => {
                result.push_str("****");
                rest = &after[user..];
            }
            None => rest = after,
        }
    }
    result.push_str(rest);
    result
}

/// The file that a URL names: the last segment of its path, unquoted.
pub fn filename(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_decode_str(last).decode_utf8().ok()?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// The local path of a `file:` URL; `None` for every other scheme.
pub fn local_path(url: &Url) -> Option<PathBuf> {
    (url.scheme() == "file").then(|| url.to_file_path().ok())?
}

/// Passwords by host.
#[derive(Debug, Default)]
pub struct Netrc {
    text: String,
}

impl Netrc {
    /// Reads the user's netrc, if there is one that can be read.
    pub fn load(environment: &Environment) -> Self {
        let text = environment.netrc().and_then(|path| fs_err::read_to_string(path).ok());
        Self { text: text.unwrap_or_default() }
    }

    /// The value of the header `Authorization` for a URL: its own user and password, else those of
    /// its host in the netrc.
    pub fn authorization(&self, url: &Url) -> Option<String> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = if url.username().is_empty() && url.password().is_none() {
            self.entry(url.host_str()?)?
        } else {
            let password = url.password().map(decoded).unwrap_or_default();
            (decoded(url.username()), password)
        };
        Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    fn entry(&self, host: &str) -> Option<(String, String)> {
        let mut words = self.text.split_whitespace();
        let (mut matches, mut user, mut password) = (false, None, None);
        while let Some(word) = words.next() {
            match word {
                "machine" | "default" if matches && password.is_some() => break,
                "machine" => (matches, user, password) = (words.next()? == host, None, None),
                "default" => (matches, user, password) = (true, None, None),
                "login" => user = words.next(),
                "password" => password = words.next(),
                _ => {}
            }
        }
        let entry = (user.unwrap_or_default().to_owned(), password?.to_owned());
        matches.then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden() {
        for (url, shown) in [
            ("https://files.example/a.whl", "https://files.example/a.whl"),
            ("https://me:word@files.example/a", "https://****@files.example/a"),
            ("https://token@files.example/a", "https://****@files.example/a"),
            ("https://files.example/a?sig=1#x", "https://files.example/a?****"),
        ] {
            let parsed = Url::parse(url).unwrap();
            assert_eq!(Redacted(&parsed).to_string(), shown, "{url}");
        }
        assert_eq!(
            redact_text("fatal: 'https://me:w@rd@git.example/a' and http://b.example/@c"),
            "fatal: 'https://****@git.example/a' and http://b.example/@c"
        );
    }

    #[test]
    fn the_netrcs_entry_of_the_host_counts() {
        let netrc = Netrc {
            text: "machine a.example login me password one\nmachine b.example\n  login you\n  \
                   password two\n"
                .to_owned(),
        };
        let of = |url: &str| netrc.authorization(&Url::parse(url).unwrap());
        let basic = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(of("https://a.example/x"), basic("me:one"));
        assert_eq!(of("https://b.example/x"), basic("you:two"));
        assert_eq!(of("https://its%40own:p%3Aw@a.example/x"), basic("its@own:p:w"));
        assert_eq!(of("https://c.example/x"), None);
    }
}
