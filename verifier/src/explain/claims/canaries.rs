//! Values that are unique to one side: what they are found in depends on them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::super::canaries::{Canary, CanaryKind};
use super::super::forms::value::{Bounds, Value};
use super::super::lines::Pair;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::super::{Cause, Evidence};
use super::sides::Sides;
use crate::compare::Side;

/// A shorter value, such as `2`, also occurs where nothing was varied: it counts only in lines that
/// differ and have both values.
const LEAST_UNIQUE: usize = 6;

/// A line of a list of variables, as `env` and `export` write it: nothing but a name and a value.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    let form =
        r#"^\s*(?:export |declare -x )?["']?\w+["']?\s*[=:]\s*["']?(?<value>[^"'=]*)["']?,?$"#;
    Regex::new(form).expect("it is tried in a test")
});

/// Claims about varied values that occur in a difference.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    // A clock is not looked for as it is: a text has another second of the same round.
    let canaries = sides.canaries.0.iter().filter(|canary| canary.kind != CanaryKind::Clock);
    let forms = canaries.flat_map(|canary| {
        let cause = canary.kind.cause(sides.place);
        forms(canary).into_iter().map(move |values| (cause, values))
    });
    let mut forms: Vec<(Cause, [Value; 2])> = forms.filter(|(_, [a, b])| a != b).collect();
    // A path within another one must be looked for after it.
    let length = |values: &[Value; 2]| values.iter().map(|value| value.bytes.len()).max();
    forms.sort_by_key(|(_, values)| std::cmp::Reverse(length(values)));
    let is_unique = |value: &Value| value.bytes.is_empty() || value.bytes.len() >= LEAST_UNIQUE;
    let is_there = |value: &Value| !value.bytes.is_empty();
    let (unique, common): (Vec<_>, Vec<_>) =
        forms.into_iter().partition(|(_, values)| values.iter().all(is_unique));
    let (on_both, on_one): (Vec<_>, Vec<_>) =
        unique.into_iter().partition(|(_, values)| values.iter().all(is_there));
    let on_both = on_both.iter().filter_map(|(cause, it)| unique_on_both(*cause, it, sides));
    let mut claims: Vec<Claim<Rewrite>> = on_both.collect();
    let mut lines = Lines::of(sides.pairs);
    for claim in &claims {
        lines.rewrite(&claim.normalisation);
    }
    for (cause, values) in common {
        if let Some(claim) = lines.common(cause, &values) {
            lines.rewrite(&claim.normalisation);
            claims.push(claim);
        }
    }
    claims.extend(on_one.iter().flat_map(|(cause, it)| unique_on_one(*cause, it, sides.bytes)));
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

fn unique_on_both(cause: Cause, values: &[Value; 2], sides: &Sides<'_>) -> Option<Claim<Rewrite>> {
    let stands = |side: usize| match sides.pairs {
        [] => values[side].find(&sides.bytes[side], 0).is_some(),
        pairs => pairs.iter().any(|pair| values[side].find([pair.a, pair.b][side], 0).is_some()),
    };
    let rewrite = Rewrite::Value(values.clone());
    let proof = "with one value for what was varied";
    (stands(0) && stands(1)).then(|| claim(cause, rewrite, proof, values))
}

/// The other side has no value: its line is missing, or the value's place is empty. Such a line is
/// one of a list of variables; any other line says more than the value.
fn unique_on_one(cause: Cause, values: &[Value; 2], bytes: &[Vec<u8>; 2]) -> Vec<Claim<Rewrite>> {
    if (0..2).all(|side| values[side].find(&bytes[side], 0).is_none()) {
        return Vec::new();
    }
    let variables = [0, 1].map(|side| {
        let lines = bytes[side].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let holding = lines.filter(|line| {
            let value = VARIABLE.captures(line).and_then(|found| found.name("value"));
            value.is_some_and(|it| values[side].find(it.as_bytes(), 0).is_some())
        });
        holding.map(<[u8]>::to_vec).collect()
    });
    let lines = Rewrite::Lines(variables);
    let alone = Rewrite::Without(values.clone());
    vec![
        claim(cause, lines, "without the variables that hold what was varied", values),
        claim(cause, alone, "without what was varied", values),
    ]
}

fn claim(cause: Cause, rewrite: Rewrite, proof: &str, values: &[Value; 2]) -> Claim<Rewrite> {
    let evidence = Evidence::new("what was varied", &values[0].bytes, &values[1].bytes);
    Claim::new(cause, rewrite, proof).evidence([evidence])
}

/// The values as programs write them.
fn forms(canary: &Canary) -> Vec<[Value; 2]> {
    let texts = [&canary.a, &canary.b].map(|text| text.as_deref().unwrap_or_default());
    let mut forms = vec![texts.map(str::to_owned)];
    if canary.kind == CanaryKind::TimeZone {
        // `TZ=<+14>-14` is called `+14`.
        forms.push(texts.map(|text| zone_name(text).to_owned()));
    }
    let value = |text: String| {
        let bounds = match canary.kind {
            CanaryKind::BuildPath => Bounds::Component,
            _ if text.len() < LEAST_UNIQUE => Bounds::Name,
            _ => Bounds::Word,
        };
        Value::new(text.as_bytes(), bounds)
    };
    forms.into_iter().map(|form| form.map(value)).collect()
}

/// The name in a POSIX `TZ`: in angle brackets, or letters.
fn zone_name(zone: &str) -> &str {
    match zone.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((name, _)) => name,
        None => zone.split(|it: char| !it.is_ascii_alphabetic()).next().unwrap_or_default(),
    }
}
