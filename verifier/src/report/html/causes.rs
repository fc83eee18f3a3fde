//! Causes with the files that have them, folded.

use super::markup::{Html, Page};
use super::{evidence, number, thousands};
use crate::explain::{Cause, Evidence, Finding, Proved, Root};
use crate::report::Report;

/// Unexplained findings that are shown with all their evidence; others are listed.
const MOST_OPEN: usize = 3;
/// Distributions of a cause.
const MOST_OWNERS: usize = 8;

/// Whether nothing differs in a file but what follows from other files.
pub(super) fn only_follows(finding: &Finding) -> bool {
    let flattened = finding.flattened();
    let has_root = |finding: &&Finding| finding.causes.iter().any(|it| finding.has_root(it.cause));
    let has_causes = flattened.iter().any(|finding| !finding.causes.is_empty());
    finding.explained() && has_causes && !flattened.iter().any(has_root)
}

/// What evidence may still take of the page: in bytes and text it is large if every other byte
/// differs, and there are more causes than a page has room for.
pub(super) struct Room(pub(super) usize);

impl Room {
    /// Evidence in full, else in short, else none.
    fn show(&mut self, evidence: &Evidence) -> Html {
        for html in [evidence::full(evidence), evidence::short(evidence)] {
            if html.len() <= self.0 {
                self.0 -= html.len();
                return html;
            }
        }
        Html::default()
    }
}

/// What has no cause, open for all to see.
pub(super) fn unexplained(page: &mut Page, report: &Report, room: &mut Room) {
    let open: Vec<&Finding> =
        flattened(report).into_iter().filter(|finding| finding.unexplained.is_some()).collect();
    if open.is_empty() {
        return;
    }
    page.show(Html::default().raw("<section><h2 class=alarm>Unexplained</h2>"));
    let (shown, listed) = open.split_at(open.len().min(MOST_OPEN));
    for finding in shown {
        let evidence = finding.unexplained.iter().flat_map(|unexplained| &unexplained.evidence);
        let evidence: Vec<Html> = evidence.map(|evidence| room.show(evidence)).collect();
        let html = Html::default().raw("<article>").add(&unexplained_head(finding));
        page.show(html.all(evidence).raw("</article>"));
    }
    if !listed.is_empty() {
        page.show(Html::default().raw("<ul class=files>"));
        page.list(listed.iter().map(|finding| {
            let evidence = finding.unexplained.iter().filter_map(|open| open.evidence.first());
            let html = Html::default().raw("<li>").add(&unexplained_head(finding));
            html.all(evidence.map(evidence::short)).raw("</li>")
        }));
        page.show(Html::default().raw("</ul>"));
    }
    page.show(Html::default().raw("</section>"));
}

fn unexplained_head(finding: &Finding) -> Html {
    let html =
        Html::default().raw("<code>").text(&finding.path).raw("</code>").add(&owner(finding));
    let Some(unexplained) = &finding.unexplained else { return html };
    let refused: Vec<&str> = unexplained.refused.iter().map(|cause| cause.id()).collect();
    let refused = match refused.as_slice() {
        [] => String::new(),
        refused => format!("; refused: {}", refused.join(", ")),
    };
    html.raw("<p>").prose(&unexplained.reason).text(&refused).raw("</p>")
}

/// Root causes, each with evidence, what can be done, and its files.
pub(super) fn roots(page: &mut Page, report: &Report, room: &mut Room) {
    let roots = &report.explanation.roots;
    if roots.is_empty() {
        return;
    }
    page.show(Html::default().raw("<section><h2>Root causes</h2>"));
    for root in roots {
        let html = Html::default()
            .raw("<article><h3><code>")
            .text(root.cause.id())
            .raw("</code><span class=count>")
            .text(&number(root.paths, "file", "files"))
            .raw("</span></h3>")
            .add(&owners(root))
            .raw("<p class=mend><b>fix</b> ")
            .prose(root.mitigation)
            .raw("</p>")
            .all((root.only_looks > 0).then(|| only_looks(root)))
            .raw("<p class=first>in <code>")
            .text(&root.first)
            .raw("</code></p>")
            .all(root.evidence.iter().map(|evidence| room.show(evidence)));
        page.show(html);
        files(page, report, root, true);
        page.show(Html::default().raw("</article>"));
    }
    page.show(Html::default().raw("</section>"));
}

/// What a waiver for it must say.
fn only_looks(root: &Root) -> Html {
    let count = number(root.only_looks, "file", "files");
    Html::default()
        .raw("<p class=looks>")
        .text(&format!("{count} not proved harmless: a waiver must name the sha256 of both sides"))
        .raw("</p>")
}

/// Causes that only follow.
pub(super) fn derived(page: &mut Page, report: &Report) {
    let derived = &report.explanation.derived;
    if derived.is_empty() {
        return;
    }
    page.show(
        Html::default()
            .raw("<section><h2>What only follows</h2>")
            .raw("<p>It is gone when the root causes are.</p>"),
    );
    for root in derived {
        page.show(
            Html::default()
                .raw("<article class=derived><h3><code>")
                .text(root.cause.id())
                .raw("</code><span class=count>")
                .text(&number(root.paths, "file", "files"))
                .raw("</span></h3>"),
        );
        files(page, report, root, false);
        page.show(Html::default().raw("</article>"));
    }
    page.show(Html::default().raw("</section>"));
}

/// Differences that a recipe allows.
pub(super) fn waived(page: &mut Page, report: &Report) {
    let findings = report.explanation.findings.iter().filter(|finding| report.is_waived(finding));
    let waived: Vec<(&str, &str)> = findings
        .map(|finding| (finding.path.as_str(), report.waived[&finding.path].as_str()))
        .collect();
    if waived.is_empty() {
        return;
    }
    page.show(
        Html::default()
            .raw("<section><h2>Waived</h2><details><summary>")
            .text(&number(waived.len() as u64, "difference", "differences"))
            .raw("</summary><ul class=files>"),
    );
    page.list(waived.into_iter().map(|(path, reason)| {
        let item = Html::default().raw("<li><code>").text(path).raw("</code> ");
        item.raw("<span class=why>").prose(reason).raw("</span></li>")
    }));
    page.show(Html::default().raw("</ul></details></section>"));
}

/// The files that have a cause, folded; each with what proves it.
fn files(page: &mut Page, report: &Report, root: &Root, as_root: bool) {
    let having: Vec<(&Finding, &Proved)> = flattened(report)
        .into_iter()
        .flat_map(|finding| finding.causes.iter().map(move |proved| (finding, proved)))
        .filter(|(finding, proved)| {
            proved.cause == root.cause && finding.has_root(root.cause) == as_root
        })
        .collect();
    page.show(
        Html::default()
            .raw("<details><summary>")
            .text(&number(having.len() as u64, "file", "files"))
            .raw("</summary><ul class=files>"),
    );
    // Hundreds of files that one directory reached show the same evidence: once is enough.
    let same = |index: usize| {
        let [(_, one), (_, other)] = [having[index - 1], having[index]];
        one.proof == other.proof && one.evidence.first() == other.evidence.first()
    };
    page.list(having.iter().enumerate().map(|(index, (finding, proved))| {
        let repeats = index > 0 && !proved.cause.is_derived() && same(index);
        file(finding, (!repeats).then_some(*proved))
    }));
    page.show(Html::default().raw("</ul></details>"));
}

/// `proved` is shown beside the path.
fn file(finding: &Finding, proved: Option<&Proved>) -> Html {
    let html =
        Html::default().raw("<li><code>").text(&finding.path).raw("</code>").add(&owner(finding));
    let Some(proved) = proved else { return html.raw("</li>") };
    let html = html.raw("<p>equal ").prose(&proved.proof).text(&from(proved)).raw("</p>");
    // What follows from other files shows nothing of its own.
    let shown = usize::from(!proved.cause.is_derived());
    html.all(proved.evidence.iter().take(shown).map(evidence::short)).raw("</li>")
}

fn from(proved: &Proved) -> String {
    let from = &proved.derived_from;
    match (proved.cause, from.as_slice()) {
        (Cause::BuildId, []) if proved.follows => {
            "; it is a hash of what differs in the file".to_owned()
        }
        (_, []) => String::new(),
        (_, [one]) => format!("; from {one}"),
        (_, [one, ..]) => format!("; from {one} and {} more", from.len() - 1),
    }
}

fn owner(finding: &Finding) -> Html {
    let owners = finding.owners.iter().map(|owner| {
        let from = owner.built_from.iter().fold(String::new(), |_, from| format!(", from {from}"));
        let html = Html::default().raw(" <span class=owner>").text(&owner.name).raw(" ");
        html.text(&owner.version).text(&from).raw("</span>")
    });
    Html::default().all(owners)
}

fn owners(root: &Root) -> Html {
    let mut owners: Vec<(&String, &u64)> = root.distributions.iter().collect();
    owners.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let left = owners.len().saturating_sub(MOST_OWNERS);
    let chips = owners.into_iter().take(MOST_OWNERS).map(|(name, count)| {
        let name = if name.is_empty() { "no distribution" } else { name };
        let html = Html::default().raw("<li>").text(name).raw(" <b>");
        html.text(&thousands(*count)).raw("</b></li>")
    });
    let more = match left {
        0 => Html::default(),
        left => Html::default().raw("<li>").text(&format!("{left} more")).raw("</li>"),
    };
    Html::default().raw("<ul class=chips>").all(chips).add(&more).raw("</ul>")
}

/// All findings, with members of archives.
fn flattened(report: &Report) -> Vec<&Finding> {
    report.explanation.findings.iter().flat_map(Finding::flattened).collect()
}
