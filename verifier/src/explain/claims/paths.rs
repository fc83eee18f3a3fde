//! Absolute paths that differ because the build path differs.

use std::collections::BTreeSet;

use super::super::canaries::CanaryKind;
use super::super::forms::value::{Bounds, Value};
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Canaries, Cause, Evidence, Place};
use super::random;
use super::sides::Sides;

/// So many different paths are looked for.
const MOST_PATHS: usize = 8;

/// Names that are below many roots: that two paths share them does not make them the same path.
const LAYOUT: [&[u8]; 14] = [
    b"bin", b"etc", b"home", b"include", b"lib", b"lib64", b"libexec", b"local", b"opt", b"sbin",
    b"share", b"tmp", b"usr", b"var",
];

/// Two paths that differ, each up to the last component that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paths<'t> {
    pub(crate) a: &'t [u8],
    pub(crate) b: &'t [u8],
    /// What follows both, from a slash on.
    tail: &'t [u8],
    /// Whether a line `#!` starts with them.
    interpreter: bool,
}

/// Claims about paths that differ for the place of a build.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let mut seen = BTreeSet::new();
    let mut claims: Vec<Claim<Rewrite>> = Vec::new();
    for pair in sides.pairs {
        for (a, b) in pair.tokens() {
            let Some(paths) = differing(a, b) else { continue };
            let (a, b) = (paths.a, paths.b);
            let is_claimed = seen.len() < MOST_PATHS
                && (paths.are_of_builds(sides.canaries)
                    || sides.place != Place::Link && paths.are_drawn());
            if is_claimed && seen.insert((a, b)) {
                let values = [a, b].map(|path| Value::new(path, Bounds::Name));
                let cause = Cause::BuildPath(sides.place);
                let claim = Claim::new(cause, Rewrite::Value(values), "with one path for both");
                claims.push(claim.evidence([Evidence::new(pair.at(), a, b)]));
            }
        }
    }
    claims
}

/// If both words hold absolute paths that differ: both up to the last component that does.
pub(crate) fn differing<'t>(a: &'t [u8], b: &'t [u8]) -> Option<Paths<'t>> {
    let start = path_start(a)?;
    if a.get(..start)? != b.get(..start)? || b.get(start) != Some(&b'/') {
        return None;
    }
    let interpreter = a[..start] == *b"#!";
    let (a, b) = (&a[start..], &b[start..]);
    // What follows the difference is equal from a slash on.
    let same = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let tail = &a[a.len() - same..];
    let from = tail.iter().position(|byte| matches!(byte, b'/' | b':' | b'='));
    let tail = &tail[from.unwrap_or(tail.len())..];
    let (a, b) = (&a[..a.len() - tail.len()], &b[..b.len() - tail.len()]);
    let absolute = |path: &[u8]| path.len() > 1;
    (absolute(a) && absolute(b) && a != b).then_some(Paths { a, b, tail, interpreter })
}

impl Paths<'_> {
    /// Whether they differ for the place of a build: if the rounds' places are known, each must
    /// lead to that of its side; if not, both must be one path below two roots.
    fn are_of_builds(&self, canaries: &Canaries) -> bool {
        if self.differ_in_random_name() {
            return false;
        }
        let mut places = canaries.of(CanaryKind::BuildPath).peekable();
        if places.peek().is_none() {
            return self.are_below_two_roots();
        }
        places.any(|[place_a, place_b]| {
            leads_to(self.a, place_a.as_bytes()) && leads_to(self.b, place_b.as_bytes())
        })
    }

    /// As [`Self::are_of_builds`], of paths in debug information, which no program acts on: if no
    /// places are known, they are taken for those of what was compiled.
    pub(crate) fn are_of_compiled(&self, canaries: &Canaries) -> bool {
        let is_known = canaries.of(CanaryKind::BuildPath).next().is_some();
        !is_known || self.are_of_builds(canaries) || self.are_drawn()
    }

    /// Whether they differ in nothing but a name that was drawn at random, which is then to blame.
    fn differ_in_random_name(&self) -> bool {
        let mut random = random::FORMS.iter();
        random.any(|form| form.replace(self.a.to_vec(), b"") == form.replace(self.b.to_vec(), b""))
    }

    /// Whether they share more than the standard layout of systems and the name of a program in it,
    /// or are paths that a compiler was told to map to another.
    fn are_below_two_roots(&self) -> bool {
        if self.tail.starts_with(b"=/") {
            return true;
        }
        let path = self.tail.split(|byte| matches!(byte, b':' | b'=')).next().unwrap_or_default();
        let mut shared: Vec<&[u8]> =
            path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        let directory = match shared.len() {
            0 | 1 => last_name(self.a),
            count => shared[count - 2],
        };
        if self.interpreter || matches!(directory, b"bin" | b"sbin") {
            shared.pop();
        }
        shared.iter().any(|name| !LAYOUT.contains(name))
    }

    /// Whether they are sibling temporary directories whose names look random, in an unknown form.
    fn are_drawn(&self) -> bool {
        const LEAST_DRAWN: usize = 6;
        let [a, b] = [self.a, self.b].map(last_name);
        let parents = [(self.a, a), (self.b, b)].map(|(path, name)| path.strip_suffix(name));
        let is_temporary =
            |path: &[u8]| [&b"/tmp/"[..], b"/var/tmp/"].iter().any(|it| path.starts_with(it));
        let drawn = |name: &[u8]| name.iter().all(u8::is_ascii_alphanumeric);
        parents[0] == parents[1]
            && is_temporary(self.a)
            && a.len() == b.len()
            && a.len() >= LEAST_DRAWN
            && [a, b].into_iter().all(drawn)
            && [a, b].into_iter().flatten().any(u8::is_ascii_digit)
    }
}

/// Whether the last names of a path are those of `place`.
fn leads_to(path: &[u8], place: &[u8]) -> bool {
    let before = path.strip_suffix(place);
    let is_absolute = place.starts_with(b"/");
    !place.is_empty() && before.is_some_and(|before| is_absolute || before.ends_with(b"/"))
}

fn last_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Where an absolute path starts in a word: a slash that follows no name, or a URL's or flag's.
fn path_start(word: &[u8]) -> Option<usize> {
    let slash = memchr::memchr(b'/', word)?;
    let before = &word[..slash];
    if before.ends_with(b":") && word[slash..].starts_with(b"///") {
        return Some(slash + 2);
    }
    // What follows two slashes is a host, and another host is another place to ask.
    if word[slash..].starts_with(b"//") {
        return None;
    }
    let is_flag = before.starts_with(b"-") && before.len() == 2;
    let follows_name =
        before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte));
    (is_flag || !follows_name).then_some(slash)
}
