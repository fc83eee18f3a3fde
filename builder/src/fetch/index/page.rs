//! Project pages of an index: PEP 691 (JSON) and PEP 503 (HTML). A page is hostile input: entries
//! that cannot be parsed are skipped. URLs must be `https:`; `http:` is allowed if the page itself
//! did not come by `https:`, and `file:` if the page is a file.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use url::Url;

use super::super::address::filename;
use super::super::http::TransferError;
use crate::fetch::http::Page;
use base::sys::files::{read_named, sorted_entries};
use base::vocabulary::Sha256;
use base::vocabulary::limits::{PAGE_BYTES, PAGE_FILES, PAGE_TAGS};

/// A file that a page lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub filename: String,
    /// Where it is.
    pub url: Url,
    /// Its digest, if the page has it.
    pub sha256: Option<Sha256>,
    /// Whether the index says when it was uploaded (PEP 700).
    pub dated: bool,
}

#[derive(Debug, Deserialize)]
struct ProjectWire {
    #[serde(deserialize_with = "bounded")]
    files: Vec<FileWire>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct FileWire {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: HashesWire,
    upload_time: Option<String>,
}

/// Digests of other algorithms are not kept: a page can have any number of them.
#[derive(Debug, Default, Deserialize)]
struct HashesWire {
    sha256: Option<String>,
}

/// Reads a list of files that is not too long.
fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FileWire>, D::Error> {
    struct Files;
    impl<'de> Visitor<'de> for Files {
        type Value = Vec<FileWire>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of files")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let (mut files, mut budget) = (Vec::new(), PAGE_FILES.budget());
            while let Some(file) = list.next_element()? {
                budget.spend(1_u64).map_err(serde::de::Error::custom)?;
                files.push(file);
            }
            Ok(files)
        }
    }
    deserializer.deserialize_seq(Files)
}

/// The files of a page, in its order.
///
/// # Errors
/// The page is none, or exceeds a limit.
pub fn links(page: &Page) -> Result<Vec<Link>, String> {
    let text = String::from_utf8_lossy(&page.bytes);
    if page.media_type.contains("json") {
        let project: ProjectWire =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let links = project.files.into_iter().filter_map(|file| {
            let sha256 = file.hashes.sha256.as_deref();
            let sha256 = sha256.map(Sha256::from_hex).transpose().ok()?;
            Some(Link {
                filename: file.filename,
                url: resolve(&page.url, &page.url, &file.url)?,
                sha256,
                dated: file.upload_time.is_some(),
            })
        });
        return Ok(links.collect());
    }
    html(&page.url, &text)
}

/// The files in a directory that is a flat index.
pub(super) fn directory(dir: &Path) -> std::io::Result<Vec<Link>> {
    let mut links = Vec::new();
    for entry in sorted_entries(dir)? {
        let filename = entry.file_name().to_string_lossy().into_owned();
        if let (true, Ok(url)) = (entry.path().is_file(), Url::from_file_path(entry.path())) {
            links.push(Link { filename, url, sha256: None, dated: false });
        }
    }
    Ok(links)
}

/// The page of a project in an index on disk; `dir` is the project's directory.
pub(super) fn local(dir: &Path, url: &Url) -> Result<Page, TransferError> {
    let bytes = read_named(&dir.join("index.html"), &PAGE_BYTES)?;
    Ok(Page { url: url.clone(), media_type: "text/html".to_owned(), bytes })
}

fn html(at: &Url, text: &str) -> Result<Vec<Link>, String> {
    PAGE_TAGS
        .check(text.bytes().filter(|byte| *byte == b'<').count())
        .map_err(|error| error.to_string())?;
    let dom = tl::parse(text, tl::ParserOptions::default()).map_err(|error| error.to_string())?;
    let tags = || dom.nodes().iter().filter_map(tl::Node::as_tag);
    let href = |tag: &tl::HTMLTag<'_>| {
        let mut attributes = tag.attributes().iter();
        let (_, value) = attributes.find(|(name, _)| name.eq_ignore_ascii_case("href"))?;
        Some(unescape(value?.trim()))
    };
    // Only the first `base` counts (HTML, 4.2.3).
    let base = tags().find(|tag| tag.name().as_utf8_str().eq_ignore_ascii_case("base"));
    let base = base.and_then(href).and_then(|href| resolve(at, at, &href));
    let base = base.unwrap_or_else(|| at.clone());
    let anchors = tags().filter(|tag| tag.name().as_utf8_str().eq_ignore_ascii_case("a"));
    let links = anchors.filter_map(|tag| {
        let mut url = resolve(at, &base, &href(tag)?)?;
        let digest = url.fragment().and_then(|text| text.strip_prefix("sha256="));
        let sha256 = digest.map(Sha256::from_hex).transpose().ok()?;
        url.set_fragment(None);
        Some(Link { filename: filename(&url)?, url, sha256, dated: false })
    });
    Ok(links.collect())
}

fn resolve(page: &Url, base: &Url, href: &str) -> Option<Url> {
    let url = base.join(href).ok()?;
    match (url.scheme(), page.scheme()) {
        // As with redirects: the way of a password must not become an open one.
        ("http", "https") => None,
        ("https" | "http", _) | ("file", "file") => Some(url),
        _ => None,
    }
}

/// The character references that occur in URLs; a page that needs others is not an index.
fn unescape(text: &str) -> String {
    let named = [
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#43;", "+"),
        ("&#x2B;", "+"),
        ("&plus;", "+"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let replaced = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    named.into_iter().fold(text.to_owned(), replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(at: &str, media_type: &str, text: &str) -> Vec<(String, String, bool)> {
        let page = Page {
            url: Url::parse(at).unwrap(),
            media_type: media_type.to_owned(),
            bytes: text.replace("HEX", HEX).into_bytes(),
        };
        let links = links(&page).unwrap().into_iter();
        links.map(|link| (link.filename, link.url.to_string(), link.sha256.is_some())).collect()
    }

    #[test]
    fn html_as_pep_503_has_it_and_worse() {
        let at = "https://index.example/simple/a/";
        for (text, expected) in [
            (
                "<a href='../../f/a-1.whl#sha256=HEX'>a</a>",
                Some(("a-1.whl", "https://index.example/f/a-1.whl", true)),
            ),
            (
                "<A HREF=\"https://f.example/a%2B1.whl\">x",
                Some(("a+1.whl", "https://f.example/a%2B1.whl", false)),
            ),
            (
                "<base href='/deep/'><a href=a.whl>",
                Some(("a.whl", "https://index.example/deep/a.whl", false)),
            ),
            (
                "<a href='//f.example/a.whl?x=1&amp;y=2'>",
                Some(("a.whl", "https://f.example/a.whl?x=1&y=2", false)),
            ),
            ("<a href='file:///etc/passwd'>", None),
            ("<a href='javascript:alert(1)'>", None),
            ("<base href='file:///'><a href='file:///etc/passwd'>", None),
            ("<a href='http://index.example/a.whl'>", None),
            ("<base href='http://index.example/'><a href='http://f.example/a.whl'>", None),
            ("<a href='a.whl#sha256=short'>", None),
            ("<a>", None),
            ("<a href>", None),
            ("<!-- <a href='a.whl'> -->", None),
            ("<<<a <a href='", None),
        ] {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, url, hash)| (name.to_owned(), url.to_owned(), hash))
                .collect();
            assert_eq!(read(at, "text/html", text), expected, "{text}");
        }
        let open = read("http://i.example/a/", "text/html", "<a href='http://f.example/a.whl'>");
        assert_eq!(open[0].1, "http://f.example/a.whl");
        let local = read("file:///index/a/", "text/html", "<a href='../a.whl'>");
        assert_eq!(local[0].1, "file:///index/a.whl");
    }

    #[test]
    fn pages_that_would_take_all_memory_are_refused() {
        let refused = |media_type: &str, text: String| {
            let url = Url::parse("https://i.example/simple/a/").unwrap();
            let bytes = text.into_bytes();
            links(&Page { url, media_type: media_type.to_owned(), bytes }).unwrap_err()
        };
        for tag in ["<b>", "<a href=x>", "<", "<!---->"] {
            let error = refused("text/html", tag.repeat(400_001));
            assert!(error.contains("`page-tags`"), "{tag}: {error}");
        }
        let file = r#"{"filename": "a", "url": "a"},"#.repeat(200_000);
        let files = format!(r#"{{"files": [{file}{{"filename": "b", "url": "b"}}]}}"#);
        let error = refused("application/vnd.pypi.simple.v1+json", files);
        assert!(error.contains("`page-files`"), "{error}");
        let deep = format!("{{\"files\": [], \"x\": {}", "[".repeat(100_000));
        refused("application/json", deep);
    }

    #[test]
    fn json_as_pep_691_has_it() {
        let text = r#"{"meta": {}, "files": [
            {"filename": "a.whl", "url": "../a.whl", "hashes": {"sha256": "HEX", "md5": "0"}},
            {"filename": "b.whl", "url": "file:///b.whl", "hashes": {}},
            {"filename": "d.whl", "url": "http://i.example/d.whl", "hashes": {}},
            {"filename": "c.whl", "url": "c.whl", "hashes": {"sha256": "nonsense"}}]}"#;
        assert_eq!(
            read("https://i.example/simple/a/", "application/vnd.pypi.simple.v1+json", text),
            [("a.whl".to_owned(), "https://i.example/simple/a.whl".to_owned(), true)]
        );
    }
}
