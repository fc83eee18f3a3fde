//! The `.dist-info` directories of an output, and their `RECORD`s, with an index from file to
//! owners. They are written back when a stage has changed files, because `importlib.metadata`,
//! `uv pip check` and uninstallers trust them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use crate::install::output::Output;
use base::dist_info::Record;
use base::sys::beneath::{Beneath, Found};
use base::vocabulary::Problem;
use base::vocabulary::limits::RECORD_BYTES;

/// A `.dist-info` directory of an output.
#[derive(Debug)]
pub(crate) struct DistInfo {
    /// Its name.
    pub name: String,
    /// Relative to the output.
    path: String,
    tree: Arc<Beneath>,
}

impl DistInfo {
    /// All below the output's `site-packages`, sorted. A link is none of them: what it leads to may
    /// be no part of the output.
    pub(crate) fn all(output: &Output) -> io::Result<Vec<Self>> {
        let tree = Arc::new(Beneath::open(&output.root)?);
        let mut all = Vec::new();
        for (name, found) in tree.list(&output.site_packages)? {
            // A name that is no UTF-8 is no distribution's.
            let Some(name) = name.to_str().filter(|name| name.ends_with(".dist-info")) else {
                continue;
            };
            if found == Found::Directory {
                let path = format!("{}/{name}", output.site_packages);
                all.push(Self { name: name.to_owned(), path, tree: Arc::clone(&tree) });
            }
        }
        Ok(all)
    }

    /// Reads one of its files.
    pub(crate) fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        self.tree.read(self.place(file), RECORD_BYTES.max)
    }

    fn write(&self, file: &str, content: &[u8]) -> io::Result<()> {
        self.tree.write(self.place(file), content, 0o644)
    }

    fn place(&self, file: &str) -> String {
        format!("{}/{file}", self.path)
    }
}

/// All `RECORD`s of an output. Changes reach the disk with [`InstalledRecords::write`].
#[derive(Debug)]
pub(crate) struct InstalledRecords {
    files: BTreeMap<String, (DistInfo, Record)>,
    owners: BTreeMap<String, BTreeSet<(String, String)>>,
    changed: BTreeSet<String>,
}

impl InstalledRecords {
    /// Reads the `RECORD` of every `.dist-info` below the output's `site-packages`.
    pub(crate) fn read(output: &Output) -> Result<Self, Problem> {
        let problem =
            |error| Problem::new("cannot read the `RECORD` files of the output").cause(error);
        let mut records =
            Self { files: BTreeMap::new(), owners: BTreeMap::new(), changed: BTreeSet::new() };
        for dist_info in DistInfo::all(output).map_err(problem)? {
            let bytes = match dist_info.read("RECORD") {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                read => read.map_err(problem)?,
            };
            let name = dist_info.name.clone();
            let record = Record::parse(&name, &bytes)?;
            for line in record.lines() {
                // A path outside of the output is nothing that any stage touches.
                if let Some(file) = output.recorded(&line.path) {
                    let owner = (name.clone(), line.path.clone());
                    records.owners.entry(file).or_default().insert(owner);
                }
            }
            records.files.insert(name, (dist_info, record));
        }
        Ok(records)
    }

    /// The record of a `.dist-info` directory.
    pub(crate) fn record(&self, dist_info: &str) -> Option<&Record> {
        self.files.get(dist_info).map(|(_, record)| record)
    }

    /// Gives `file` a new digest and size in every `RECORD` that has it.
    pub(crate) fn set(&mut self, file: &str, content: &[u8]) {
        for (dist_info, line) in self.owners.get(file).into_iter().flatten() {
            if let Some((_, record)) = self.files.get_mut(dist_info) {
                record.set(line, content);
                self.changed.insert(dist_info.clone());
            }
        }
    }

    /// Takes `file` out of the `RECORD`s of all owners for which `of` holds.
    pub(crate) fn remove(&mut self, file: &str, of: impl Fn(&str) -> bool) {
        let Some(owners) = self.owners.get_mut(file) else {
            return;
        };
        for (dist_info, line) in owners.extract_if(.., |(dist_info, _)| of(dist_info)) {
            if let Some((_, record)) = self.files.get_mut(&dist_info) {
                record.remove(&line);
                self.changed.insert(dist_info);
            }
        }
    }

    /// Writes the changed `RECORD`s.
    pub(crate) fn write(self) -> Result<(), Problem> {
        for dist_info in &self.changed {
            let (place, record) = &self.files[dist_info];
            place.write("RECORD", &record.to_bytes()).map_err(|error| {
                Problem::new(format!("cannot write the `RECORD` of `{dist_info}`")).cause(error)
            })?;
        }
        Ok(())
    }
}
