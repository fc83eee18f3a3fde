//! Files of Python's packaging in which the order of some lines has no meaning, and the same files
//! with these lines sorted. All other lines keep their place.

/// Core metadata fields that may occur several times, in any order. Source: the core metadata
/// specification, "(multiple use)".
const FIELDS: [&[u8]; 13] = [
    b"classifier",
    b"dynamic",
    b"import-name",
    b"import-namespace",
    b"license-file",
    b"obsoletes-dist",
    b"platform",
    b"project-url",
    b"provides-dist",
    b"provides-extra",
    b"requires-dist",
    b"requires-external",
    b"supported-platform",
];

/// Returns the text with the repeatable fields of its header sorted, each with its continuation
/// lines. The body is unchanged: it starts with the first line that is not a field, as in mail
/// parsers.
pub(crate) fn sorted_fields(text: &[u8]) -> Vec<u8> {
    // Alone, it ends a line for some programs and not for others.
    let returns = memchr::memchr_iter(b'\r', text).any(|at| text.get(at + 1) != Some(&b'\n'));
    if returns {
        return text.to_vec();
    }
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let mut length = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        match fields.last_mut() {
            Some(last) if continues && !line.trim_ascii().is_empty() => last.extend(line),
            _ if field_name(line).is_some() => fields.push(line.to_vec()),
            _ => break,
        }
        length += line.len();
    }
    let (mut several, once): (Vec<_>, Vec<_>) = fields.into_iter().partition(|field| {
        field_name(field).is_some_and(|name| FIELDS.contains(&name.to_ascii_lowercase().as_slice()))
    });
    // The last field of a text without a description may have no end of line.
    for field in several.iter_mut().filter(|field| !field.ends_with(b"\n")) {
        field.push(b'\n');
    }
    several.sort_unstable();
    // Where those end that were sorted shows, so that none can hide in what follows.
    let mark = format!("\x01{}\n", several.len()).into_bytes();
    [once.concat(), mark, several.concat(), text[length..].to_vec()].concat()
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let name = &line[..memchr::memchr(b':', line)?];
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    (!name.is_empty() && name.iter().all(is_name)).then_some(name)
}

/// Returns the text with the lines of each section sorted. A section begins with a line in
/// brackets; which section a line is in has a meaning, and so has the order of sections. A text
/// whose lines continue others stays as it is.
pub(crate) fn sorted_sections(text: &[u8]) -> Vec<u8> {
    let begins_section = |line: &[u8]| line.trim_ascii_start().starts_with(b"[");
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.iter().any(|line| line.trim_ascii_end().ends_with(b"\\")) {
        return text.to_vec();
    }
    for section in lines.chunk_by_mut(|_, next| !begins_section(next)) {
        let head = usize::from(begins_section(section[0]));
        section[head..].sort_unstable();
    }
    lines.join(&b'\n')
}

/// Returns the text with its lines sorted.
pub(crate) fn sorted_lines(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_of_the_header_change_their_places() {
        let head = "Name: x\nRequires-Dist: b\n  ; python_version < '3'\nRequires-Dist: a\n";
        let other = "Name: x\nRequires-Dist: a\nRequires-Dist: b\n  ; python_version < '3'\n";
        let same = |a: &str, b: &str| sorted_fields(a.as_bytes()) == sorted_fields(b.as_bytes());
        assert!(same(head, other));
        assert!(same("Requires-Dist: a\nRequires-Dist: b", "Requires-Dist: b\nRequires-Dist: a"));
        for (name, a, b) in [
            (
                "description to header",
                "Name: x\n\nRequires-Dist: a\n",
                "Name: x\nRequires-Dist: a\n\n",
            ),
            (
                "another marker",
                head,
                "Name: x\nRequires-Dist: b\nRequires-Dist: a\n  ; python_version < '3'\n",
            ),
            ("fields of one use", "Name: x\nName: y\n", "Name: y\nName: x\n"),
            (
                "behind what is no field",
                "Name: x\nno field\nRequires-Dist: a\n",
                "Name: x\nRequires-Dist: a\nno field\n",
            ),
            (
                "a return",
                "Requires-Dist: b\rx\nRequires-Dist: a\n",
                "Requires-Dist: a\nRequires-Dist: b\rx\n",
            ),
            ("description", "Name: x\n\na\nb\n", "Name: x\n\nb\na\n"),
            (
                "a field more",
                "Name: x\nRequires-Dist: a\n",
                "Name: x\nRequires-Dist: a\nRequires-Dist: a\n",
            ),
        ] {
            assert!(!same(a, b), "{name}");
        }
    }

    #[test]
    fn lines_stay_in_their_sections() {
        let same =
            |a: &str, b: &str| sorted_sections(a.as_bytes()) == sorted_sections(b.as_bytes());
        assert!(same("b\na\n\n[x]\nd\nc\n", "a\nb\n\n[x]\nc\nd\n"));
        assert!(!same("a\n[x]\nb\n", "b\n[x]\na\n"));
        assert!(!same("a\n [x]\nb\n", "b\n [x]\na\n"));
        assert!(!same("a \\\nb\nc\n", "c\na \\\nb\n"));
        assert!(!same("[x]\na\n[y]\nb\n", "[y]\na\n[x]\nb\n"));
    }
}
