//! Computes what phase 1 must fetch from the resolution and the build lock: every file and tree
//! that is locked for a target, and nothing else.

use std::path::Path;

use url::Url;

use crate::fetch::request::{
    FileOrigin, FileRequest, LocalTreeRequest, Request, Shelf, TreeRequest,
};
use crate::lock::build_lock::{
    BuildLock, Demands, FilePlace, LockedBuild, LockedFile, Requirement,
};
use crate::lock::resolve::{Artifact, Distribution, Place, RegistryFile, Resolution, is_wheel};
use base::vocabulary::Problem;

/// The locations of local projects and files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places<'a> {
    /// The application's source tree: local archives and flat indexes.
    pub tree: &'a Path,
    /// The recipe's directory: the sources that it has instead of locked ones.
    pub recipe: &'a Path,
}

/// What the run time needs.
pub(crate) fn runtime(resolution: &Resolution, places: Places<'_>) -> Result<Request, Problem> {
    let mut request = Request::default();
    for distribution in &resolution.distributions {
        add(&mut request, distribution, places)?;
    }
    Ok(request)
}

/// What the run time and all builds need.
pub(crate) fn everything(
    resolution: &Resolution,
    build_lock: &BuildLock,
    demands: Demands<'_>,
    places: Places<'_>,
) -> Result<Request, Problem> {
    let mut request = runtime(resolution, places)?;
    build_lock.cover(resolution, demands)?;
    for distribution in resolution.built() {
        let build = build_lock.of(distribution)?;
        add_wheels(
            &mut request,
            distribution.name.as_ref(),
            build,
            build_lock,
            places,
            resolution,
        )?;
    }
    for requirement in build_lock.tools_for(resolution)?.into_keys() {
        add_tool(&mut request, requirement, build_lock, places, resolution)?;
    }
    Ok(request)
}

/// Adds the source of a build requirement that is built, and the wheels that its build needs.
pub(crate) fn add_tool(
    request: &mut Request,
    requirement: &Requirement,
    build_lock: &BuildLock,
    places: Places<'_>,
    resolution: &Resolution,
) -> Result<(), Problem> {
    let (tool, whose) = (&build_lock.tools[requirement], requirement.to_string());
    add_wheels(request, &whose, &tool.build, build_lock, places, resolution)?;
    let mut more = Request::default();
    add(&mut more, &tool.source.distribution(requirement), places)?;
    add_new(&mut request.files, more.files);
    add_new(&mut request.trees, more.trees);
    Ok(())
}

/// Adds the wheels that a build needs.
fn add_wheels(
    request: &mut Request,
    whose: &str,
    build: &LockedBuild,
    build_lock: &BuildLock,
    places: Places<'_>,
    resolution: &Resolution,
) -> Result<(), Problem> {
    for requirement in build.needs.of(whose, &resolution.target)?.wheels() {
        let wheel = build_lock.wheel(requirement, &resolution.target)?;
        add_new(&mut request.files, vec![build_file(requirement, wheel, places)]);
    }
    Ok(())
}

/// The wheel of a build requirement.
pub(crate) fn build_file(
    requirement: &Requirement,
    file: &LockedFile,
    places: Places<'_>,
) -> FileRequest {
    FileRequest {
        project: requirement.name.clone(),
        shelf: Shelf::Build,
        filename: file.filename.clone(),
        sha256: file.sha256,
        size: file.size,
        origin: match &file.place {
            FilePlace::Index => FileOrigin::Registry { locked: None },
            FilePlace::Url(url) => FileOrigin::Url(url.clone()),
            FilePlace::Path(path) => FileOrigin::Path(places.tree.join(path)),
        },
    }
}

fn add_new<T: PartialEq>(to: &mut Vec<T>, more: Vec<T>) {
    for it in more {
        if !to.contains(&it) {
            to.push(it);
        }
    }
}

/// Adds the source or the wheel of a distribution.
pub(crate) fn add(
    request: &mut Request,
    distribution: &Distribution,
    places: Places<'_>,
) -> Result<(), Problem> {
    let tree = places.tree;
    let name = &distribution.name;
    match &distribution.artifact {
        Artifact::Wheel(file) => {
            request.files.push(registry_file(distribution, file, Shelf::Wheels, tree));
        }
        Artifact::Sdist(file) => {
            request.files.push(registry_file(distribution, file, Shelf::Sdists, tree));
        }
        Artifact::Url { url, filename, sha256, size, .. } => request.files.push(FileRequest {
            project: name.clone(),
            shelf: shelf(filename),
            filename: filename.clone(),
            sha256: *sha256,
            size: *size,
            origin: FileOrigin::Url(url.clone()),
        }),
        Artifact::Path { path, sha256, of_recipe } => {
            let from = if *of_recipe { places.recipe } else { tree };
            let filename = path.rsplit('/').next().unwrap_or_default().to_owned();
            request.files.push(FileRequest {
                project: name.clone(),
                shelf: shelf(&filename),
                filename,
                sha256: *sha256,
                size: None,
                origin: FileOrigin::Path(from.join(path)),
            });
        }
        Artifact::Git(git) => request.trees.push(TreeRequest {
            project: name.clone(),
            directory: git_directory(distribution),
            url: Url::parse(&git.url).map_err(|error| {
                Problem::usage(format!("`{name}` has no valid repository in `uv.lock`"))
                    .fact("because", error)
            })?,
            rev: git.commit.clone(),
            reference: git.reference.clone(),
            // As uv does: a git dependency is checked out with its submodules.
            submodules: true,
            nar_hash: None,
        }),
        Artifact::Tree { path, nar_hash } => request.local_trees.push(LocalTreeRequest {
            project: name.clone(),
            path: places.recipe.join(path),
            nar_hash: *nar_hash,
        }),
        Artifact::Local(_) | Artifact::Virtual(_) => {}
    }
    Ok(())
}

/// The directory of a git tree below `git/`.
pub(crate) fn git_directory(distribution: &Distribution) -> String {
    distribution.name.to_string()
}

fn shelf(filename: &str) -> Shelf {
    if is_wheel(filename) { Shelf::Wheels } else { Shelf::Sdists }
}

fn registry_file(
    distribution: &Distribution,
    file: &RegistryFile,
    shelf: Shelf,
    tree: &Path,
) -> FileRequest {
    FileRequest {
        project: distribution.name.clone(),
        shelf,
        filename: file.filename.clone(),
        sha256: file.sha256,
        size: file.size,
        origin: match &file.place {
            Place::Url(url) => FileOrigin::Registry { locked: Some(url.clone()) },
            Place::Path(path) => FileOrigin::Path(tree.join(path)),
            Place::Index => FileOrigin::Registry { locked: None },
        },
    }
}
