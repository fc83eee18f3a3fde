//! URLs that are asked instead of others: a lock names the servers of whoever made it, and they
//! need not be reachable from here. What comes is verified by its sha256 as ever.

use std::collections::BTreeMap;

use url::Url;

/// By the beginning of a URL, what stands there instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(pub BTreeMap<String, Url>);

impl Mirrors {
    /// Where a URL is asked; the longest beginning counts. A beginning ends where a part of the
    /// path does.
    pub fn of(&self, url: &Url) -> Url {
        let text = url.as_str();
        let rest = |start: &str| {
            let start = start.trim_end_matches('/');
            let rest = text.strip_prefix(start)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
        };
        let fits = self.0.iter().filter_map(|(start, to)| Some((start.len(), to, rest(start)?)));
        let Some((_, to, rest)) = fits.max_by_key(|(length, ..)| *length) else {
            return url.clone();
        };
        let mapped = format!("{}{rest}", to.as_str().trim_end_matches('/'));
        Url::parse(&mapped).unwrap_or_else(|_| url.clone())
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts() {
        let url = |text: &str| Url::parse(text).unwrap();
        let pairs = [
            ("https://a.example/simple", "https://m.example/a/"),
            ("https://a.example/simple/own/", "file:///srv/own"),
            ("https://b.example", "http://127.0.0.1:8000"),
        ];
        let mirrors = Mirrors(pairs.map(|(from, to)| (from.to_owned(), url(to))).into());
        for (asked, expected) in [
            ("https://a.example/simple/x/", "https://m.example/a/x/"),
            ("https://a.example/simple", "https://m.example/a"),
            ("https://a.example/simple/own/x.whl", "file:///srv/own/x.whl"),
            ("https://a.example/simpler/x", "https://a.example/simpler/x"),
            ("https://b.example/f.whl#sha256=1", "http://127.0.0.1:8000/f.whl#sha256=1"),
            ("https://b.example.org/x", "https://b.example.org/x"),
        ] {
            assert_eq!(mirrors.of(&url(asked)).as_str(), expected);
        }
    }
}
