//! Parses values of a lock; an error names the invalid value.

use std::str::FromStr;

use base::vocabulary::{Problem, shortened};

pub(super) fn parsed<T: FromStr>(what: &str, text: &str) -> Result<T, Problem>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| invalid(what, text, error))
}

pub(super) fn invalid(what: &str, text: &str, because: impl std::fmt::Display) -> Problem {
    Problem::usage(format!("`{}` of {what} in `uv.lock` is not valid", shortened(text)))
        .fact("because", because)
        .hint("`uv lock` writes the lock again")
}

pub(super) fn all<T: FromStr, C: FromIterator<T>>(
    what: &str,
    texts: &[String],
) -> Result<C, Problem>
where
    T::Err: std::fmt::Display,
{
    texts.iter().map(|text| parsed(what, text)).collect()
}
