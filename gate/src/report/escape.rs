//! Foreign text where something would obey it: a terminal, GitHub's runner, Markdown, HTML.
//! Messages have backticks around what is code; foreign text may have backticks too, so both sides
//! of each are escaped in full.

use base::vocabulary::shown_bytes;

/// No value of foreign text is shown with more characters.
const SHOWN_MAX: usize = 400;

/// One line for a terminal. GitHub's runner obeys `::command` at the start of a line and `##[` in
/// it, so neither is left.
pub(super) fn line(text: &str) -> String {
    let text = shown_bytes(text.as_bytes());
    let mut text = text.replace("##[", "#\\#[");
    if let Some((end, _)) = text.char_indices().nth(SHOWN_MAX) {
        text.truncate(end);
        text.push('…');
    }
    if text.trim_start().starts_with("::") { format!("\\{}", text.trim_start()) } else { text }
}

/// One line of Markdown that is also HTML.
pub(super) fn markdown(text: &str) -> String {
    let text = line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let mut shown = String::new();
    for (at, part) in parts.iter().enumerate() {
        // The last part of an even number has an opening backtick and no closing one.
        let is_code = at % 2 == 1 && at + 1 < parts.len();
        match (at % 2 == 1, is_code) {
            (true, true) => shown.push_str(&format!("<code>{}</code>", escaped(part, true))),
            (true, false) => shown.push_str(&format!("&#96;{}", escaped(part, false))),
            _ => shown.push_str(&escaped(part, false)),
        }
    }
    shown
}

/// A value of a table.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("<code>{}</code>", escaped(&line(text).replace('`', "'"), true))
}

/// Every character that Markdown or HTML gives a meaning becomes a reference, which neither does.
/// GitHub turns `@name` and `#1` of the finished page into links, but not in code; there a blank of
/// no width parts them.
fn escaped(text: &str, in_code: bool) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            ' ' | '-' | '.' | ',' | '→' => shown.push(character),
            character if character.is_alphanumeric() => shown.push(character),
            '@' | '#' if !in_code => {
                shown.push_str(&format!("&#{};&#8203;", u32::from(character)));
            }
            character => shown.push_str(&format!("&#{};", u32::from(character))),
        }
    }
    // `www.` and a scheme make links of plain text.
    shown.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        for (text, shown, marked) in [
            ("plain `code` a-1.0", "plain `code` a-1.0", "plain <code>code</code> a-1.0"),
            (
                "::set-output name=x::y",
                "\\::set-output name=x::y",
                "&#92;&#58;&#58;set-output name&#61;x&#58;&#58;y",
            ),
            ("a ##[error]x", "a #\\#[error]x", "a &#35;&#8203;&#92;&#35;&#8203;&#91;error&#93;x"),
            ("a\n::error::b", "a\\n::error::b", "a&#92;n&#58;&#58;error&#58;&#58;b"),
            ("\u{1b}[31m", "\\u{1b}[31m", "&#92;u&#123;1b&#125;&#91;31m"),
            ("<img src=x>", "<img src=x>", "&#60;img src&#61;x&#62;"),
            (
                "`a` `</code><b>`",
                "`a` `</code><b>`",
                "<code>a</code> <code>&#60;&#47;code&#62;&#60;b&#62;</code>",
            ),
            (
                "x `[a](http://b)",
                "x `[a](http://b)",
                "x &#96;&#91;a&#93;&#40;http&#58;&#47;&#47;b&#41;",
            ),
            (
                "@everyone www.x.example",
                "@everyone www.x.example",
                "&#64;&#8203;everyone www&#46;x.example",
            ),
        ] {
            assert_eq!(line(text), shown, "{text}");
            assert_eq!(markdown(text), marked, "{text}");
        }
        assert_eq!(code("a`b|c"), "<code>a&#39;b&#124;c</code>");
    }
}
