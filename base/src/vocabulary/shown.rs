//! Escapes foreign text before a person sees it: a terminal obeys control characters, and
//! bidirectional control characters reorder the text.

/// Bytes as text: bytes that are not text are escaped, as are control characters.
pub fn shown_bytes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| push(&mut text, character));
        text.push_str(&chunk.invalid().escape_ascii().to_string());
    }
    text
}

/// Text of several lines, as [`shown_bytes`] but for its line ends and tabs.
pub fn shown_lines(lines: &str) -> String {
    let mut text = String::new();
    for character in lines.chars() {
        match character {
            '\n' | '\t' => text.push(character),
            character => push(&mut text, character),
        }
    }
    text
}

/// The name of a file, or of a member of an archive: as [`shown_bytes`], and no two names are shown
/// alike. `!/` does not occur in it, so it can separate an archive from its member.
pub fn shown_name(name: &[u8]) -> String {
    let parts: Vec<String> = name.split(|byte| *byte == b'\\').map(shown_bytes).collect();
    parts.join(r"\\").replace("!/", r"\u{21}/")
}

fn push(text: &mut String, character: char) {
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            text.extend(character.escape_unicode());
        }
        character if character.is_control() => text.extend(character.escape_default()),
        character => text.push(character),
    }
}

/// The beginning of a text that foreign code wrote, on one line.
pub fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 80;
    let mut shown = String::new();
    text.chars().take(SHOWN_MAX).for_each(|character| push(&mut shown, character));
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (bytes, shown) in [
            (&b"a\x1b[2J\xe2\x80\xaeb\n"[..], "a\\u{1b}[2J\\u{202e}b\\n"),
            (b"\xff/x", "\\xff/x"),
            ("ä\u{9b}".as_bytes(), "ä\\u{9b}"),
        ] {
            assert_eq!(shown_bytes(bytes), shown);
        }
        assert_eq!(shown_lines("a\n\tb\x1b[2J\r"), "a\n\tb\\u{1b}[2J\\r");
    }

    #[test]
    fn no_two_names_are_shown_alike() {
        let names: [(&[u8], &str); 6] = [
            (b"x\x1b", "x\\u{1b}"),
            (b"x\\u{1b}", "x\\\\u{1b}"),
            (b"\xff", "\\xff"),
            (b"\\xff", "\\\\xff"),
            (b"evil!/a", "evil\\u{21}/a"),
            (b"evil!", "evil!"),
        ];
        for (name, shown) in names {
            assert_eq!(shown_name(name), shown);
        }
    }
}
