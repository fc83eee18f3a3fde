//! Finds attributes that make `git checkout` write other bytes than were committed
//! (`gitattributes(5)`), on every machine. It ignores the effects of a machine's own configuration
//! (`core.autocrlf`, a filter that is defined there).

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use base::sys::files::read_foreign;

/// git itself reads no larger one.
const BYTES_MAX: u64 = 100 << 20;

/// The attributes in the file at `path` that convert, each once, sorted. A link is none: git does
/// not follow it.
pub(super) fn converting(path: &Path) -> io::Result<Vec<String>> {
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Ok(Vec::new());
    }
    let text = read_foreign(path, BYTES_MAX)?;
    Ok(in_text(&String::from_utf8_lossy(&text)))
}

fn in_text(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.split_ascii_whitespace().skip(1));
    let converts = |word: &&str| {
        *word == "ident" || *word == "eol=crlf" || word.starts_with("working-tree-encoding=")
    };
    let found: BTreeSet<&str> = words.filter(converts).collect();
    found.into_iter().map(|word| format!("`{word}`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_converts_is_told_and_nothing_else() {
        for (text, expected) in [
            ("*.bat text eol=crlf\n*.cmd eol=crlf\n", "`eol=crlf`"),
            ("a ident\nb working-tree-encoding=UTF-16", "`ident`, `working-tree-encoding=UTF-16`"),
            ("* text=auto\n*.sh eol=lf\n*.png binary -text\n", ""),
            ("# *.bat eol=crlf\n.git_archival.txt export-subst\n* -ident\n", ""),
            ("eol=crlf text\n*.bin filter=lfs diff=lfs merge=lfs\n", ""),
        ] {
            assert_eq!(in_text(text).join(", "), expected, "{text}");
        }
    }
}
