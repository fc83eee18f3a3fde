//! File names, local paths and credentials of URLs. A password in a URL is used but never printed:
//! messages show URLs as [`Redacted`](base::vocabulary::Redacted).

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use url::Url;

use base::sys::env::Environment;

/// The file that a URL names: the last segment of its path, unquoted.
pub(super) fn filename(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_decode_str(last).decode_utf8().ok()?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// The local path of a `file:` URL; `None` for every other scheme.
pub(super) fn local_path(url: &Url) -> Option<PathBuf> {
    (url.scheme() == "file").then(|| url.to_file_path().ok())?
}

/// Passwords by host.
#[derive(Debug, Default)]
pub(super) struct Netrc {
    text: String,
}

impl Netrc {
    /// Reads the user's netrc, if there is one that can be read.
    pub(super) fn load(environment: &Environment) -> Self {
        let text = environment.netrc().and_then(|path| fs_err::read_to_string(path).ok());
        Self { text: text.unwrap_or_default() }
    }

    /// The value of the header `Authorization` for a URL: its own user and password, else those of
    /// its host in the netrc.
    pub(super) fn authorization(&self, url: &Url) -> Option<String> {
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
