//! Converts the wire form of the lock to its values.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

use super::asked;
use super::valid::{all, invalid, parsed};
use super::wire::{
    ConflictWire, ConstraintWire, EdgeWire, FileWire, LockWire, PackageWire, RequirementWire,
    SourceWire,
};
use super::{ConflictItem, ConflictKind, Edge, File, GitSource, Location, Lock, Package, Source};
use base::packaging::{Marker, PackageName};
use base::vocabulary::redacted::redacted;
use base::vocabulary::{Markers, Problem};

pub(super) fn lock(mut wire: LockWire) -> Result<Lock, Problem> {
    if wire.version != 1 {
        return Err(super::wrong_version(wire.version));
    }
    let _ = wire.revision;
    let uploads =
        wire.packages.iter().flat_map(|package| package.sdist.iter().chain(&package.wheels));
    let newest_upload = uploads.filter_map(|file| file.upload_time.as_deref()).max();
    let newest_upload = newest_upload.map(str::to_owned);
    let mut markers = Markers::default();
    let packages = wire.packages.into_iter().map(|wire| package(wire, &mut markers));
    let packages = packages.collect::<Result<Vec<_>, Problem>>()?;
    let mut by_name: BTreeMap<PackageName, Vec<usize>> = BTreeMap::new();
    for (index, package) in packages.iter().enumerate() {
        by_name.entry(package.name.clone()).or_default().push(index);
    }
    let markers_asked = (wire.resolution_markers, wire.required_markers);
    let asked = asked::of_lock(wire.options, &mut wire.manifest, markers_asked);
    Ok(Lock {
        asked,
        requires_python: wire
            .requires_python
            .map(|text| parsed("requires-python", &text))
            .transpose()?,
        supported_markers: all_markers(&mut markers, "supported-markers", &wire.supported_markers)?,
        conflicts: wire
            .conflicts
            .into_iter()
            .map(|set| set.iter().map(conflict).collect())
            .collect::<Result<_, Problem>>()?,
        members: all("manifest.members", &wire.manifest.members)?,
        groups: keyed("manifest", wire.manifest.dependency_groups, |group| {
            requirements(group, &mut markers)
        })?,
        default_groups: wire.manifest.default_groups,
        requirements: requirements(wire.manifest.requirements, &mut markers)?,
        build_constraints: wire
            .manifest
            .build_constraints
            .iter()
            .map(|wire| constraint(wire, &mut markers))
            .collect::<Result<_, Problem>>()?,
        directory: ".".to_owned(),
        packages,
        newest_upload,
        unknown_keys: BTreeSet::new(),
        by_name,
    })
}

fn marker(markers: &mut Markers, what: &str, text: &str) -> Result<Marker, Problem> {
    markers.marker(text).map_err(|error| invalid(what, text, error))
}

fn all_markers(
    markers: &mut Markers,
    what: &str,
    texts: &[String],
) -> Result<Vec<Marker>, Problem> {
    texts.iter().map(|text| marker(markers, what, text)).collect()
}

fn package(wire: PackageWire, markers: &mut Markers) -> Result<Package, Problem> {
    let what = format!("package `{}`", wire.name);
    let source = source(&what, &wire.source)?;
    let fork_markers = all_markers(markers, &what, &wire.resolution_markers)?;
    let mut edges = |edges: Vec<EdgeWire>| {
        let edges = edges.into_iter().map(|wire| edge(&what, wire, markers));
        edges.collect::<Result<Vec<_>, Problem>>()
    };
    let file = |wire| file(&what, &source, wire);
    let provides_groups = wire.metadata.requires_dev.keys().map(|name| parsed(&what, name));
    Ok(Package {
        name: parsed(&what, &wire.name)?,
        version: wire.version.map(|text| parsed(&what, &text)).transpose()?,
        fork_markers,
        dependencies: edges(wire.dependencies)?,
        extras: keyed(&what, wire.optional_dependencies, &mut edges)?,
        provides_groups: provides_groups.collect::<Result<_, Problem>>()?,
        groups: keyed(&what, wire.dev_dependencies, edges)?,
        default_groups: wire.default_groups,
        provides_extras: all(&what, &wire.metadata.provides_extras)?,
        asked: asked::of_package(&what, wire.metadata.requires_dist, wire.metadata.requires_dev)?,
        sdist: wire.sdist.map(file).transpose()?,
        wheels: wire.wheels.into_iter().map(file).collect::<Result<_, Problem>>()?,
        source,
    })
}

fn keyed<K: FromStr + Ord, T, U>(
    what: &str,
    table: BTreeMap<String, T>,
    mut convert: impl FnMut(T) -> Result<U, Problem>,
) -> Result<BTreeMap<K, U>, Problem>
where
    K::Err: std::fmt::Display,
{
    let entries = table.into_iter().map(|(key, value)| Ok((parsed(what, &key)?, convert(value)?)));
    entries.collect()
}

fn edge(what: &str, wire: EdgeWire, markers: &mut Markers) -> Result<Edge, Problem> {
    Ok(Edge {
        name: parsed(what, &wire.name)?,
        version: wire.version.map(|text| parsed(what, &text)).transpose()?,
        source: wire.source.map(|wire| source(what, &wire)).transpose()?,
        extras: all(what, &wire.extra)?,
        marker: match wire.marker {
            Some(text) => marker(markers, what, &text)?,
            None => Marker::default(),
        },
    })
}

fn requirements(wire: Vec<RequirementWire>, markers: &mut Markers) -> Result<Vec<Edge>, Problem> {
    let edge = |wire: RequirementWire| {
        let (what, extra, source) = ("manifest", wire.extras, None);
        edge(
            what,
            EdgeWire { name: wire.name, version: None, source, extra, marker: wire.marker },
            markers,
        )
    };
    wire.into_iter().map(edge).collect()
}

fn source(what: &str, wire: &SourceWire) -> Result<Source, Problem> {
    type Kind = fn(String) -> Source;
    let kinds: [(&Option<String>, Kind); 6] = [
        (&wire.registry, Source::Registry),
        (&wire.path, Source::Path),
        (&wire.directory, |path| Source::Directory(tidy(&path))),
        (&wire.editable, |path| Source::Editable(tidy(&path))),
        (&wire.r#virtual, |path| Source::Virtual(tidy(&path))),
        (&wire.url, |url| Source::Url { url, subdirectory: None }),
    ];
    let mut found: Vec<Source> =
        kinds.into_iter().filter_map(|(value, kind)| value.clone().map(kind)).collect();
    if let Some(git) = &wire.git {
        found.push(Source::Git(git_source(what, git)?));
    }
    let (Some(source), true) = (found.pop(), found.is_empty()) else {
        return Err(Problem::usage(format!("the source of {what} in `uv.lock` is not understood"))
            .hint(
                "it must be one of `registry`, `git`, `url`, `path`, `directory`, `editable`, \
                 `virtual`",
            ));
    };
    Ok(match source {
        Source::Url { url, .. } => Source::Url { url, subdirectory: wire.subdirectory.clone() },
        other => other,
    })
}

/// uv writes `.` for the lock's own directory; older locks have an empty path.
fn tidy(path: &str) -> String {
    let path = path.trim_end_matches('/').trim_start_matches("./");
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// `<url>?subdirectory=…&rev=…|tag=…|branch=…#<commit>`.
fn git_source(what: &str, text: &str) -> Result<GitSource, Problem> {
    let error = |because: &str| {
        Problem::usage(format!("the git source of {what} in `uv.lock` is not understood"))
            .fact("source", redacted(text))
            .fact("because", because)
    };
    let mut url = Url::parse(text).map_err(|cause| error(&cause.to_string()))?;
    let commit = url.fragment().unwrap_or_default().to_owned();
    if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(error(&format!("`{commit}` is no commit of 40 hexadecimal digits")));
    }
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    let reference = ["rev", "tag", "branch"].iter().find_map(|key| query.get(*key).cloned());
    url.set_fragment(None);
    url.set_query(None);
    Ok(GitSource {
        url: url.to_string(),
        commit,
        reference,
        subdirectory: query.get("subdirectory").cloned(),
        lfs: query.get("lfs").is_some_and(|it| it == "true"),
    })
}

fn file(what: &str, source: &Source, wire: FileWire) -> Result<File, Problem> {
    let location = match (&wire.url, &wire.path) {
        (Some(url), _) => Location::Url(Url::parse(url).map_err(|cause| {
            Problem::usage(format!("a file of {what} in `uv.lock` has no valid URL"))
                .fact("url", redacted(url))
                .fact("because", cause)
        })?),
        (None, Some(path)) => Location::Path(path.clone()),
        (None, None) => Location::Source,
    };
    let filename = match (&wire.filename, &location, source) {
        (Some(filename), _, _) => filename.clone(),
        (None, Location::Url(url), _) => last_segment(url.path()),
        (None, Location::Path(path), _) | (None, Location::Source, Source::Path(path)) => {
            last_segment(path)
        }
        (None, Location::Source, Source::Url { url, .. }) => {
            last_segment(url.split(['?', '#']).next().unwrap_or_default())
        }
        (None, Location::Source, _) => {
            return Err(Problem::usage(format!("a file of {what} in `uv.lock` has no name")));
        }
    };
    Ok(File { filename, location, hash: wire.hash, size: wire.size, upload_time: wire.upload_time })
}

/// `…/opencv%2Bcpu-1.0.whl` holds the file `opencv+cpu-1.0.whl`.
fn last_segment(path: &str) -> String {
    let segment = path.rsplit('/').next().unwrap_or_default();
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn conflict(wire: &ConflictWire) -> Result<ConflictItem, Problem> {
    let kind = match (&wire.extra, &wire.group) {
        (Some(extra), _) => ConflictKind::Extra(parsed("conflicts", extra)?),
        (None, Some(group)) => ConflictKind::Group(parsed("conflicts", group)?),
        (None, None) => ConflictKind::Project,
    };
    Ok(ConflictItem { package: parsed("conflicts", &wire.package)?, kind })
}

fn constraint(
    wire: &ConstraintWire,
    markers: &mut Markers,
) -> Result<base::packaging::Requirement, Problem> {
    let marker = if wire.marker.is_empty() { String::new() } else { format!(" ; {}", wire.marker) };
    let text = format!("{}{}{marker}", wire.name, wire.specifier);
    markers.requirement(&text).map_err(|error| invalid("manifest.build-constraints", &text, error))
}
