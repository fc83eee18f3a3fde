//! `lockstep.toml`: levels of rules, known hosts, banned packages, and exceptions. It is always
//! read from the base: a change cannot loosen what judges it. What the change does to it,
//! [`loosened`] lists.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use base::packaging::PackageName;
use base::recipe::nearest;
use base::vocabulary::limits::RECIPE_BYTES;
use base::vocabulary::{Date, Problem, shortened};

use crate::finding::Finding;
use crate::rules::{EXCEPTION_EXPIRED, EXCEPTION_UNUSED, Level, RULES, Rule, rule};
use crate::tree::Tree;

/// Where the policy of a repository is.
pub(crate) const FILE: &str = "lockstep.toml";

/// Days that a file must be old where the policy does not say.
const MINIMUM_AGE_DAYS: u32 = 3;

/// What decides which findings stop a merge.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Policy {
    levels: BTreeMap<&'static str, Level>,
    /// Days that a file must be old.
    pub(crate) minimum_age_days: u32,
    /// Hosts that are no news.
    pub(crate) hosts: BTreeSet<String>,
    /// Packages that must not be locked.
    pub(crate) banned: BTreeSet<PackageName>,
    exceptions: Vec<Exception>,
}

/// What is allowed in spite of a rule.
#[derive(Debug, Clone, PartialEq)]
struct Exception {
    rule: &'static Rule,
    subject: String,
    reason: String,
    expires: Date,
}

/// A finding with what the policy makes of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// What was found.
    pub(crate) finding: Finding,
    /// What follows from it.
    pub(crate) level: Level,
    /// Why an exception allows it.
    pub(crate) excepted: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWire {
    #[serde(default)]
    policy: PolicyWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PolicyWire {
    minimum_age_days: Option<u32>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    banned: Vec<PackageName>,
    #[serde(default)]
    rules: BTreeMap<String, String>,
    #[serde(default)]
    exception: Vec<ExceptionWire>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionWire {
    rule: String,
    subject: String,
    reason: String,
    expires: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            minimum_age_days: MINIMUM_AGE_DAYS,
            hosts: BTreeSet::new(),
            banned: BTreeSet::new(),
            exceptions: Vec::new(),
        }
    }
}

impl Policy {
    /// Reads the policy of a side; without a file it is the default.
    ///
    /// # Errors
    /// The file cannot be read or understood.
    pub(crate) fn of(tree: &Tree) -> Result<Self, Problem> {
        match tree.read(FILE, &RECIPE_BYTES)? {
            Some(text) => Self::parse(text),
            None => Ok(Self::default()),
        }
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let wire: FileWire = toml::from_str(text).map_err(|error| {
            Problem::usage(format!("cannot read `{FILE}`"))
                .fact("because", error.to_string().trim_end())
                .hint("`docs/gate.md` documents every key")
        })?;
        let wire = wire.policy;
        let level = |(id, word): (&String, &String)| {
            let level = Level::of(word).ok_or_else(|| {
                Problem::usage(format!("`policy.rules.{id}` of `{FILE}` is not valid"))
                    .fact("value", shortened(word))
                    .hint("a level is `deny`, `warn` or `allow`")
            })?;
            Ok((known(id)?.id, level))
        };
        Ok(Self {
            levels: wire.rules.iter().map(level).collect::<Result<_, Problem>>()?,
            minimum_age_days: wire.minimum_age_days.unwrap_or(MINIMUM_AGE_DAYS),
            hosts: wire.hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect(),
            banned: wire.banned.into_iter().collect(),
            exceptions: wire
                .exception
                .into_iter()
                .map(exception)
                .collect::<Result<_, Problem>>()?,
        })
    }

    fn level(&self, rule: &Rule) -> Level {
        self.levels.get(rule.id).copied().unwrap_or(rule.level)
    }

    /// Gives each finding its level, worst first. Exceptions that allow nothing, and those that are
    /// over, become findings themselves.
    pub(crate) fn judge(&self, findings: Vec<Finding>, today: Date) -> Vec<Judged> {
        let mut used = vec![false; self.exceptions.len()];
        let mut judged: Vec<Judged> = findings
            .into_iter()
            .map(|finding| {
                let level = self.level(finding.rule);
                let allows = |it: &Exception| it.allows(&finding) && it.expires >= today;
                let at = self.exceptions.iter().position(allows);
                let excepted = at.filter(|_| level > Level::Allow).map(|at| {
                    used[at] = true;
                    let it = &self.exceptions[at];
                    format!("{} (until {})", it.reason, it.expires)
                });
                let level = if excepted.is_some() { Level::Allow } else { level };
                Judged { finding, level, excepted }
            })
            .collect();
        for (it, used) in self.exceptions.iter().zip(used) {
            let of = format!("the exception of `{}` for `{}`", it.rule.id, it.subject);
            let finding = if it.expires < today {
                let over = format!("{of} is over since {}: remove it", it.expires);
                Finding::new(&EXCEPTION_EXPIRED, &it.subject, over)
            } else if used {
                continue;
            } else {
                let unused = format!("{of} allows nothing in this change");
                Finding::new(&EXCEPTION_UNUSED, &it.subject, unused)
            };
            let finding = finding.detail([format!("reason: {}", it.reason)]).in_file(FILE);
            judged.push(Judged { level: self.level(finding.rule), finding, excepted: None });
        }
        let place = |it: &Judged| RULES.iter().position(|rule| rule.id == it.finding.rule.id);
        judged.sort_by_key(|it| (std::cmp::Reverse(it.level), place(it)));
        judged
    }
}

impl Exception {
    fn allows(&self, finding: &Finding) -> bool {
        finding.rule.id == self.rule.id && finding.subject == self.subject
    }
}

fn known(id: &str) -> Result<&'static Rule, Problem> {
    rule(id).ok_or_else(|| {
        let problem = Problem::usage(format!("`{FILE}` names no rule: `{}`", shortened(id)));
        match nearest(id, RULES.iter().map(|rule| rule.id)) {
            Some(name) => problem.hint(format!("did you mean `{name}`?")),
            None => problem.hint("`docs/gate.md` lists every rule"),
        }
    })
}

fn exception(wire: ExceptionWire) -> Result<Exception, Problem> {
    let ExceptionWire { rule, subject, reason, expires } = wire;
    let invalid = |because: &str| {
        Problem::usage(format!("an exception of `{FILE}` is not valid"))
            .fact("rule", shortened(&rule))
            .fact("subject", shortened(&subject))
            .fact("because", because)
            .hint("say why it is allowed, and until when: `expires = \"2027-01-31\"`")
    };
    if reason.trim().is_empty() || subject.is_empty() {
        return Err(invalid("it has no reason, or no subject"));
    }
    let expires = expires.parse().map_err(|error| invalid(&format!("`expires`: {error}")))?;
    Ok(Exception { rule: known(&rule)?, subject, reason, expires })
}

/// What the policy of the head allows that the base's does not, a line each.
pub(crate) fn loosened(base: &Policy, head: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for rule in RULES {
        let (before, after) = (base.level(rule), head.level(rule));
        if after < before {
            found.push(format!("`{}` becomes `{after}` (was `{before}`)", rule.id));
        }
    }
    if head.minimum_age_days < base.minimum_age_days {
        let (before, after) = (base.minimum_age_days, head.minimum_age_days);
        found.push(format!("`minimum-age-days` becomes {after} (was {before})"));
    }
    let hosts = head.hosts.difference(&base.hosts);
    found.extend(hosts.map(|host| format!("the host `{}` becomes known", shortened(host))));
    let banned = base.banned.difference(&head.banned);
    found.extend(banned.map(|name| format!("`{name}` is no longer banned")));
    for it in head.exceptions.iter().filter(|it| !base.exceptions.contains(it)) {
        let (subject, reason) = (shortened(&it.subject), shortened(&it.reason));
        let rule = it.rule.id;
        found.push(format!("new exception of `{rule}` for `{subject}`: {reason}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{DOWNGRADE, RE_UPLOAD};

    const DAY: &str = "2026-11-28";

    fn policy(text: &str) -> Policy {
        Policy::parse(text).unwrap()
    }

    fn judged(policy: &Policy, rule: &'static Rule) -> Vec<(&'static str, Level)> {
        let finding = Finding::new(rule, "lxml", "found");
        let judged = policy.judge(vec![finding], DAY.parse().unwrap());
        judged.iter().map(|it| (it.finding.rule.id, it.level)).collect()
    }

    fn exception(rule: &str, subject: &str, expires: &str) -> String {
        format!(
            "[[policy.exception]]\nrule = '{rule}'\nsubject = '{subject}'\nreason = 'known'\n\
             expires = '{expires}'\n"
        )
    }

    #[test]
    fn each_rule_denies_passes_and_has_exceptions() {
        for rule in RULES {
            let id = rule.id;
            if id.starts_with("exception-") {
                continue;
            }
            for level in [Level::Allow, Level::Warn, Level::Deny] {
                let policy = policy(&format!("[policy.rules]\n{id} = '{level}'\n"));
                assert_eq!(judged(&policy, rule), [(id, level)]);
            }
            let deny = format!("[policy.rules]\n{id} = 'deny'\n");
            let with =
                |subject, expires| policy(&(deny.clone() + &exception(id, subject, expires)));
            // Used, also on its last day.
            assert_eq!(judged(&with("lxml", DAY), rule), [(id, Level::Allow)]);
            let stale = judged(&with("other", "2027-01-01"), rule);
            assert_eq!(stale, [(id, Level::Deny), ("exception-unused", Level::Warn)]);
            let over = judged(&with("lxml", "2026-11-27"), rule);
            assert_eq!(over, [(id, Level::Deny), ("exception-expired", Level::Warn)]);
        }
    }

    #[test]
    fn what_becomes_looser_is_listed() {
        let strict = policy("[policy]\nbanned = ['x']\nminimum-age-days = 7\n");
        let loose = "[policy]\nhosts = ['Files.example']\nminimum-age-days = 1\n\
                     [policy.rules]\nre-upload = 'allow'\ndowngrade = 'deny'\n";
        let loose = policy(&(loose.to_owned() + &exception("host-new", "h", "2027-01-01")));
        let found = loosened(&strict, &loose);
        assert_eq!(
            found,
            [
                "`re-upload` becomes `allow` (was `deny`)",
                "`minimum-age-days` becomes 1 (was 7)",
                "the host `files.example` becomes known",
                "`x` is no longer banned",
                "new exception of `host-new` for `h`: known",
            ]
        );
        assert!(loosened(&loose, &loose).is_empty());
        // What is stricter is no news.
        let stricter = policy("[policy.rules]\ndowngrade = 'deny'\n");
        assert!(loosened(&Policy::default(), &stricter).is_empty());
    }

    #[test]
    fn worst_first() {
        let findings = vec![Finding::new(&DOWNGRADE, "a", ""), Finding::new(&RE_UPLOAD, "b", "")];
        let judged = Policy::default().judge(findings, DAY.parse().unwrap());
        assert_eq!(judged[0].finding.rule.id, "re-upload");
    }

    #[test]
    fn mistakes_are_errors() {
        for (text, expected) in [
            ("[policy.rules]\nre-uplaod = 'deny'", "did you mean `re-upload`?"),
            ("[policy.rules]\nre-upload = 'off'", "a level is"),
            ("[policy]\nminimum-age = 3", "every key"),
            (&exception("re-upload", "a", "soon"), "until when"),
            (&exception("re-upload", "", "2027-01-01"), "until when"),
        ] {
            let problem = Policy::parse(text).unwrap_err();
            assert!(problem.hint.as_ref().unwrap().contains(expected), "{text}: {problem}");
        }
    }
}
