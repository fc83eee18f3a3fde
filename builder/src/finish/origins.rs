//! Where each installed distribution came from, for the manifest.

use base::nar;
use base::vocabulary::redacted::redacted;
use base::vocabulary::{Problem, Redacted};

use super::manifest::{InstalledFrom, Kind};
use crate::fetch::phase1::Fetched;
use crate::fetch::plan::git_directory;
use crate::fetch::snapshot::project_directory;
use crate::install::wheel_archive::WheelArchive;
use crate::lock::resolve::Artifact;

/// Where each installed distribution came from, for the manifest.
pub(super) fn installed_from(
    fetched: &Fetched,
    wheels: &[WheelArchive],
) -> Result<Vec<InstalledFrom>, Problem> {
    let mut installed = Vec::new();
    for wheel in wheels {
        let distribution = fetched.resolution.get(&wheel.name).ok_or_else(|| {
            Problem::new(format!("`{}` is installed and was not resolved", wheel.name))
        })?;
        let (kind, origin, sha256) = match &distribution.artifact {
            Artifact::Wheel(file) => (Kind::Wheel, file.filename.clone(), file.sha256),
            Artifact::Sdist(file) => (Kind::Sdist, file.filename.clone(), file.sha256),
            Artifact::Url { url, sha256, .. } => (Kind::Url, Redacted(url).to_string(), *sha256),
            Artifact::Path { path, sha256, .. } => (Kind::Path, path.clone(), *sha256),
            Artifact::Git(git) => {
                let path = format!("git/{}", git_directory(distribution));
                let tree = fetched.wheelhouse.path.join(path);
                let origin = format!("{}@{}", redacted(&git.url), git.commit);
                (Kind::Git, origin, nar::hash_path(&tree)?)
            }
            Artifact::Tree { path, nar_hash } => (Kind::Tree, path.clone(), *nar_hash),
            Artifact::Local(path) => {
                let tree = project_directory(&fetched.application.tree, path)?;
                (Kind::Local, path.clone(), nar::hash_path(&tree)?)
            }
            Artifact::Virtual(_) => continue,
        };
        installed.push(InstalledFrom {
            name: wheel.name.clone(),
            // What was resolved, so that a wheel of another version is seen.
            version: distribution.version.clone().unwrap_or_else(|| wheel.version.clone()),
            kind,
            origin,
            sha256,
        });
    }
    Ok(installed)
}
