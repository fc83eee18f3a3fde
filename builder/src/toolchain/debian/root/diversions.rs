//! Files that two packages have. A package may divert another one's (`dpkg-divert(1)`), or say that
//! it replaces another's files (Debian policy, 7.6.1). If neither is so, nobody can know which one
//! Debian would have, and it is an error.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::scripts::Call;
use super::unpack::{CONTROL, Collision, Unpacked, inside};
use base::vocabulary::Problem;

/// A diversion: `package` alone has its file at the path; that of every other package goes to `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diversion {
    pub(super) package: String,
    pub(super) to: PathBuf,
    /// Whether a file that is there already is moved.
    pub(super) rename: bool,
}

/// The diversions that were recorded, by path relative to the root.
pub(super) fn diversions(calls: &[Call]) -> BTreeMap<PathBuf, Diversion> {
    let mut found = BTreeMap::new();
    for call in calls.iter().filter(|call| call.program == "dpkg-divert") {
        let Some((path, diversion)) = diversion(call) else { continue };
        match diversion {
            Some(diversion) => drop(found.insert(path, diversion)),
            None => drop(found.remove(&path)),
        }
    }
    found
}

/// A path and its diversion, or `None` in its place if it is removed.
fn diversion(call: &Call) -> Option<(PathBuf, Option<Diversion>)> {
    let mut words = call.arguments.iter().map(String::as_str);
    let (mut package, mut to, mut path) = (call.package.as_str(), None, None);
    let (mut rename, mut remove) = (false, false);
    while let Some(word) = words.next() {
        match word {
            "--package" => package = words.next()?,
            "--divert" => to = words.next(),
            "--rename" => rename = true,
            "--remove" => remove = true,
            "--local" => package = "",
            other if other.starts_with("--") => {}
            file => path = Some(file),
        }
    }
    let path = path?.strip_prefix('/')?;
    let to = to.map_or_else(|| format!("{path}.distrib"), |to| to.trim_matches('/').to_owned());
    let diversion = Diversion { package: package.to_owned(), to: PathBuf::from(to), rename };
    Some((PathBuf::from(path), (!remove).then_some(diversion)))
}

/// Decides every collision, and moves what is diverted.
pub(super) fn apply(
    root: &Path,
    packages: &[Unpacked<'_>],
    collisions: &[Collision],
    diversions: &BTreeMap<PathBuf, Diversion>,
) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new("cannot lay out a file that two packages have").cause(error)
    };
    for collision in collisions {
        let by_owner = |(_, path): &(usize, PathBuf)| diversions.get(path);
        let diversion = collision.owners.iter().find_map(by_owner);
        let diversion = diversion.or_else(|| diversions.get(&collision.path));
        match diversion {
            Some(diversion) => diverted(root, packages, collision, diversion).map_err(failed)?,
            None => replaced(root, packages, collision)?,
        }
    }
    for (path, diversion) in diversions.iter().filter(|(_, it)| it.rename) {
        let at = inside(root, path).map_err(failed)?;
        if collisions.iter().any(|collision| collision.path == at) {
            continue;
        }
        let own = packages.iter().find(|it| it.package.name == diversion.package);
        let shipped = format!("/{}", path.display());
        let is_own = own.is_some_and(|own| own.paths.contains(&shipped));
        let is_file = root.join(&at).symlink_metadata().is_ok_and(|it| !it.is_dir());
        if is_file && !is_own {
            let to = inside(root, &diversion.to).map_err(failed)?;
            fs::rename(root.join(&at), root.join(to)).map_err(failed)?;
        }
    }
    Ok(())
}

/// The diverting package's file stays at the path, the others' go where they are diverted to.
fn diverted(
    root: &Path,
    packages: &[Unpacked<'_>],
    collision: &Collision,
    diversion: &Diversion,
) -> std::io::Result<()> {
    let name = |index: usize| packages[index].package.name.as_str();
    let (first, others) = collision.owners.split_first().expect("it has two owners");
    let (at, to) = (root.join(&collision.path), root.join(inside(root, &diversion.to)?));
    if name(first.0) == diversion.package {
        // Of several others, the last one's is there, as after dpkg.
        return others
            .iter()
            .try_for_each(|(index, path)| fs::rename(packages[*index].tree.join(path), &to));
    }
    fs::rename(&at, &to)?;
    for (index, path) in others {
        let place = if name(*index) == diversion.package { &at } else { &to };
        fs::rename(packages[*index].tree.join(path), place)?;
    }
    Ok(())
}

/// The file of the package that replaces the others stays.
fn replaced(root: &Path, packages: &[Unpacked<'_>], collision: &Collision) -> Result<(), Problem> {
    let name = |index: usize| packages[index].package.name.as_str();
    let wins = |(index, _): &&(usize, PathBuf)| {
        let replaces = replaces(&packages[*index]);
        let others = collision.owners.iter().map(|(it, _)| *it).filter(|it| it != index);
        others.into_iter().all(|other| replaces.iter().any(|it| it == name(other)))
    };
    let Some((index, path)) = collision.owners.iter().find(wins) else {
        let names: Vec<&str> = collision.owners.iter().map(|(index, _)| name(*index)).collect();
        return Err(Problem::new("two packages of the toolchain have one file with other bytes")
            .fact("file", format!("/{}", collision.path.display()))
            .fact("packages", names.join(", "))
            .hint("leave one of them out of the recipe's packages"));
    };
    if *index == collision.owners[0].0 {
        return Ok(());
    }
    fs::rename(packages[*index].tree.join(path), root.join(&collision.path))
        .map_err(|error| Problem::new("cannot lay out a file that two packages have").cause(error))
}

/// The names in a package's `Replaces`.
fn replaces(package: &Unpacked<'_>) -> Vec<String> {
    let control = fs::read_to_string(package.tree.join(CONTROL).join("control"));
    let control = control.unwrap_or_default().replace("\n ", " ");
    let line = control.lines().find_map(|line| line.strip_prefix("Replaces:"));
    let names = line.unwrap_or_default().split(',');
    let name = |it: &str| it.trim().split([' ', ':', '(']).next().unwrap_or_default().to_owned();
    names.map(name).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::unpack::{merge, merged_usr};
    use super::*;
    use crate::lock::toolchain_lock::SystemPackage;
    use base::vocabulary::Sha256;

    fn call(package: &str, arguments: &[&str]) -> Call {
        Call {
            package: package.to_owned(),
            program: "dpkg-divert".to_owned(),
            arguments: arguments.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    fn package(name: &str) -> SystemPackage {
        let [version, architecture] = ["1".to_owned(), "all".to_owned()];
        SystemPackage { name: name.to_owned(), version, architecture, sha256: Sha256::of(name) }
    }

    /// Lays packages out as `name`, its `Replaces`, its files; returns the root's files.
    fn laid_out(
        packages: &[(&str, &str, &[&str])],
        calls: &[Call],
    ) -> Result<BTreeMap<String, String>, Problem> {
        let base = tempfile::tempdir().unwrap();
        let root = base.path().join("root");
        merged_usr(&root).unwrap();
        let described: Vec<SystemPackage> =
            packages.iter().map(|(name, ..)| package(name)).collect();
        let mut unpacked = Vec::new();
        for ((name, replaces, files), package) in packages.iter().zip(&described) {
            let tree = base.path().join(name);
            fs::create_dir_all(tree.join(CONTROL)).unwrap();
            let control = format!("Package: {name}\nReplaces: {replaces}\nVersion: 1\n");
            fs::write(tree.join(CONTROL).join("control"), control).unwrap();
            for file in *files {
                let path = tree.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                match file.strip_suffix("->") {
                    Some(link) => symlink(name, tree.join(link)).unwrap(),
                    None => fs::write(path, name).unwrap(),
                }
            }
            unpacked.push(Unpacked { package, tree, paths: Vec::new() });
        }
        let (collisions, _) = merge(&root, &mut unpacked).unwrap();
        apply(&root, &unpacked, &collisions, &diversions(calls))?;
        let bin = base::sys::files::sorted_entries(&root.join("usr/bin")).unwrap();
        let read = |it: fs::DirEntry| {
            let name = it.file_name().to_string_lossy().into_owned();
            (name, fs::read_to_string(it.path()).unwrap())
        };
        Ok(bin.into_iter().map(read).collect())
    }

    #[test]
    fn one_of_two_files_is_diverted_whichever_package_comes_first() {
        let zcat = |to: &str| {
            ["--quiet", "--add", "--rename", "--divert", to, "/bin/zcat"].map(str::to_owned)
        };
        let arguments = zcat("/bin/zcat.gzip");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for (diverting, other) in [("zutils", "gzip"), ("azutils", "gzip")] {
            let mut packages = [(diverting, "", &["bin/zcat"][..]), (other, "", &["bin/zcat"][..])];
            packages.sort_by_key(|it| it.0);
            let found = laid_out(&packages, &[call(diverting, &arguments)]).unwrap();
            assert_eq!(found["zcat"], diverting);
            assert_eq!(found["zcat.gzip"], other);
        }
        // A file that its own package does not have is moved away for what a script makes.
        let found = laid_out(
            &[("a", "", &["usr/bin/x"]), ("b", "", &[])],
            &[call("b", &["--rename", "--divert", "/usr/bin/x.real", "/usr/bin/x"])],
        )
        .unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["x.real"]);
        // One that is removed again, or that moves nothing, is none.
        let removed = [
            call("b", &["--rename", "--divert", "/usr/bin/x.real", "/usr/bin/x"]),
            call("b", &["--package", "b", "--remove", "--rename", "/usr/bin/x"]),
        ];
        let still = call("b", &["--no-rename", "--divert", "/usr/bin/x.real", "/usr/bin/x"]);
        for calls in [&removed[..], &[still]] {
            let found = laid_out(&[("a", "", &["usr/bin/x"]), ("b", "", &[])], calls).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), ["x"]);
        }
    }

    #[test]
    fn what_replaces_wins_and_what_nobody_decides_is_an_error() {
        for (first, second, winner) in [("b (<< 2), c", "", "a"), ("", "x, a (<= 1)", "b")] {
            let packages: [(&str, &str, &[&str]); 2] =
                [("a", first, &["bin/x"]), ("b", second, &["usr/bin/x"])];
            assert_eq!(laid_out(&packages, &[]).unwrap()["x"], winner);
        }
        let problem =
            laid_out(&[("a", "", &["bin/x"]), ("b", "", &["usr/bin/x"])], &[]).unwrap_err();
        assert!(problem.to_string().contains("/usr/bin/x"), "{problem}");
        assert!(problem.to_string().contains("a, b"), "{problem}");
    }
}
