//! Names that a program drew at random.

use super::super::Cause;
use super::super::forms::pattern::Pattern;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::sides::Sides;

/// The forms of the generators.
pub(crate) static FORMS: [Pattern; 5] = [
    // tempfile (Python, Rust), mkstemp, meson-python: the name of a file or a directory.
    Pattern::new(
        "names of temporary files",
        r#"(?x-u)
        (?: ^ | [/\s"'=\x00] ) (?<value>
            tmp[a-z0-9_]{8} | \.tmp[A-Za-z0-9]{6} | tmp\.[A-Za-z0-9]{6,10} | \.mesonpy-[a-z0-9_]{8}
        ) (?: [/\s"'.:,;)\x00] | $ )"#,
    ),
    // pip, and the copies that the backends of aio-libs build in.
    Pattern::new(
        "names of build directories",
        r"(?x) ( \b pip-[a-z-]+- | \.tmp-[\w.-]+-pep517- ) (?<value> [a-z0-9_]{8} ) \b",
    ),
    // gcc, rustc.
    Pattern::new(
        "names of what is compiled",
        r"(?x)
        \b (cc|rustc) (?<value> [A-Za-z0-9]{6} ) (\.ltrans\d*)? \.(o|s|c|res|ltrans\w*) \b",
    ),
    // Versions 1 and 4 of RFC 9562; others are computed.
    Pattern::new(
        "UUIDs",
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[14][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b",
    ),
    // A generator of C calls a constant `__pyx_k_` and its hash; only the hash was drawn.
    Pattern::new("names that end in a hash", r"\b[A-Za-z_]\w*_(?<value>[0-9a-f]{8})\b"),
];

/// So many different characters are in a name that was drawn, but for one in a thousand.
const LEAST_DIFFERENT: usize = 4;

/// Claims that names were drawn.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let fits = |form: &&Pattern| sides.are_drawn(form) && look_drawn(sides, form);
    let forms = FORMS.iter().filter(fits);
    forms.filter_map(|form| sides.of_pattern(form, Cause::RandomName)).collect()
}

/// Whether no name that differs is of a few characters only.
fn look_drawn(sides: &Sides<'_>, form: &Pattern) -> bool {
    sides.pairs.iter().all(|pair| {
        let [a, b] = [pair.a, pair.b].map(|line| form.all(line));
        let differing = a.iter().zip(&b).filter(|(a, b)| a != b);
        differing.flat_map(|(a, b)| [a, b]).all(|name| {
            let mut characters = name.to_vec();
            characters.sort_unstable();
            characters.dedup();
            characters.len() >= LEAST_DIFFERENT
        })
    })
}
