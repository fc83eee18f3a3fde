//! Values that are unique to one side: what they are found in depends on them.

use std::collections::BTreeSet;
use std::path::Path;

use base::vocabulary::Problem;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::prove::Claim;
use super::rewrite::{Rewrite, Value};
use super::text::Pair;
use super::{Cause, Evidence, Place};
use crate::compare::Side;

/// A shorter value stands in many places where nothing was varied, as `2` does: it counts only in
/// lines that differ and have both values.
const LEAST_UNIQUE: usize = 6;

/// What was varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanaryKind {
    /// A directory of the build or of a cache.
    BuildPath,
    /// `HOME`.
    Home,
    /// `TMPDIR`.
    TemporaryDirectory,
    /// Host name or domain.
    HostName,
    /// Name or number of user or group.
    User,
    /// `LC_ALL` and the like.
    Locale,
    /// `TZ`.
    TimeZone,
    /// A date, time or number of seconds.
    Clock,
    /// The umask.
    Umask,
    /// The number of processors or jobs.
    Cpu,
    /// The kernel's name or version.
    Kernel,
    /// `PYTHONHASHSEED`.
    HashSeed,
    /// A variable, or a part of `PATH`.
    Environment,
}

/// One thing that was varied, and its value on each side; a side may have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// What it is a value of.
    pub kind: CanaryKind,
    /// Its value in A.
    #[serde(default)]
    pub a: Option<String>,
    /// Its value in B.
    #[serde(default)]
    pub b: Option<String>,
}

/// All that was varied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Canaries(pub Vec<Canary>);

impl Canaries {
    /// Reads a file with a list such as `[{"kind": "home", "a": "/home/x", "b": "/home/y"}]`.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let problem = || Problem::usage(format!("cannot read canaries from `{}`", path.display()));
        let text = fs::read_to_string(path).map_err(|error| problem().cause(error))?;
        serde_json::from_str(&text).map_err(|error| {
            let example = r#"[{"kind": "home", "a": "/home/x", "b": "/home/y"}]"#;
            problem().cause(error).hint(format!("it is a list such as `{example}`"))
        })
    }

    /// The values of a kind on each side that stand nowhere by chance.
    pub(super) fn unique(&self, kind: CanaryKind) -> [Vec<&[u8]>; 2] {
        let canaries = self.0.iter().filter(|canary| canary.kind == kind);
        let values = canaries.map(|canary| [&canary.a, &canary.b]);
        let mut unique = [Vec::new(), Vec::new()];
        for (side, value) in values.flat_map(|values| values.into_iter().enumerate()) {
            let value = value.as_deref().unwrap_or_default();
            if value.len() >= LEAST_UNIQUE {
                unique[side].push(value.as_bytes());
            }
        }
        unique
    }

    /// Whether programs may have had another hash seed on each side: it is not known, or was
    /// varied.
    pub(super) fn seeds_may_differ(&self) -> bool {
        let mut seeds = self.0.iter().filter(|canary| canary.kind == CanaryKind::HashSeed);
        let known = seeds.clone().next().is_some();
        !known || seeds.any(|seed| seed.a != seed.b)
    }
}

impl CanaryKind {
    /// What a difference is due to in which a value of this kind is found.
    pub(super) fn cause(self, place: Place) -> Cause {
        match self {
            Self::BuildPath => Cause::BuildPath(place),
            Self::Home => Cause::Home,
            Self::TemporaryDirectory => Cause::TemporaryDirectory,
            Self::HostName => Cause::HostName,
            Self::User => Cause::User,
            Self::Locale => Cause::Locale,
            Self::TimeZone => Cause::TimeZone,
            Self::Clock => Cause::Timestamp(place),
            Self::Umask => Cause::Modes,
            Self::Cpu => Cause::Cpu,
            Self::Kernel => Cause::Kernel,
            Self::HashSeed => Cause::HashSeed,
            Self::Environment => Cause::Environment,
        }
    }
}

/// Claims about values that were varied and stand in what differs.
pub(super) fn claims(
    bytes: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
    place: Place,
    canaries: &Canaries,
) -> Vec<Claim<Rewrite>> {
    let forms = canaries.0.iter().flat_map(|canary| {
        let cause = canary.kind.cause(place);
        canary.forms().into_iter().map(move |values| (cause, values))
    });
    let mut forms: Vec<(Cause, [Value; 2])> = forms.filter(|(_, [a, b])| a != b).collect();
    // A path within another one must be looked for after it.
    let length = |values: &[Value; 2]| values.iter().map(|value| value.bytes.len()).max();
    forms.sort_by_key(|(_, values)| std::cmp::Reverse(length(values)));
    let is_unique = |value: &Value| value.bytes.is_empty() || !value.whole;
    let is_there = |value: &Value| !value.bytes.is_empty();
    let (unique, common): (Vec<_>, Vec<_>) =
        forms.into_iter().partition(|(_, values)| values.iter().all(is_unique));
    let (on_both, on_one): (Vec<_>, Vec<_>) =
        unique.into_iter().partition(|(_, values)| values.iter().all(is_there));
    let on_both = on_both.iter().filter_map(|(cause, it)| unique_on_both(*cause, it, bytes, pairs));
    let mut claims: Vec<Claim<Rewrite>> = on_both.collect();
    let mut lines = Lines::of(pairs);
    for claim in &claims {
        lines.rewrite(&claim.normalisation);
    }
    for (cause, values) in common {
        if let Some(claim) = lines.common(cause, &values) {
            lines.rewrite(&claim.normalisation);
            claims.push(claim);
        }
    }
    claims.extend(on_one.iter().flat_map(|(cause, it)| unique_on_one(*cause, it, bytes)));
    claims
}

/// The lines that differ, as the claims up to here leave them.
struct Lines(Vec<[Vec<u8>; 2]>);

impl Lines {
    fn of(pairs: &[Pair<'_>]) -> Self {
        Self(pairs.iter().map(|pair| [pair.a.to_vec(), pair.b.to_vec()]).collect())
    }

    fn rewrite(&mut self, rewrite: &Rewrite) {
        for [a, b] in &mut self.0 {
            *a = rewrite.apply(Side::A, std::mem::take(a));
            *b = rewrite.apply(Side::B, std::mem::take(b));
        }
    }

    /// The claim about a value that is not unique: in lines that still differ and have it on both
    /// sides.
    fn common(&self, cause: Cause, values: &[Value; 2]) -> Option<Claim<Rewrite>> {
        let pairs = self.0.iter().filter(|[a, b]| {
            a != b && values[0].find(a, 0).is_some() && values[1].find(b, 0).is_some()
        });
        let lines: BTreeSet<Vec<u8>> = pairs.flatten().cloned().collect();
        let proof = "with one value for what was varied, in the lines that differ";
        let rewrite = Rewrite::ValueIn(values.clone(), lines.clone());
        (!lines.is_empty()).then(|| claim(cause, rewrite, proof, values))
    }
}

fn unique_on_both(
    cause: Cause,
    values: &[Value; 2],
    bytes: &[Vec<u8>; 2],
    pairs: &[Pair<'_>],
) -> Option<Claim<Rewrite>> {
    let stands = |side: usize| match pairs {
        [] => values[side].find(&bytes[side], 0).is_some(),
        pairs => pairs.iter().any(|pair| values[side].find([pair.a, pair.b][side], 0).is_some()),
    };
    let rewrite = Rewrite::Value(values.clone());
    let proof = "with one value for what was varied";
    (stands(0) && stands(1)).then(|| claim(cause, rewrite, proof, values))
}

/// The other side has no value: no line either in which it could stand, or nothing in its place.
fn unique_on_one(cause: Cause, values: &[Value; 2], bytes: &[Vec<u8>; 2]) -> Vec<Claim<Rewrite>> {
    if (0..2).all(|side| values[side].find(&bytes[side], 0).is_none()) {
        return Vec::new();
    }
    let lines = Rewrite::Lines(values.clone());
    let alone = Rewrite::Without(values.clone());
    vec![
        claim(cause, lines, "without the lines that hold what was varied", values),
        claim(cause, alone, "without what was varied", values),
    ]
}

fn claim(cause: Cause, rewrite: Rewrite, proof: &str, values: &[Value; 2]) -> Claim<Rewrite> {
    let evidence = Evidence::new("what was varied", &values[0].bytes, &values[1].bytes);
    Claim::new(cause, rewrite, proof).evidence([evidence])
}

impl Canary {
    /// The values as programs write them.
    fn forms(&self) -> Vec<[Value; 2]> {
        let texts = [&self.a, &self.b].map(|text| text.as_deref().unwrap_or_default());
        let mut forms = vec![texts.map(str::to_owned)];
        if self.kind == CanaryKind::TimeZone {
            // `TZ=<+14>-14` is called `+14`.
            forms.push(texts.map(|text| zone_name(text).to_owned()));
        }
        let value = |text: String| Value::new(text.as_bytes(), text.len() < LEAST_UNIQUE);
        forms.into_iter().map(|form| form.map(value)).collect()
    }
}

/// The name in a POSIX `TZ`: in angle brackets, or letters.
fn zone_name(zone: &str) -> &str {
    match zone.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((name, _)) => name,
        None => zone.split(|it: char| !it.is_ascii_alphabetic()).next().unwrap_or_default(),
    }
}
