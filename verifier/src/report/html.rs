//! The report as an HTML page: one file without scripts that loads nothing, at most [`MOST_BYTES`]
//! long. Truncated listings say what they leave out.
//!
//! Written by hand rather than with a templating crate: there is one page, and a type that escapes
//! (`markup`) is smaller than the macros that would.

mod markup;
mod evidence;
mod map;
mod causes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use base::vocabulary::Outcome;

use super::verdict::{number, thousands};
use super::{Check, Report, Subject};
use crate::explain::Finding;
use causes::Room;
use map::Share;
use markup::{Html, Page};

/// What a mail server and a reader's patience still take.
const MOST_BYTES: usize = 60 * 1024;
/// How much of that is evidence that is always in sight.
const MOST_EVIDENCE: usize = 20 * 1024;
/// Rows of a table, lines of a check.
const MOST_ROWS: usize = 40;
/// The most characters of a check's line; each may take six bytes.
const MOST_COLUMNS: usize = 160;

/// The page about a finished report.
pub(crate) fn html(report: &Report) -> String {
    let mut page = Page::default();
    page.show(head(&report.subject, &report.verdict()));
    page.show(verdict(report));
    page.show(figures(report));
    let mut room = Room(MOST_EVIDENCE);
    causes::unexplained(&mut page, report, &mut room);
    causes::roots(&mut page, report, &mut room);
    page.show(checks(&report.checks));
    page.show(distributions(report));
    page.show(variations(report));
    causes::derived(&mut page, report);
    causes::waived(&mut page, report);
    page.show(Html::default().raw(FOOT));
    page.assemble(MOST_BYTES)
}

/// The placeholder page until the report is finished.
pub(crate) fn html_unfinished(subject: &Subject) -> String {
    let file = match subject {
        Subject::Pair => "the file that <code>--partial</code> names",
        Subject::Rounds { .. } => "<code>report.jsonl</code> in the directory of the rounds",
    };
    let content = Html::default()
        .raw(
            "<p>This page is replaced when the comparison ends. If nothing runs any more, the run ",
        )
        .raw("was stopped: it decided nothing. What it found until then is in ")
        .raw(file)
        .raw(".</p>");
    without_report(subject, "unfinished: comparing", &content)
}

/// The page of a run that failed: `text` is its error.
pub(crate) fn html_undecided(subject: &Subject, text: &str) -> String {
    const MOST_LINES: usize = 60;
    let lines = text.lines().take(MOST_LINES);
    let content = lines.fold(Html::default().raw("<pre>"), |html, it| html.text(it).raw("\n"));
    without_report(subject, "undecided: the run failed", &content.raw("</pre>"))
}

fn without_report(subject: &Subject, heading: &'static str, content: &Html) -> String {
    let mut page = Page::default();
    page.show(head(subject, heading.split(':').next().unwrap_or_default()));
    let header = Html::default()
        .raw("<header class=\"verdict open\"><p class=kind>")
        .text(&kind(subject))
        .raw("</p><h1><span class=mark>…</span>")
        .raw(heading)
        .raw("</h1>")
        .add(content)
        .raw("</header>");
    page.show(header);
    page.show(Html::default().raw(FOOT));
    page.assemble(MOST_BYTES)
}

const FOOT: &str = "<footer>Made by Lockstep. A cause is listed only if the one normalisation \
    that it predicts, applied to both sides, left them equal byte for byte.</footer></main></body>\
    </html>\n";

fn head(subject: &Subject, title: &str) -> Html {
    Html::default()
        .raw("<!DOCTYPE html><html lang=en><head><meta charset=utf-8>")
        .raw("<meta name=viewport content=\"width=device-width,initial-scale=1\">")
        .raw("<meta name=color-scheme content=\"light dark\"><title>")
        .text(match subject {
            Subject::Pair => "comparison",
            Subject::Rounds { recipe, .. } => recipe,
        })
        .raw(": ")
        .text(title)
        .raw("</title><style>")
        .raw(include_str!("html/style.css"))
        .raw("</style></head><body><main>")
}

fn kind(subject: &Subject) -> String {
    match subject {
        Subject::Pair => "two sides, compared byte for byte".to_owned(),
        Subject::Rounds { recipe, rounds, sides } => {
            let sides = sides.filter(|_| *rounds > 2);
            let sides = sides.map(|[a, b]| format!("; this is about {a} and {b}"));
            format!("{recipe}, built in {rounds} rounds{}", sides.unwrap_or_default())
        }
    }
}

fn verdict(report: &Report) -> Html {
    let (class, mark) = match report.outcome() {
        Outcome::Good => ("<header class=\"verdict good\">", "✓"),
        Outcome::Undecided | Outcome::Usage => ("<header class=\"verdict open\">", "?"),
        _ => ("<header class=\"verdict bad\">", "✗"),
    };
    let sentence = report.verdict();
    let (word, rest) = sentence.split_once(": ").unwrap_or((&sentence, ""));
    Html::default()
        .raw(class)
        .raw("<p class=kind>")
        .text(&kind(&report.subject))
        .raw("</p><h1><span class=mark>")
        .raw(mark)
        .raw("</span>")
        .text(word)
        .raw("</h1><p>")
        .prose(rest)
        .raw("</p></header>")
}

fn figures(report: &Report) -> Html {
    let explanation = &report.explanation;
    let derived =
        report.explanation.findings.iter().filter(|finding| causes::only_follows(finding));
    let waived = explanation.findings.iter().filter(|finding| report.is_waived(finding)).count();
    let all = [
        (report.counted.entries, "entry", "entries"),
        (report.counted.files, "file", "files"),
        (explanation.findings.len() as u64, "differs", "differ"),
        (explanation.roots.len() as u64, "root cause", "root causes"),
        (derived.count() as u64, "only follows", "only follow"),
        (waived as u64, "waived", "waived"),
        (explanation.unexplained, "unexplained", "unexplained"),
    ];
    let items = all.iter().map(|(count, one, many)| {
        let alarming = *one == "unexplained" && *count > 0;
        Html::default()
            .raw(if alarming { "<li class=alarm><b>" } else { "<li><b>" })
            .text(&thousands(*count))
            .raw("</b> ")
            .text(if *count == 1 { one } else { many })
            .raw("</li>")
    });
    let bytes = Html::default()
        .raw("<li><b>")
        .text(&map::megabytes(report.counted.bytes))
        .raw("</b> read on each side</li>");
    Html::default().raw("<ul class=figures>").all(items).add(&bytes).raw("</ul>")
}

fn checks(checks: &[Check]) -> Html {
    if checks.is_empty() {
        return Html::default();
    }
    let items = checks.iter().map(|check| {
        let holds = check.outcome == Outcome::Good;
        let item = if holds {
            "<li class=good><span class=mark>✓</span><code>"
        } else {
            "<li class=bad><span class=mark>✗</span><code>"
        };
        let detail = check.detail.iter().take(MOST_ROWS);
        let detail = detail.map(|line| Html::default().text(&cut(line)).raw("\n"));
        let left = check.detail.len().saturating_sub(MOST_ROWS);
        let more = if left > 0 { format!("and {left} lines more") } else { String::new() };
        Html::default()
            .raw(item)
            .text(check.name)
            .raw("</code>")
            .raw(if holds { " passed" } else { " failed" })
            .raw("<pre>")
            .all(detail)
            .text(&more)
            .raw("</pre></li>")
    });
    Html::default()
        .raw("<section><h2>Checks</h2><ul class=checks>")
        .all(items)
        .raw("</ul></section>")
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(MOST_COLUMNS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The map, and under it what differs, as a tile may be too small for its name.
fn distributions(report: &Report) -> Html {
    let shares = shares(report);
    if shares.values().all(|share| share.bytes == 0) {
        return Html::default();
    }
    let mut differing: Vec<(&&str, &Share)> =
        shares.iter().filter(|(_, share)| share.differing > 0).collect();
    differing.sort_by_key(|(_, share)| std::cmp::Reverse(share.differing));
    let chips = differing.iter().take(MOST_ROWS).map(|(name, share)| {
        Html::default()
            .raw(if share.open { "<li class=open>" } else { "<li class=differs>" })
            .text(name)
            .raw(" <b>")
            .text(&thousands(share.differing))
            .raw("</b></li>")
    });
    let left = differing.len().saturating_sub(MOST_ROWS);
    let equal = (shares.len() - differing.len()) as u64;
    Html::default()
        .raw("<section><h2>By distribution</h2>")
        .add(&map::map(&shares))
        .raw("<ul class=chips>")
        .all(chips)
        .raw("<li class=same>")
        .text(&if left > 0 { format!("{left} more differ, ") } else { String::new() })
        .text(&number(equal, "distribution is equal", "distributions are equal"))
        .raw("</li></ul></section>")
}

fn shares(report: &Report) -> BTreeMap<&str, Share> {
    let sizes = report.explanation.sizes.iter();
    let mut shares: BTreeMap<&str, Share> = sizes
        .map(|(name, bytes)| (name.as_str(), Share { bytes: *bytes, ..Share::default() }))
        .collect();
    for finding in &report.explanation.findings {
        for owner in finding.owners.iter().take(1) {
            let share = shares.entry(&owner.name).or_default();
            share.differing += 1;
            share.open |= !Finding::explained(finding);
        }
    }
    shares
}

fn variations(report: &Report) -> Html {
    let Report { variations, not_varied, .. } = report;
    if variations.is_empty() {
        return Html::default();
    }
    let rows = variations.iter().take(MOST_ROWS).map(|variation| {
        Html::default()
            .raw(if variation.bites { "<tr><th><code>" } else { "<tr class=bad><th><code>" })
            .text(&variation.name)
            .raw("</code><td>")
            .text(&variation.a)
            .raw("<td>")
            .text(&variation.b)
            .raw(if variation.bites { "<td>✓" } else { "<td>✗ no effect" })
    });
    let not_varied: Vec<String> = not_varied.iter().map(ToString::to_string).collect();
    let not_varied = match not_varied.as_slice() {
        [] => Html::default(),
        names => Html::default().raw("<p>Not varied: ").prose(&names.join(", ")).raw("</p>"),
    };
    let left = variations.len().saturating_sub(MOST_ROWS);
    Html::default()
        .raw("<section><h2>What was varied</h2><p>What a probe inside the sandbox read.</p>")
        .raw("<table><thead><tr><th>variation<th>a<th>b<th>took effect</thead><tbody>")
        .all(rows)
        .raw("</tbody></table>")
        .text(&if left > 0 { format!("and {left} more") } else { String::new() })
        .add(&not_varied)
        .raw("</section>")
}
