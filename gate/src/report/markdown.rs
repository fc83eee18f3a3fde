//! The report as a comment: at most 60,000 characters, worst first, the rest folded. It is Markdown
//! that GitHub, GitLab and Forgejo show alike. Every value is escaped, so no package can write into
//! the comment.

use super::escape::{code, markdown};
use super::{Report, Row, terminal};
use crate::locks::LockChange;
use crate::recipes::RecipeChange;
use crate::rules::Level;
use crate::verdict::Decision;

/// GitHub takes 65,536 characters; a bot adds some of its own.
const CHARACTERS_MAX: usize = 60_000;

/// What stands where the report was cut.
const CUT: &str = "\n\n_The report is longer; the job's artifact has all of it._\n";

/// The whole report.
pub fn render(report: &Report) -> String {
    let verdict = report.verdict();
    let sign = match verdict.decision {
        Decision::Merge => "✅",
        Decision::MergeAfterBless => "🟡",
        Decision::DoNotMerge => "⛔",
        Decision::CouldNotDecide => "❔",
    };
    let mut pieces =
        vec![format!("<!-- lockstep gate -->\n### {sign} {}\n", markdown(&verdict.to_string()))];
    pieces.push(format!(
        "\nCompared {} → {}, on {}.\n",
        code(&report.base),
        code(&report.head),
        markdown(&report.date)
    ));
    pieces.extend(table(report));
    for lock in &report.locks {
        pieces.extend(of_lock(lock));
    }
    for recipe in &report.recipes {
        pieces.push(of_recipe(recipe));
    }
    if !report.contents.is_empty() {
        pieces.push("\n<details><summary>Files of new versions</summary>\n".to_owned());
        let rows = report.contents.iter().map(terminal::content);
        pieces.extend(rows.map(|row| format!("\n- {}", markdown(&row))));
        pieces.push(CLOSING.to_owned());
    }
    for note in &report.notes {
        pieces.push(format!("\n_{}_\n", markdown(note)));
    }
    cut(&pieces)
}

/// Whole pieces as long as they fit: a cut inside of one could leave a tag open.
fn cut(pieces: &[String]) -> String {
    let (mut text, mut left) =
        (String::new(), CHARACTERS_MAX - CUT.chars().count() - CLOSING.len());
    for piece in pieces {
        let length = piece.chars().count();
        if length > left {
            // What was opened and is not closed yet.
            if text.matches("<details>").count() > text.matches("</details>").count() {
                text.push_str(CLOSING);
            }
            return text + CUT;
        }
        left -= length;
        text.push_str(piece);
    }
    text
}

const CLOSING: &str = "\n</details>\n";

fn table(report: &Report) -> Vec<String> {
    let rows = |level| report.of_level(level).map(row).collect::<Vec<_>>();
    let (deny, warn, allow) = (rows(Level::Deny), rows(Level::Warn), rows(Level::Allow));
    let mut pieces = Vec::new();
    let head = "\n| | rule | what |\n|---|---|---|\n";
    if !deny.is_empty() || !warn.is_empty() {
        pieces.push(head.to_owned());
        pieces.extend(deny.into_iter().chain(warn));
    }
    if !allow.is_empty() {
        let count = crate::finding::counted(allow.len(), "finding");
        let open = "\n<details><summary>";
        pieces.push(format!("{open}{count} that decide nothing</summary>\n{head}"));
        pieces.extend(allow);
        pieces.push(CLOSING.to_owned());
    }
    pieces
}

fn row(row: &Row) -> String {
    let sign = match row.level {
        Level::Deny => "⛔",
        Level::Warn => "⚠️",
        Level::Allow => "",
    };
    let mut text = markdown(&row.message);
    for detail in &row.detail {
        text.push_str(&format!("<br>{}", markdown(detail)));
    }
    if let Some(reason) = &row.excepted {
        text.push_str(&format!("<br>allowed: {}", markdown(reason)));
    }
    format!("| {sign} | {} | {text} |\n", code(row.rule))
}

fn of_lock(lock: &LockChange) -> Vec<String> {
    let path = code(&lock.path);
    if lock.form_only {
        return vec![format!("\n{path}: no change; only its form differs.\n")];
    }
    if lock.packages.is_empty() && lock.settings.is_empty() && lock.declared.is_empty() {
        return vec![format!("\n{path}: no version and no setting changed.\n")];
    }
    let summary = if lock.packages.is_empty() {
        "no package changed".to_owned()
    } else {
        terminal::summary(&lock.packages)
    };
    let open = if lock.packages.len() <= 15 { "<details open>" } else { "<details>" };
    // `cut` counts `<details>` alone.
    let open = open.replace("<details open>", "<details><!-- -->");
    let mut pieces = vec![format!("\n{open}<summary>{path}: {}</summary>\n", markdown(&summary))];
    if !lock.packages.is_empty() {
        pieces.push("\n| | package | version | needed |\n|---|---|---|---|\n".to_owned());
    }
    for change in &lock.packages {
        let mut versions = markdown(&terminal::versions(change));
        for need in terminal::needs(change) {
            versions.push_str(&format!("<br>{}", markdown(&need)));
        }
        let (word, reach) = (change.kind.word(), markdown(&terminal::reach(change)));
        let name = code(change.name.as_ref());
        pieces.push(format!("| {word} | {name} | {versions} | {reach} |\n"));
    }
    for line in &lock.declared {
        pieces.push(format!("\n- {}", markdown(line)));
    }
    for it in lock.settings.iter().filter(|it| it.file == lock.path) {
        pieces.push(format!("\n- {}", markdown(&terminal::setting(it))));
    }
    pieces.push(CLOSING.to_owned());
    pieces
}

fn of_recipe(recipe: &RecipeChange) -> String {
    let mut text = format!("\nRecipe {}\n", code(&recipe.name));
    for target in &recipe.targets {
        let (name, line) = (code(&target.target), terminal::of_target(target));
        text.push_str(&format!("\n- {name}: {}", markdown(&line)));
    }
    for it in &recipe.unknown {
        text.push_str(&format!("\n- unknown: {}", markdown(it)));
    }
    for it in &recipe.to_bless {
        text.push_str(&format!("\n- **to do**: {}", markdown(it)));
    }
    text + "\n"
}
