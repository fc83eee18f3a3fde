//! The hashes that a Nix file pins: which attribute, of which derivation, at which line. Text in,
//! values out; nothing is evaluated, so a hash that an expression computes is not seen.

use std::ops::Range;

use base::nar::from_base32;
use base::vocabulary::{Problem, Sha256};
use rnix::SyntaxKind::{
    NODE_ATTR_SET, NODE_ATTRPATH, NODE_ATTRPATH_VALUE, NODE_STRING, TOKEN_COMMENT,
};
use rnix::{Root, SyntaxNode};

/// A literal hash of a Nix file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    /// The `name` or `pname` beside it, else the name under which the expression stands.
    pub(super) derivation: String,
    /// Such as `outputHash`.
    pub(super) attribute: String,
    /// As it is written, without quotes.
    pub(super) text: String,
    /// What it says; `None` of an empty text, and of another algorithm.
    pub(super) sha256: Option<Sha256>,
    /// Where the text is, in bytes.
    pub(super) range: Range<usize>,
    /// From 1.
    pub(super) line: usize,
    /// The recipe of a comment `# lockstep: NAME` in the same line or the one above.
    pub(super) marked: Option<String>,
}

/// Attributes that hold a hash, in nixpkgs' fetchers and in Nix itself; others end in `Hash`.
const ATTRIBUTES: [&str; 4] = ["hash", "narHash", "outputHash", "sha256"];

/// What a comment says to name the recipe that a hash belongs to.
const MARK: &str = "lockstep:";

/// Reads the hashes of a Nix file, in the order in which they stand.
///
/// # Errors
/// The text is no Nix.
pub(super) fn pinned(file: &str, text: &str) -> Result<Vec<Pinned>, Problem> {
    let parsed = Root::parse(text);
    if let Some(error) = parsed.errors().first() {
        let problem = Problem::usage(format!("cannot read `{file}` as Nix"));
        return Err(problem.fact("because", error).hint("`nix-instantiate --parse` says more"));
    }
    let root = parsed.syntax();
    let bindings = root.descendants().filter(|node| node.kind() == NODE_ATTRPATH_VALUE);
    Ok(bindings.filter_map(|binding| hash_of(&binding, text)).collect())
}

fn hash_of(binding: &SyntaxNode, text: &str) -> Option<Pinned> {
    let path = key(binding)?;
    let (outer, attribute) = match path.rsplit_once('.') {
        Some((outer, attribute)) => (Some(outer.to_owned()), attribute.to_owned()),
        None => (None, path),
    };
    if !ATTRIBUTES.contains(&attribute.as_str()) && !attribute.ends_with("Hash") {
        return None;
    }
    let (value, range) = literal(binding)?;
    let sha256 = Sha256::from_sri(&value).or_else(|_| value.parse()).ok();
    let sha256 = sha256.or_else(|| from_base32(value.trim_start_matches("sha256:")));
    let looks = value.is_empty() || sha256.is_some() || value.contains('-');
    looks.then(|| Pinned {
        derivation: outer.or_else(|| derivation(binding)).unwrap_or_else(|| "(unnamed)".to_owned()),
        line: text[..range.start].lines().count().max(1),
        marked: marked(binding, text, range.start),
        text: value,
        attribute,
        sha256,
        range,
    })
}

/// The attribute path of a binding, such as `src.hash`.
fn key(binding: &SyntaxNode) -> Option<String> {
    let path = binding.children().find(|node| node.kind() == NODE_ATTRPATH)?;
    Some(path.text().to_string().trim().to_owned())
}

/// The text of a binding's value and where it is, if that is one plain string.
fn literal(binding: &SyntaxNode) -> Option<(String, Range<usize>)> {
    let value = binding.children().find(|node| node.kind() == NODE_STRING)?;
    let whole: Range<usize> = value.text_range().into();
    let text = value.text().to_string();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains(['$', '\\'])).then(|| (inner.to_owned(), whole.start + 1..whole.end - 1))
}

/// What a binding's set calls itself, else what the nearest set around it does or is called.
fn derivation(binding: &SyntaxNode) -> Option<String> {
    for around in binding.ancestors().skip(1) {
        match around.kind() {
            NODE_ATTR_SET => {
                let own = |wanted: &str| {
                    let all = around.children().filter(|it| it.kind() == NODE_ATTRPATH_VALUE);
                    let mut named = all.filter(|it| key(it).as_deref() == Some(wanted));
                    let value = named.next()?.children().find(|it| it.kind() == NODE_STRING)?;
                    Some(value.text().to_string().trim_matches('"').to_owned())
                };
                if let Some(name) = own("pname").or_else(|| own("name")) {
                    return Some(name);
                }
            }
            NODE_ATTRPATH_VALUE => return key(&around),
            _ => {}
        }
    }
    None
}

/// The recipe that a comment in the line of `at`, or alone in the line above, names.
fn marked(binding: &SyntaxNode, text: &str, at: usize) -> Option<String> {
    let line = |at: usize| text[..at].matches('\n').count();
    let root = binding.ancestors().last()?;
    let comments = root.descendants_with_tokens().filter_map(rnix::NodeOrToken::into_token);
    comments.filter(|token| token.kind() == TOKEN_COMMENT).find_map(|token| {
        let distance = line(at).checked_sub(line(token.text_range().start().into()))?;
        let (_, name) = token.text().split_once(MARK)?;
        (distance <= 1).then(|| name.split_whitespace().next().map(str::to_owned)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRI: &str = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    const BASE32: &str = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";

    #[test]
    fn hashes_are_found_with_the_derivation_that_they_are_of() {
        let text = format!(
            "{{ lib, stdenv }}:\nlet\n  src = fetch {{ owner = \"a\"; hash = \"{SRI}\"; }};\nin\n\
             stdenv.mkDerivation {{\n  pname = \"shop\";\n  wheelhouse = derivation {{\n    \
             name = \"shop-wheels-${{x}}\";\n    outputHash = \"{BASE32}\"; # lockstep: shop\n  \
             }};\n  vendorHash = \"\";\n  cargoHash = lib.fakeHash;\n  version = \"1-2\";\n  \
             web.npmDepsHash = \"\";\n}}\n"
        );
        let found = pinned("a.nix", &text).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|it| {
                assert_eq!(&text[it.range.clone()], it.text);
                let known = it.sha256 == Some(Sha256::of(""));
                (
                    it.derivation.as_str(),
                    it.attribute.as_str(),
                    it.line,
                    known,
                    it.marked.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("src", "hash", 3, true, None),
                ("shop-wheels-${x}", "outputHash", 9, true, Some("shop")),
                ("shop", "vendorHash", 11, false, None),
                ("web", "npmDepsHash", 14, false, None),
            ]
        );
        assert!(pinned("a.nix", "{ a = ").unwrap_err().to_string().contains("a.nix"));
    }
}
