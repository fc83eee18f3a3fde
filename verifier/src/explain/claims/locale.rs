//! Names of locales, and the quotes that messages use in them.

use super::super::Cause;
use super::super::forms::pattern::Pattern;
use super::super::forms::quotes;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::sides::Sides;

static FORMS: [Pattern; 2] = [
    // With a territory, and a codeset or modifier: `is_NO` alone can be any name, and `xy.utf8` a
    // module.
    Pattern::new(
        "names of locales",
        r#"(?x)
        ( ^ | [\s"'=,:;(\[\x00] )
        (?<value>
            [a-z]{2,3}_[A-Z]{2} \. (?i: utf-?8 | iso-?8859-?\d+ ) (@[a-z]+)?
            | [a-z]{2,3}_[A-Z]{2} @[a-z]+
        )
        ( [\s"',:;)\]\x00] | $ )"#,
    ),
    // What stands there names a locale, with or without a codeset.
    Pattern::new(
        "values of locale variables",
        r#"(?x)
        \b (LANG|LANGUAGE|LC_[A-Z]+) ["']? \ ? [=:] \ ? ["']?
        (?<value>
            ( [a-z]{2,3} (_[A-Z]{2})? | C | POSIX )
            ( \. (?i: utf-?8 | iso-?8859-?\d+ ) )? (@[a-z]+)?
        )
        ( [\s"',:;)\]\x00] | $ )"#,
    ),
];

/// Claims that the locale differs.
pub(crate) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let of_quotes = quotes_claim(sides).into_iter();
    of_quotes.chain(FORMS.iter().filter_map(|it| sides.of_pattern(it, Cause::Locale))).collect()
}

/// What the C locale quotes as `'x'`, a compiler's message has in typographic quotes in another.
fn quotes_claim(sides: &Sides<'_>) -> Option<Claim<Rewrite>> {
    let changes = |line: &[u8]| quotes::plain(line) != line;
    let pair = sides.pairs.iter().find(|pair| changes(pair.a) != changes(pair.b))?;
    let proof = "with plain quotes for typographic ones in pairs";
    Some(Claim::new(Cause::Locale, Rewrite::PlainQuotes, proof).evidence([pair.evidence()]))
}
