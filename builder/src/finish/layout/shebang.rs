//! Shebang lines of copied executables: `#!/usr/bin/env -S bash` finds any interpreter of the
//! machine, so the recipe names the interpreter. Source: execve(2) for what the kernel passes on,
//! env(1) for `-S`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use base::vocabulary::Problem;

/// Linux before 5.1 cuts the first line off after 127 bytes, and other programs still do.
const LINE_BYTES_MAX: usize = 127;

/// A first line before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewrittenShebang {
    /// As in the source tree.
    pub from: String,
    /// As in the output.
    pub to: String,
}

/// The first line that `content` must have with `interpreters` by base name; `None` if it has no
/// shebang or one of an interpreter that is not named. `file` is named in messages.
pub(super) fn rewritten(
    file: &str,
    content: &[u8],
    interpreters: &BTreeMap<String, String>,
) -> Result<Option<RewrittenShebang>, Problem> {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(from) = std::str::from_utf8(first).ok().filter(|line| line.starts_with("#!")) else {
        return Ok(None);
    };
    let Some(to) = replaced(&from[2..], interpreters).filter(|to| to != from) else {
        return Ok(None);
    };
    if to.len() > LINE_BYTES_MAX {
        return Err(Problem::new(format!("cannot rewrite the shebang of `{file}`"))
            .fact("from", from)
            .fact("to", &to)
            .fact("because", format!("it has {} bytes, more than {LINE_BYTES_MAX}", to.len()))
            .hint("choose a shorter `prefix` or interpreter path"));
    }
    Ok(Some(RewrittenShebang { from: from.to_owned(), to }))
}

fn replaced(command: &str, interpreters: &BTreeMap<String, String>) -> Option<String> {
    let command = command.trim_matches([' ', '\t']);
    let (program, rest) = command.split_once([' ', '\t']).unwrap_or((command, ""));
    if base_name(program) != "env" {
        let interpreter = interpreters.get(base_name(program))?;
        return Some(format!("#!{interpreter} {}", rest.trim_start()).trim_end().to_owned());
    }
    let mut words = split_words(rest);
    // Options of `env` other than `-S`, and assignments, change what the program sees: then `env`
    // stays and only the program is replaced.
    let program = words.iter().position(|word| !word.starts_with('-') && !word.contains('='))?;
    let interpreter = interpreters.get(base_name(words[program]))?;
    let arguments = words.len() - program - 1;
    words[program] = interpreter;
    // The kernel passes all that follows the interpreter as one argument; more than one need `-S`.
    Some(if program == 0 && arguments <= 1 {
        format!("#!{}", words.join(" "))
    } else {
        format!("#!/usr/bin/env -S {}", words.join(" "))
    })
}

/// The words after `env`, without `-S` itself.
fn split_words(rest: &str) -> Vec<&str> {
    let rest = rest.trim_start();
    let split = ["--split-string=", "--split-string", "-S"]
        .into_iter()
        .find_map(|option| rest.strip_prefix(option))
        .unwrap_or(rest);
    split.split_ascii_whitespace().collect()
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpreters() -> BTreeMap<String, String> {
        [("python", "/o/bin/python"), ("python3", "/o/bin/python"), ("bash", "/bin/bash")]
            .map(|(name, path)| (name.to_owned(), path.to_owned()))
            .into()
    }

    #[test]
    fn the_interpreter_is_found_behind_env() {
        for (from, to) in [
            ("#!/usr/bin/env python", "#!/o/bin/python"),
            ("#! /usr/bin/env  python3 ", "#!/o/bin/python"),
            ("#!/usr/bin/env -S bash", "#!/bin/bash"),
            ("#!/usr/bin/env -Sbash -e", "#!/bin/bash -e"),
            ("#!/usr/bin/env --split-string=bash", "#!/bin/bash"),
            ("#!/usr/bin/env -S bash -e -x", "#!/usr/bin/env -S /bin/bash -e -x"),
            ("#!/usr/bin/env -S A=1 python -u", "#!/usr/bin/env -S A=1 /o/bin/python -u"),
            ("#!/usr/bin/env -S -i python", "#!/usr/bin/env -S -i /o/bin/python"),
            ("#!/usr/bin/python3 -u", "#!/o/bin/python -u"),
            ("#!/usr/bin/python3 -u -E", "#!/o/bin/python -u -E"),
            ("#!bash", "#!/bin/bash"),
        ] {
            let content = format!("{from}\nrest\n");
            let line = rewritten("f", content.as_bytes(), &interpreters()).unwrap();
            assert_eq!(line.map(|line| line.to).as_deref(), Some(to), "{from}");
        }
    }

    #[test]
    fn other_first_lines_stay() {
        for from in ["#!/usr/bin/perl", "#!/usr/bin/env", "# python", "", "#!/bin/bash", "#!\u{0}"]
        {
            let line = rewritten("f", from.as_bytes(), &interpreters()).unwrap();
            assert_eq!(line, None, "{from}");
        }
        assert_eq!(rewritten("f", b"#!\xff/python\n", &interpreters()).unwrap(), None);
    }

    #[test]
    fn lines_that_the_kernel_cuts_are_refused() {
        let long = BTreeMap::from([("bash".to_owned(), format!("/{}", "b".repeat(124)))]);
        assert!(rewritten("f", b"#!/bin/bash\n", &long).is_ok());
        assert!(rewritten("f", b"#!/bin/bash -e\n", &long).is_err());
    }
}
