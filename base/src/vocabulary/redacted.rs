//! URLs without their secrets, for messages and for files that people read.

use std::fmt;

use url::Url;

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

/// The text of an address, which may be no valid URL, as [`Redacted`] shows it.
pub fn redacted(text: &str) -> String {
    match Url::parse(text) {
        Ok(url) => Redacted(&url).to_string(),
        Err(_) => redact_text(text.split(['?', '#']).next().unwrap_or_default()),
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
        for (text, shown) in [
            ("https://me:word@git.example/a?sig=1#x", "https://****@git.example/a?****"),
            ("https://me:word@[git.example/a?sig=1#x", "https://****@[git.example/a"),
            ("ssh://git@git.example/a", "ssh://****@git.example/a"),
            ("../simple", "../simple"),
        ] {
            assert_eq!(redacted(text), shown, "{text}");
        }
    }
}
