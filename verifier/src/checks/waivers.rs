//! Waivers: decides which differences a recipe allows. A waiver applies to a proved cause, never to
//! an unexplained difference. If the difference only looks like the cause, the waiver applies only
//! to the exact bytes that it names. A waiver that matches nothing or has expired fails. Pure,
//! except for [`today`].

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use base::recipe::{Waiver, nearest};
use base::vocabulary::{Date, Outcome, Problem};

use crate::check::Check;
use crate::explain::{Cause, Explanation, Finding, Proved, Standing};
use crate::rounds::vary::NotVaried;

/// The number of files with other bytes that the message for one waiver names.
const MOST_UNNAMED: usize = 3;

/// The day on which this runs, in UTC. It decides only which waivers and exceptions are over and
/// how old a file is, and it is the one place of the project that asks for the date.
#[expect(clippy::disallowed_methods, reason = "the one place; nothing of it reaches an output")]
///
/// # Errors
/// A clock before 1970, by which no waiver would ever be over.
pub fn today() -> Result<Date, Problem> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let since = since.map_err(|error| {
        Problem::new("cannot tell what day it is").cause(error).hint("set the clock")
    })?;
    Ok(Date::of_unix_time(since.as_secs()))
}

/// Checks that all waivers name existing causes.
///
/// # Errors
/// A name that is none, with the nearest one; `unexplained`, which is the absence of a cause.
pub(crate) fn check_causes(waivers: &[Waiver]) -> Result<(), Problem> {
    let known: BTreeSet<&str> = Cause::all().into_iter().map(Cause::id).collect();
    let Some(waiver) = waivers.iter().find(|waiver| !known.contains(waiver.cause.as_str())) else {
        return Ok(());
    };
    let what =
        format!("the waiver of `{}` names no cause: `{}`", waiver.path.as_str(), waiver.cause);
    if waiver.cause == "unexplained" {
        return Err(Problem::usage(what).hint(
            "what is unexplained cannot be waived: find its cause, or teach it to `explain`",
        ));
    }
    let nearest = nearest(&waiver.cause, known.iter().copied());
    Err(match nearest {
        Some(name) => Problem::usage(what).hint(format!("did you mean `{name}`?")),
        None => Problem::usage(what)
            .fact("causes", known.into_iter().collect::<Vec<_>>().join(", "))
            .hint("take the name that the report gives"),
    })
}

/// The findings of which everything is waived: the reasons, by path.
pub(crate) fn waived(explanation: &Explanation, waivers: &[Waiver]) -> BTreeMap<String, String> {
    let mut reasons = BTreeMap::new();
    // What only follows from other findings is allowed once those are, however long the chain.
    loop {
        let before = reasons.len();
        for finding in &explanation.findings {
            let findings = &explanation.findings;
            let covering = Covering { waivers, findings, waived: &reasons };
            if !reasons.contains_key(&finding.path)
                && let Some(why) = covering.finding(finding)
            {
                let why: Vec<&str> = why.into_iter().collect();
                let why = if why.is_empty() { vec!["follows from waived files"] } else { why };
                reasons.insert(finding.path.clone(), why.join("; "));
            }
        }
        if reasons.len() == before {
            return reasons;
        }
    }
}

/// Whether each waiver still allows something, and until when. `explanations` are those of all
/// pairs of rounds: a waiver is stale only if none of them needs it. What is `not_varied` may be
/// what a waiver is for, so then none is called stale.
pub(crate) fn check(
    explanations: &[&Explanation],
    waivers: &[Waiver],
    today: Date,
    not_varied: &[NotVaried],
) -> Check {
    let findings = || explanations.iter().flat_map(|it| &it.findings).flat_map(Finding::flattened);
    let (mut detail, mut unused) = (Vec::new(), Vec::new());
    for waiver in waivers {
        let Waiver { cause, reason, expires, .. } = waiver;
        let of = format!("the waiver of `{cause}` at `{}`", waiver.path.as_str());
        let count = findings()
            .filter(|finding| finding.causes.iter().any(|it| matches(waiver, finding, it)))
            .count();
        let unnamed = findings().filter(|finding| {
            let causes = finding.causes.iter().filter(|it| is_about(waiver, finding, it));
            causes.into_iter().any(|it| !allows_bytes(waiver, finding, it))
        });
        let unnamed: Vec<&Finding> = unnamed.take(MOST_UNNAMED).collect();
        detail.extend(unnamed.iter().flat_map(|finding| of_bytes(&of, waiver, finding)));
        if !unnamed.is_empty() {
            detail.push(format!("  reason: {reason}"));
        } else if count == 0 && !not_varied.is_empty() {
            let names: Vec<String> = not_varied.iter().map(ToString::to_string).collect();
            unused.push(format!("{of} allowed nothing; not varied were {}", names.join(", ")));
        } else if count == 0 {
            detail.push(format!("{of} is stale: nothing differs there for that cause"));
            detail.push(format!("  reason: {reason}"));
            detail.push("  hint: remove it from the recipe".to_owned());
        }
        if *expires < today {
            detail.push(format!("{of} is over since {expires}, today is {today}"));
            detail.push(format!("  reason: {reason}"));
            detail.push(match &waiver.upstream {
                Some(upstream) => {
                    format!("  hint: look at {upstream}; fix it, or give the waiver a new day")
                }
                None => "  hint: fix what differs, or give the waiver a new day".to_owned(),
            });
        }
    }
    let outcome = if detail.is_empty() { Outcome::Good } else { Outcome::Policy };
    if detail.is_empty() && unused.is_empty() && !waivers.is_empty() {
        detail.push(format!("{} waivers, each still needed", waivers.len()));
    }
    detail.extend(unused);
    Check { name: "waivers", outcome, detail }
}

/// Says that a waiver does not allow the bytes of a finding, and what it would have to name.
fn of_bytes(of: &str, waiver: &Waiver, finding: &Finding) -> Vec<String> {
    let why = if waiver.sha256.is_empty() {
        "that cause is not proved harmless there, so a waiver must name the bytes of both sides"
    } else {
        "the bytes are not those that it names"
    };
    let mut lines = vec![format!("{of} does not allow `{}`: {why}", finding.path)];
    lines.extend(finding.sha256.iter().map(|[a, b]| {
        format!("  hint: if you read both and they are harmless: sha256 = [\"{a}\", \"{b}\"]")
    }));
    lines
}

/// Whether a waiver allows this cause of this finding.
fn matches(waiver: &Waiver, finding: &Finding, proved: &Proved) -> bool {
    is_about(waiver, finding, proved) && allows_bytes(waiver, finding, proved)
}

/// Whether a waiver names this cause and this path.
fn is_about(waiver: &Waiver, finding: &Finding, proved: &Proved) -> bool {
    waiver.cause == proved.cause.id() && names(&finding.path).any(|it| waiver.path.names(it))
}

/// Whether a waiver that names bytes names those of both sides; one that names none allows what is
/// proved.
fn allows_bytes(waiver: &Waiver, finding: &Finding, proved: &Proved) -> bool {
    match waiver.sha256.as_slice() {
        [] => proved.standing == Standing::Proved,
        named => {
            let sides = finding.sha256.iter().flatten();
            finding.sha256.is_some() && sides.into_iter().all(|side| named.contains(side))
        }
    }
}

/// The names by which a path goes: as it is reported, and relative to the output, to
/// `site-packages`, or to the archive that it is a member of. No name that is shown has `!/` in it.
fn names(path: &str) -> impl Iterator<Item = &str> {
    let member = path.rsplit_once("!/").map(|(_, member)| member);
    let in_output = path.strip_prefix("output/");
    let module = in_output.and_then(|it| Some(it.split_once("/site-packages/")?.1));
    [Some(path), member, in_output, module].into_iter().flatten()
}

/// What is allowed, given what is already known to be.
struct Covering<'w> {
    waivers: &'w [Waiver],
    findings: &'w [Finding],
    waived: &'w BTreeMap<String, String>,
}

impl<'w> Covering<'w> {
    /// The reasons why a finding and its members may differ; `None` if they may not. A finding
    /// without a cause is not explained, or has it in its members.
    fn finding(&self, finding: &Finding) -> Option<BTreeSet<&'w str>> {
        if finding.unexplained.is_some()
            || (finding.causes.is_empty() && finding.members.is_empty())
        {
            return None;
        }
        let mut reasons = BTreeSet::new();
        let mut members: BTreeSet<&str> = BTreeSet::new();
        let (derived, roots): (Vec<&Finding>, Vec<&Finding>) =
            finding.members.iter().partition(|it| it.causes.iter().any(|it| it.cause.is_derived()));
        for member in roots.into_iter().chain(derived) {
            reasons.extend(self.member(member, &members, &finding.path)?);
            members.insert(&member.path);
        }
        for proved in &finding.causes {
            reasons.extend(self.cause(finding, proved, |from| self.is_allowed(from))?);
        }
        Some(reasons)
    }

    /// The source of a derived cause: a file, or all files of a distribution.
    fn is_allowed(&self, from: &str) -> bool {
        let is_of = |it: &&Finding| it.owners.iter().any(|owner| owner.normalised() == from);
        let mut of = self.findings.iter().filter(is_of).peekable();
        let is_distribution = of.peek().is_some();
        self.waived.contains_key(from)
            || is_distribution && of.all(|it| self.waived.contains_key(&it.path))
    }

    /// As [`Self::finding`], of a member of `archive`, of whose members some are already allowed.
    fn member(
        &self,
        member: &Finding,
        allowed: &BTreeSet<&str>,
        archive: &str,
    ) -> Option<BTreeSet<&'w str>> {
        if !member.members.is_empty() {
            return self.finding(member);
        }
        if member.unexplained.is_some() || member.causes.is_empty() {
            return None;
        }
        let beside = |from: &str| allowed.contains(format!("{archive}!/{from}").as_str());
        let reasons = member.causes.iter().map(|proved| self.cause(member, proved, beside));
        reasons.collect::<Option<Vec<_>>>().map(|all| all.into_iter().flatten().collect())
    }

    /// `allowed` answers for the files that a derived cause follows from.
    fn cause(
        &self,
        finding: &Finding,
        proved: &Proved,
        allowed: impl Fn(&str) -> bool,
    ) -> Option<BTreeSet<&'w str>> {
        let waivers = self.waivers.iter().filter(|waiver| matches(waiver, finding, proved));
        let reasons: BTreeSet<&str> = waivers.map(|waiver| waiver.reason.as_str()).collect();
        if !reasons.is_empty() {
            return Some(reasons);
        }
        let follows = match proved.cause {
            // From what else differs in the same bytes, which is looked at by itself.
            Cause::BuildId => proved.follows,
            cause if cause.is_derived() => {
                !proved.derived_from.is_empty() && proved.derived_from.iter().all(|it| allowed(it))
            }
            _ => false,
        };
        follows.then(BTreeSet::new)
    }
}
