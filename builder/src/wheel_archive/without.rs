//! A wheel without some of what it would install. The archive is written anew before the
//! installation, so that whatever follows (collisions, uv, `RECORD`, checks) sees a wheel that
//! never had those files: also below a directory that only this wheel has, and also where another
//! wheel has a directory of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use fs_err as fs;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Content, WheelArchive, open_zip, unreadable};
use base::dist_info::EntryPoints;
use base::recipe::{PathPattern, nearest};
use base::vocabulary::Problem;

/// Members of `.dist-info` that installers and other tools read.
const NEEDED: [&str; 4] = ["METADATA", "RECORD", "WHEEL", "entry_points.txt"];

impl WheelArchive {
    /// Writes the wheel into the directory `into` without the files that `patterns` name, relative
    /// to the venv's root or to its `site_packages`. Gives that wheel, and the paths that are not
    /// in it, sorted.
    ///
    /// # Errors
    /// A pattern that names nothing, or what a distribution cannot be without.
    pub fn without(
        &self,
        patterns: &[PathPattern],
        site_packages: &str,
        into: &Path,
    ) -> Result<(Self, Vec<String>), Problem> {
        let skipped = self.named(patterns, site_packages)?;
        fs::create_dir_all(into)
            .map_err(|error| Problem::new("cannot prepare the installation").cause(error))?;
        let path = into.join(self.file_name());
        self.rewrite(&path, &skipped)?;
        let skipped = skipped.into_iter().map(str::to_owned).collect();
        Ok((Self::open(&path, site_packages)?, skipped))
    }

    /// The files that the patterns name.
    fn named(
        &self,
        patterns: &[PathPattern],
        site_packages: &str,
    ) -> Result<BTreeSet<&str>, Problem> {
        let prefix = format!("{site_packages}/");
        let module = |path: &'_ str| if path.starts_with(&prefix) { prefix.len() } else { 0 };
        let needed = NEEDED.map(|file| format!("{prefix}{}/{file}", self.dist_info));
        let cannot = |pattern: &PathPattern, because: &str| {
            Problem::usage(format!("cannot skip `{}` of `{}`", pattern.as_str(), self.name))
                .fact("because", because)
        };
        let mut skipped = BTreeSet::new();
        for pattern in patterns {
            let named: BTreeSet<&str> = self
                .files
                .keys()
                .filter(|path| pattern.names(path) || pattern.names(&path[module(path)..]))
                .map(String::as_str)
                .collect();
            if named.is_empty() {
                let problem = cannot(pattern, "it installs nothing of that name");
                let all = self.files.keys().map(|path| &path[module(path)..]);
                return Err(match nearest(pattern.as_str(), all) {
                    Some(path) => problem.hint(format!("did you mean `{path}`?")),
                    None => problem.hint(format!("remove it from `override.{}.skip`", self.name)),
                });
            }
            if let Some(path) = needed.iter().find(|path| named.contains(path.as_str())) {
                return Err(cannot(pattern, "what is installed is no distribution without it")
                    .fact("path", path));
            }
            skipped.extend(named);
        }
        Ok(skipped)
    }

    fn rewrite(&self, path: &Path, skipped: &BTreeSet<&str>) -> Result<(), Problem> {
        let (record, entry_points) = ("RECORD", "entry_points.txt");
        let own = |file: &str| format!("{}/{file}", self.dist_info);
        let members = skipped.iter().filter_map(|path| match &self.files[*path].content {
            Content::Member(member) | Content::ScriptMember(member) => Some(member.as_str()),
            Content::Launcher(_) => None,
        });
        let members: BTreeSet<&str> = members.collect();
        let mut replaced = BTreeMap::new();
        let mut lines = self.record.clone();
        for member in &members {
            lines.remove(member);
        }
        // A script that hid a launcher of its name must not give way to that.
        let scripts: BTreeSet<&str> =
            skipped.iter().filter_map(|path| path.strip_prefix("bin/")).collect();
        if self.entry_points.scripts().any(|script| scripts.contains(script.name.as_str())) {
            let text = self.member(&own(entry_points))?;
            let text = EntryPoints::without_scripts(&text, &scripts);
            lines.set(&own(entry_points), &text);
            replaced.insert(own(entry_points), text);
        }
        replaced.insert(own(record), lines.to_bytes());
        self.copy_without(path, &members, &replaced)
    }

    /// Copies the archive to `path` without some members, and with other content of others.
    pub(super) fn copy_without(
        &self,
        path: &Path,
        members: &BTreeSet<&str>,
        replaced: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), Problem> {
        let file_name = self.file_name();
        let unwritten = |error: &dyn std::fmt::Display| {
            Problem::new(format!("cannot write a changed copy of `{file_name}`"))
                .fact("because", error)
        };
        let mut zip = open_zip(&self.path, &file_name)?;
        let file = fs::File::create(path).map_err(|error| unwritten(&error))?;
        let mut writer = ZipWriter::new(file);
        for index in 0..zip.len() {
            let member = zip.by_index_raw(index).map_err(|error| unreadable(&file_name, &error))?;
            let name = member.name().map_err(|error| unreadable(&file_name, &error))?.into_owned();
            let copied = match replaced.get(&name) {
                _ if name.ends_with('/') || members.contains(name.as_str()) => continue,
                Some(content) => writer
                    .start_file(&name, SimpleFileOptions::default())
                    .and_then(|()| Ok(writer.write_all(content)?)),
                None => writer.raw_copy_file(member),
            };
            copied.map_err(|error| unwritten(&error))?;
        }
        writer.finish().map(drop).map_err(|error| unwritten(&error))
    }
}
