//! Lets uv resolve build requirements as its own builds would: on the indexes that are configured
//! and that the project names, with the sources that apply, wheels and source distributions alike.
//!
//! uv runs on the host, so it must not run foreign code. If only the backend of a source
//! distribution knows its dependencies, it is first assumed to have none. If uv chooses it, its
//! wheel is built in the sandbox, and uv resolves again with the wheel's metadata.

use std::collections::BTreeMap;

use base::packaging::PackageName;
use base::packaging::Version;
use fs_err as fs;

use super::Maker;
use super::asked::Asked;
use super::built::BuiltMetadata;
use super::pins::{self, Pin, Pins, Resolved, Trees};
use super::run::Run;
use super::uv::{Ended, Metadata, Told};
use crate::fetch::index::{Index, Indexes};
use crate::lock::build_lock::{FilePlace, Requirement, ToolSource};
use base::sys::Host;
use base::vocabulary::Problem;

/// More rounds than any resolution needs: each finds out of one more distribution what it needs.
const ROUNDS_MAX: usize = 200;

impl Maker<'_> {
    /// Resolves requirements for a target, each set of them once in a run.
    pub(super) fn resolve(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        host: Host<'_>,
    ) -> Result<Pins, Problem> {
        if asked.requires.is_empty() {
            return Ok(Pins::new());
        }
        let key = format!(
            "{}\n{:?}\n{}\n{:?}",
            asked.target,
            asked.requires.texts(),
            asked.lowered.sources,
            self.constraints(asked.resolution).keys()
        );
        run.memo(&key, asked.chain, || self.compile(run, asked, host))
    }

    fn compile(&self, run: &Run<'_>, asked: &Asked<'_>, host: Host<'_>) -> Result<Pins, Problem> {
        let mut told: Metadata = BTreeMap::new();
        for (name, metadata) in run.known_of_indexes() {
            let key = (name, Some(metadata.version.clone()));
            told.insert(key, Told { metadata, proven: true });
        }
        let indexes = Indexes::configured(host.environment, &self.settings.project)?;
        let mut own = asked.lowered.indexes.clone();
        for index in &mut own {
            index.authenticate(host.environment);
        }
        let all: Vec<Index> = indexes.list.iter().chain(&own).cloned().collect();
        self.look_for_dates(run, &all, asked.requires.names().iter(), host);
        for _ in 0..ROUNDS_MAX {
            let undated = run.undated(&all);
            self.write(run, asked, &indexes, &own, &told)?;
            // Links have no dates.
            let bound = run.bound_date().filter(|_| !self.settings.project.no_index);
            match self.call(run, asked, bound, host)? {
                Ended::Failed(text) => {
                    if let Some(key) = unknown(&text)
                        && !told.contains_key(&key)
                    {
                        let metadata = BuiltMetadata::unknown(key.1.clone());
                        told.insert(key, Told { metadata, proven: false });
                        continue;
                    }
                    self.look_behind(run, asked, &all, host)?;
                    if run.undated(&all) != undated {
                        continue;
                    }
                    return Err(self.unresolved(run, asked, &text));
                }
                Ended::Resolved(text) => {
                    let packages = self.packages(asked, &text)?;
                    let names = packages.iter().map(|it| &it.name);
                    self.look_for_dates(run, &all, names, host);
                    if run.undated(&all) != undated
                        || self.prove(run, asked, &packages, &mut told, host)?
                    {
                        continue;
                    }
                    return self.pins(asked, &text, packages, &told);
                }
            }
        }
        let whose = &asked.distribution.name;
        Err(Problem::new(format!("cannot resolve the build requirements of `{whose}`"))
            .fact("because", format!("uv was asked {ROUNDS_MAX} times")))
    }

    /// Looks for indexes that do not say when a file was uploaded.
    fn look_for_dates<'n>(
        &self,
        run: &Run<'_>,
        indexes: &[Index],
        names: impl Iterator<Item = &'n PackageName>,
        host: Host<'_>,
    ) {
        if run.bound.is_some() {
            let names: Vec<&PackageName> = names.collect();
            for index in indexes {
                run.look_for_dates(index, &names, self.settings, host);
            }
        }
    }

    /// After a failure: whether what is needed comes from an index without dates.
    fn look_behind(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        indexes: &[Index],
        host: Host<'_>,
    ) -> Result<(), Problem> {
        let known = indexes.iter().all(|index| run.is_dated(index).is_some());
        if run.bound.is_some()
            && !known
            && let Ended::Resolved(text) = self.call(run, asked, None, host)?
        {
            let packages = self.packages(asked, &text)?;
            self.look_for_dates(run, indexes, packages.iter().map(|it| &it.name), host);
        }
        Ok(())
    }

    /// Builds what is chosen and whose dependencies are not known yet. Says whether uv must be
    /// asked again.
    fn prove(
        &self,
        run: &Run<'_>,
        asked: &Asked<'_>,
        packages: &[Resolved],
        told: &mut Metadata,
        host: Host<'_>,
    ) -> Result<bool, Problem> {
        let mut again = false;
        for package in packages {
            let key = key_of(package);
            let Some(known) = told.get(&key).filter(|it| !it.proven).cloned() else {
                continue;
            };
            let source = package.pin.source.as_ref().ok_or_else(|| {
                Problem::new(format!("uv wants to build `{}`, which has no source", package.name))
            })?;
            let version =
                package.version.clone().unwrap_or_else(|| BuiltMetadata::unknown(None).version);
            let requirement = Requirement { name: package.name.clone(), version };
            let metadata = self.built(run, asked.chain, &requirement, source, host)?.metadata;
            again |= metadata != known.metadata;
            told.insert(key, Told { metadata, proven: true });
        }
        Ok(again)
    }

    fn packages(&self, asked: &Asked<'_>, text: &str) -> Result<Vec<Resolved>, Problem> {
        let trees = Trees { beside: asked.uv_dir, application: &self.application.tree };
        pins::packages(text, asked.target, trees).map_err(|because| {
            let whose = &asked.distribution.name;
            Problem::new(format!("cannot use uv's resolution for the build of `{whose}`"))
                .fact("because", because)
        })
    }

    fn pins(
        &self,
        asked: &Asked<'_>,
        text: &str,
        packages: Vec<Resolved>,
        told: &Metadata,
    ) -> Result<Pins, Problem> {
        let urls = pins::urls(text);
        let mut pins = Pins::new();
        for Resolved { name, version, mut pin } in packages {
            let known = told.get(&(name.clone(), None)).filter(|it| it.proven);
            let version = known.map(|it| it.metadata.version.clone()).or(version);
            let version = version.or_else(|| self.static_version(&pin)).ok_or_else(|| {
                Problem::new(format!("the version of the build requirement `{name}` is not known"))
                    .hint("give it a static `project.version`")
            })?;
            if asked.lowered.unknown_index.contains(&name) {
                pin = at_urls(pin, &urls);
            }
            pins.insert(Requirement { name, version }, pin);
        }
        Ok(pins)
    }

    /// The version that a directory of the application's tree says of itself.
    fn static_version(&self, pin: &Pin) -> Option<Version> {
        let Some(ToolSource::Local(path)) = &pin.source else {
            return None;
        };
        let text = fs::read_to_string(self.application.tree.join(path).join("pyproject.toml"));
        let table: toml::Table = text.ok()?.parse().ok()?;
        table.get("project")?.get("version")?.as_str()?.parse().ok()
    }
}

/// The distribution whose metadata uv could not find out without its backend.
fn unknown(text: &str) -> Option<(PackageName, Option<Version>)> {
    let (_, rest) = text.split_once("uild `")?;
    let (what, _) = rest.split_once('`')?;
    if let Some((name, version)) = what.split_once("==") {
        return Some((name.parse().ok()?, Some(version.parse().ok()?)));
    }
    let (name, _) = what.split_once(" @ ")?;
    Some((name.parse().ok()?, None))
}

fn key_of(package: &Resolved) -> (PackageName, Option<Version>) {
    let of_index = match &package.pin.source {
        Some(ToolSource::Archive { file, .. }) => file.is_of_index(),
        _ => false,
    };
    (package.name.clone(), package.version.clone().filter(|_| of_index))
}

/// Files of an index that phase 1 does not know, pinned with where they are.
fn at_urls(mut pin: Pin, urls: &BTreeMap<String, url::Url>) -> Pin {
    let place =
        |filename: &str| urls.get(filename).cloned().map_or(FilePlace::Index, FilePlace::Url);
    if let Some(wheel) = &mut pin.wheel {
        wheel.place = place(&wheel.filename);
    }
    if let Some(ToolSource::Archive { file, .. }) = &mut pin.source {
        file.place = place(&file.filename);
    }
    pin
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn what_uv_could_not_ask_is_read_from_its_message() {
        for (text, expected) in [
            ("error: Failed to build `a-b==1.0`\n cause: x", Some(("a-b", Some("1.0")))),
            ("error: Failed to download and build `a==2`", Some(("a", Some("2")))),
            ("error: Failed to build `a @ file:///x`", Some(("a", None))),
            ("error: No solution found", None),
        ] {
            let found = unknown(text);
            let found = found.map(|(name, version)| {
                (name.to_string(), version.map(|version| version.to_string()))
            });
            let expected = expected.map(|(name, version): (&str, Option<&str>)| {
                (name.to_owned(), version.map(str::to_owned))
            });
            assert_eq!(found, expected, "{text}");
        }
    }
}
