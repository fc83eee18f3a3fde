//! Dependencies: each has a reason, and each is used.

use super::{SourceFile, Violation, missing, text};

const MANIFEST: &str = "Cargo.toml";

pub(super) fn check(files: &[SourceFile]) -> Vec<Violation> {
    let dependencies = dependencies(text(files, MANIFEST));
    let mut found = Vec::new();
    for dependency in &dependencies {
        if !dependency.has_reason {
            let mend = format!("say why `{}` is here, on its line or above it", dependency.name);
            found.push(dependency.violation("reason", mend));
        }
        found.extend(unused(dependency, files));
    }
    found
}

/// A line of `[workspace.dependencies]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) has_reason: bool,
}

impl Dependency {
    fn violation(&self, rule: &'static str, mend: String) -> Violation {
        Violation { line: self.line, ..missing(MANIFEST, rule, mend) }
    }
}

/// A comment may stand on the line, or at the head of the block of lines that it speaks of. What
/// lies in the workspace itself needs no reason.
pub(super) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let (mut inside, mut headed) = (false, false);
    for (index, line) in manifest.lines().enumerate() {
        match line.trim() {
            section if section.starts_with('[') => inside = section == "[workspace.dependencies]",
            "" => headed = false,
            comment if comment.starts_with('#') => headed = true,
            line if inside => {
                let Some((name, value)) = line.split_once('=') else {
                    continue;
                };
                found.push(Dependency {
                    name: name.trim().to_owned(),
                    line: index + 1,
                    has_reason: headed || value.contains(" # ") || value.contains("path = "),
                });
            }
            _ => {}
        }
    }
    found
}

/// A member must ask for it and its code must name it; build tools that are run are not libraries.
fn unused(dependency: &Dependency, files: &[SourceFile]) -> Option<Violation> {
    let name = &dependency.name;
    let asked = [format!("{name}.workspace"), format!("{name} = {{ workspace")];
    let identifier = name.replace('-', "_");
    let named = ["{}::", "use {};", "use {} as "].map(|form| form.replace("{}", &identifier));
    let users = files.iter().filter(|file| {
        file.path.ends_with("/Cargo.toml")
            && file
                .lines()
                .any(|(_, line)| asked.iter().any(|asked| line.starts_with(asked.as_str())))
    });
    let is_used = |manifest: &SourceFile| {
        let member = manifest.path.trim_end_matches("Cargo.toml");
        // A test of the program's lies where `cargo insta` looks for it.
        let elsewhere = if member == "lockstep/" { "snapshots/" } else { member };
        let is_its = |path: &str| path.starts_with(member) || path.starts_with(elsewhere);
        let mut code = files.iter().filter(|file| file.is_rust() && is_its(&file.path));
        code.any(|file| {
            let text = file.text.as_deref().unwrap_or_default();
            named.iter().any(|named| text.contains(named.as_str()))
        })
    };
    let mut users = users.peekable();
    if users.peek().is_none() {
        let mend = format!("no member asks for `{name}`; remove it");
        return Some(dependency.violation("unused", mend));
    }
    let idle = users.find(|manifest| !is_used(manifest))?;
    let mend = format!("`{}` asks for `{name}` and does not use it; remove it there", idle.path);
    Some(dependency.violation("unused", mend))
}
