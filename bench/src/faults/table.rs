//! The table of the corpus, for a terminal and for the docs, and what it comes down to.

use base::vocabulary::{Outcome, Problem};
use xshell::{Shell, cmd};

use super::Row;
use super::rivals::{self, Rival};

/// Of a hundred causes, so many must be named.
const LEAST_NAMED: usize = 95;

/// One line for each case, and the sums.
pub(super) fn text(rows: &[Row]) -> String {
    let mut lines = vec![line("case", "row", "found", "cause named", "false alarm", &heads(rows))];
    for row in rows {
        let cells: Vec<String> = row.rivals.iter().map(Rival::cell).collect();
        lines.push(line(
            &row.case.name,
            &shown(row.case.row),
            yes(row.judged.detected),
            &cause(row),
            if row.judged.false_alarm { "YES" } else { "no" },
            &cells,
        ));
    }
    lines.push(sums(rows));
    lines.join("\n")
}

fn line(name: &str, row: &str, found: &str, cause: &str, alarm: &str, rivals: &[String]) -> String {
    let mut line = format!("{name:<26} {row:>3} {found:<5} {cause:<44} {alarm:<11}");
    for cell in rivals {
        line += &format!(" {cell:<10}");
    }
    line.trim_end().to_owned()
}

fn heads(rows: &[Row]) -> Vec<String> {
    let first = rows.first();
    first.into_iter().flat_map(|row| &row.rivals).map(|rival| rival.name.to_owned()).collect()
}

fn shown(row: u32) -> String {
    if row == 0 { "-".to_owned() } else { row.to_string() }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "NO" }
}

/// The causes that were named; what else was expected stands behind them.
fn cause(row: &Row) -> String {
    let mut named = row.judged.named.clone();
    if row.judged.unexplained > 0 {
        named.push("unexplained".to_owned());
    }
    let named = if named.is_empty() { "-".to_owned() } else { named.join(", ") };
    if row.judged.right(&row.case) {
        return named;
    }
    format!("WRONG: {named}; expected {}", row.case.causes.join(", "))
}

fn count(rows: &[Row], is: impl Fn(&Row) -> bool) -> usize {
    rows.iter().filter(|row| is(row)).count()
}

fn sums(rows: &[Row]) -> String {
    let named = count(rows, |row| row.judged.right(&row.case));
    let mut lines = vec![format!(
        "{} cases: {} detected, {named} with the right cause, {} false alarms",
        rows.len(),
        count(rows, |row| row.judged.detected),
        count(rows, |row| row.judged.false_alarm),
    )];
    let seconds = seconds(rows);
    for (at, name) in heads(rows).iter().enumerate() {
        lines.push(format!(
            "{name}: {} detected, {} so that a person can tell the cause, {} false alarms, {:.0} s",
            count(rows, |row| row.rivals[at].detected),
            count(rows, |row| row.rivals[at].points),
            count(rows, |row| row.rivals[at].false_alarm),
            seconds[at],
        ));
    }
    lines.join("\n")
}

/// How long each rival took for all cases.
pub(super) fn seconds(rows: &[Row]) -> Vec<f64> {
    let of = |at: usize| rows.iter().map(|row| row.rivals[at].seconds).sum();
    (0..heads(rows).len()).map(of).collect()
}

/// The page of the docs. `seconds` is how long our own part took.
pub(super) fn page(shell: &Shell, rows: &[Row], seconds: f64) -> anyhow::Result<String> {
    let date = cmd!(shell, "date -u +%Y-%m-%d").quiet().read()?;
    let heads = heads(rows);
    let versions = if heads.is_empty() { Vec::new() } else { rivals::versions(shell) };
    let mut page = include_str!("page.md")
        .replace("@date@", &date)
        .replace("@versions@", &versions.join(", "))
        .replace("@seconds@", &format!("{seconds:.0} s"))
        .replace("@sums@", &sums(rows).replace('\n', "\n- "));
    let columns = ["case", "row", "what goes wrong", "found", "cause named", "false alarm"];
    let columns: Vec<&str> = columns.into_iter().chain(heads.iter().map(String::as_str)).collect();
    page += &markdown(&columns);
    page += &format!("|{}\n", "---|".repeat(columns.len()));
    for row in rows {
        let alarm = if row.judged.false_alarm { "YES" } else { "no" };
        let (number, cause) = (shown(row.case.row), cause(row));
        let rivals: Vec<String> = row.rivals.iter().map(Rival::long_cell).collect();
        let mut cells = vec![row.case.name.as_str(), &number, &row.case.what];
        cells.extend([yes(row.judged.detected), &cause, alarm]);
        cells.extend(rivals.iter().map(String::as_str));
        page += &markdown(&cells);
    }
    Ok(page)
}

fn markdown(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// An error if the corpus shows less than is promised of it.
pub(super) fn verdict(rows: &[Row]) -> anyhow::Result<()> {
    let good = count(rows, |row| row.judged.detected) == rows.len()
        && count(rows, |row| row.judged.right(&row.case)) * 100 >= rows.len() * LEAST_NAMED
        && count(rows, |row| row.judged.false_alarm) == 0;
    if good {
        return Ok(());
    }
    let problem = Problem::new("the fault corpus shows less than is promised")
        .fact("promised", format!("all detected, {LEAST_NAMED} % named, no false alarms"))
        .fact("shown", sums(rows));
    Err(problem.outcome(Outcome::NotReproducible).into())
}
