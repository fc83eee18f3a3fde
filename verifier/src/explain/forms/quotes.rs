//! Typographic quotes, which a compiler's messages have in some locales.

/// Opening and closing quotes, and their replacements in the C locale.
const QUOTES: [(&str, &str, &str); 2] =
    [("\u{2018}", "\u{2019}", "'"), ("\u{201c}", "\u{201d}", "\"")];

/// Replaces paired typographic quotes by plain ones. An unpaired quote is an apostrophe or data,
/// and is kept.
pub(crate) fn plain(line: &[u8]) -> Vec<u8> {
    let Ok(line) = std::str::from_utf8(line) else { return line.to_vec() };
    let mut plain = line.to_owned();
    for (open, close, mark) in QUOTES {
        let mut done = String::new();
        let mut rest = plain.as_str();
        while let Some((before, behind)) = rest.split_once(open)
            && let Some((inside, after)) = behind.split_once(close)
            && !inside.contains(open)
        {
            done.extend([before, mark, inside, mark]);
            rest = after;
        }
        done.push_str(rest);
        plain = done;
    }
    plain.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_become_plain() {
        for (line, expected) in [
            ("unused \u{2018}x\u{2019}, \u{201c}y\u{201d}", "unused 'x', \"y\""),
            ("replace(\"\u{2019}\", \"''\")", "replace(\"\u{2019}\", \"''\")"),
            ("\u{2018} and \u{2018}x\u{2019}", "\u{2018} and \u{2018}x\u{2019}"),
            ("plain", "plain"),
        ] {
            assert_eq!(String::from_utf8(plain(line.as_bytes())).unwrap(), expected);
        }
    }
}
