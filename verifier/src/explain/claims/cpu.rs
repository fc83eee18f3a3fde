//! Facts about the machine's processors that reach a compiler or a build.

use super::super::Cause;
use super::super::forms::pattern::Pattern;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::sides::Sides;

static FORMS: [Pattern; 3] = [
    Pattern::new("numbers of jobs", r#"(?:^|[\s"'=,\x00])-j(?<value>(?: ?\d+)?)\b"#),
    Pattern::new(
        "processors that are compiled for",
        r#"(?x) ( ^ | [\s"'=,\x00] ) -m(arch|tune|cpu)= (?<value> [\w.+-]+ )"#,
    ),
    Pattern::new(
        "optimisation levels",
        r#"(?x) ( ^ | [\s"'=,\x00] ) -O (?<value> ([0-3sgz]|fast)? ) \b"#,
    ),
];

/// Claims that flags differ.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    FORMS.iter().filter_map(|form| sides.of_pattern(form, Cause::Cpu)).collect()
}
