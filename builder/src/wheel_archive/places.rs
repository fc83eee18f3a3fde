//! Which path of a venv each member of a wheel becomes.

use std::collections::BTreeMap;
use std::io::Read as _;

use super::{Content, WheelFile, Zip};
use base::dist_info::EntryPoints;
use base::packaging::WheelFilename;

/// Where the parts of a wheel go, relative to the venv's root: the `venv` scheme of `sysconfig` on
/// POSIX, with uv's place for headers.
pub(super) struct Schemes {
    data: String,
    purelib: String,
    headers: String,
}

impl Schemes {
    pub(super) fn of(named: &WheelFilename, dist_info: &str, site_packages: &str) -> Self {
        let stem = dist_info.trim_end_matches(".dist-info");
        let python = site_packages.split('/').nth(1).unwrap_or("python");
        Self {
            data: format!("{stem}.data/"),
            purelib: site_packages.to_owned(),
            headers: format!("include/site/{python}/{}", named.name),
        }
    }

    /// The installed path of a member and whether it is one of `scripts`.
    fn place(&self, member: &str) -> Result<(String, bool), String> {
        let Some(inner) = member.strip_prefix(&self.data) else {
            return Ok((format!("{}/{member}", self.purelib), false));
        };
        let (scheme, rest) = inner.split_once('/').unwrap_or((inner, ""));
        let place = match scheme {
            _ if rest.is_empty() => return Err(format!("its member `{member}` is in no scheme")),
            "purelib" | "platlib" => format!("{}/{rest}", self.purelib),
            "scripts" => format!("bin/{rest}"),
            // By its one name, so that what is there twice is seen.
            "data" => below_lib(rest.to_owned()),
            "headers" => format!("{}/{rest}", self.headers),
            _ => {
                return Err(format!("its member `{member}` is in the unknown scheme `{scheme}`"));
            }
        };
        Ok((place, scheme == "scripts"))
    }
}

/// A normalised path of a venv by its one name: `lib64` is a link to `lib` in all of them.
pub fn below_lib(path: String) -> String {
    match path.strip_prefix("lib64/") {
        Some(rest) => format!("lib/{rest}"),
        None => path,
    }
}

fn starts_with(zip: &mut Zip, member: &str, start: &[u8]) -> Result<bool, String> {
    let unread =
        |error: &dyn std::fmt::Display| format!("its member `{member}` cannot be read: {error}");
    let content = zip.by_name(member).map_err(|error| unread(&error))?;
    let mut bytes = Vec::new();
    content.take(start.len() as u64).read_to_end(&mut bytes).map_err(|error| unread(&error))?;
    Ok(bytes == start)
}

pub(super) fn installed_files(
    zip: &mut Zip,
    members: &BTreeMap<String, bool>,
    schemes: &Schemes,
    entry_points: &EntryPoints,
) -> Result<BTreeMap<String, WheelFile>, String> {
    let mut files = BTreeMap::new();
    for script in entry_points.scripts() {
        let file = WheelFile { content: Content::Launcher(script.clone()), executable: true };
        files.insert(format!("bin/{}", script.name), file);
    }
    for (member, executable) in members {
        let (place, is_script) = schemes.place(member)?;
        let rewritten = is_script && starts_with(zip, member, b"#!python")?;
        let content = if rewritten {
            Content::ScriptMember(member.clone())
        } else {
            Content::Member(member.clone())
        };
        let file = WheelFile { content, executable: *executable || is_script };
        // uv writes launchers first, so a script of the same name and wheel replaces one.
        match files.insert(place.clone(), file).map(|before| before.content) {
            None | Some(Content::Launcher(_)) => {}
            Some(_) => return Err(format!("two of its members are installed as `{place}`")),
        }
    }
    for path in files.keys() {
        let mut parents = path.match_indices('/').map(|(end, _)| &path[..end]);
        if let Some(parent) = parents.find(|parent| files.contains_key(*parent)) {
            return Err(format!("it installs `{parent}` as a file and as a directory"));
        }
    }
    Ok(files)
}
