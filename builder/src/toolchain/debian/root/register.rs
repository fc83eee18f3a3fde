//! What the root has beyond its packages' files: alternatives, caches that triggers make, the
//! linker's cache, dpkg's database. It is done with the root's own programs, in a fixed order, by
//! one run in the sandbox; nothing of it has a time in it.

use std::path::Path;

use fs_err as fs;

use super::scripts::Call;
use super::succeed;
use super::unpack::{CONTROL, Unpacked, inside};
use base::sys::files::sorted_entries;
use base::sys::sandbox::{RootFs, Sandbox};
use base::vocabulary::Problem;

/// Caches that triggers of packages make: the program, relative to the root and with `*` for the
/// directory of the architecture, what it works on, and how it is called.
const CACHES: [(&str, &str, &str); 4] = [
    (
        "usr/lib/*/glib-2.0/glib-compile-schemas",
        "usr/share/glib-2.0/schemas",
        "/usr/share/glib-2.0/schemas",
    ),
    ("usr/lib/*/glib-2.0/gio-querymodules", "usr/lib/*/gio/modules", "/usr/lib/*/gio/modules"),
    (
        "usr/lib/*/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders",
        "usr/lib/*/gdk-pixbuf-2.0",
        "--update-cache",
    ),
    ("usr/bin/update-mime-database", "usr/share/mime/packages", "/usr/share/mime"),
];

/// Runs everything that the recorded calls and the files of the root ask for.
pub(super) fn register(root: &Path, calls: &[Call]) -> Result<(), Problem> {
    let unread = |error: std::io::Error| Problem::new("cannot finish the root").cause(error);
    let mut script = "set -e\n/sbin/ldconfig -i\n".to_owned();
    // A group is complete before one of its members is chosen.
    for word in ["--install", "--set"] {
        for call in calls.iter().filter(|call| is_alternative(call, word, root)) {
            let arguments = call.arguments.iter().map(|it| quoted(it));
            let arguments: Vec<String> = arguments.collect();
            let line = format!("update-alternatives --log /dev/null {}\n", arguments.join(" "));
            script.push_str(&line);
        }
    }
    for call in calls.iter().filter(|call| call.program == "update-xmlcatalog") {
        let arguments: Vec<String> = call.arguments.iter().map(|it| quoted(it)).collect();
        script.push_str(&format!("update-xmlcatalog {}\n", arguments.join(" ")));
    }
    let triplet = triplet(root).map_err(unread)?;
    for (program, on, arguments) in CACHES {
        let [program, on, arguments] = [program, on, arguments].map(|it| it.replace('*', &triplet));
        if root.join(&program).is_file() && root.join(on).is_dir() {
            script.push_str(&format!("/{program} {arguments}\n"));
        }
    }
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned()))
        .bind_rw(&root.join("etc"), "/etc")
        .bind_rw(&root.join("usr"), "/usr")
        .bind_rw(&root.join("var/lib"), "/var/lib")
        .tmpfs("/var/cache/ldconfig");
    succeed(&sandbox, "/usr/bin/bash", &["-c", &script]).map(drop)
}

/// Whether a call registers, or chooses, an alternative that is there. Of `--install LINK NAME PATH
/// PRIORITY` and `--set NAME PATH`, a script may offer what its package does not have here.
fn is_alternative(call: &Call, word: &str, root: &Path) -> bool {
    let at = call.arguments.iter().position(|it| it == word);
    let Some(at) = at.filter(|_| call.program == "update-alternatives") else {
        return false;
    };
    let path = call.arguments.get(at + if word == "--install" { 3 } else { 2 });
    path.and_then(|path| path.strip_prefix('/')).is_some_and(|path| {
        let found = inside(root, Path::new(path));
        found.is_ok_and(|found| root.join(found).symlink_metadata().is_ok())
    })
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The directory of the architecture, such as `x86_64-linux-gnu`.
fn triplet(root: &Path) -> std::io::Result<String> {
    let names = sorted_entries(&root.join("usr/lib"))?;
    let mut names = names.iter().map(|it| it.file_name().to_string_lossy().into_owned());
    Ok(names.find(|name| name.ends_with("-linux-gnu")).unwrap_or_default())
}

/// Writes dpkg's database, so that `dpkg-query` answers as on any Debian: which packages there are,
/// and which files each has.
pub(super) fn database(root: &Path, packages: &[Unpacked<'_>]) -> std::io::Result<()> {
    let admin = root.join("var/lib/dpkg");
    let info = admin.join("info");
    fs::create_dir_all(&info)?;
    fs::write(info.join("format"), "1\n")?;
    let mut status = String::new();
    for Unpacked { package, tree, paths } in packages {
        let control = fs::read_to_string(tree.join(CONTROL).join("control"))?;
        let shared = control.lines().any(|line| line == "Multi-Arch: same");
        let name = match shared {
            true => format!("{}:{}", package.name, package.architecture),
            false => package.name.clone(),
        };
        let list: String = paths.iter().map(|path| format!("{path}\n")).collect();
        fs::write(info.join(format!("{name}.list")), format!("/.\n{list}"))?;
        let (first, rest) = control.split_once('\n').unwrap_or((&control, ""));
        let rest = rest.trim_end();
        status.push_str(&format!("{first}\nStatus: install ok installed\n{rest}\n\n"));
    }
    fs::write(admin.join("status"), status)
}

/// Makes the file of all authorities that `ca-certificates` would make, and points the local time
/// to UTC, as `tzdata` does where nobody has another wish.
pub(super) fn local_files(root: &Path) -> std::io::Result<()> {
    let shared = root.join("usr/share/ca-certificates/mozilla");
    if shared.is_dir() {
        let mut bundle = String::new();
        for entry in sorted_entries(&shared)? {
            bundle.push_str(&fs::read_to_string(entry.path())?);
        }
        fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), bundle)?;
    }
    let zone = "usr/share/zoneinfo/Etc/UTC";
    let link = root.join("etc/localtime");
    if root.join(zone).is_file() && link.symlink_metadata().is_err() {
        std::os::unix::fs::symlink(format!("/{zone}"), link)?;
        fs::write(root.join("etc/timezone"), "Etc/UTC\n")?;
    }
    Ok(())
}
