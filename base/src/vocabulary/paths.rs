//! Relative paths as strings.

/// `path` without `.`, `..` and doubled slashes; `None` if it is absolute, leads out of where it
/// starts, or is something that no file system takes.
pub fn normalised(path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_or_refused() {
        for (path, expected) in [
            ("a//./b", Some("a/b")),
            ("a/../b", Some("b")),
            ("lib/s/../../bin/x", Some("bin/x")),
            (".", Some("")),
            ("../a", None),
            ("a/../../b", None),
            ("/a", None),
            ("a\0b", None),
        ] {
            assert_eq!(normalised(path).as_deref(), expected, "{path:?}");
        }
    }
}
