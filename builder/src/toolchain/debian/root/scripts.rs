//! What maintainer scripts would register: alternatives, diversions, catalogs. The scripts run in
//! the root, which is read-only, without network and with functions in the place of the programs
//! that register; what these are called with is recorded and nothing else comes of the scripts.
//! Only scripts run that call such a program. Their loops and conditions are theirs, so no text of
//! a script is parsed here.

use std::path::Path;

use fs_err as fs;

use super::succeed;
use super::unpack::{CONTROL, Unpacked};
use base::sys::sandbox::{RootFs, Sandbox};
use base::vocabulary::Problem;

/// A program that a maintainer script called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The package whose script it was.
    pub(super) package: String,
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

/// The programs whose calls are recorded.
pub(super) const RECORDED: [&str; 3] = ["dpkg-divert", "update-alternatives", "update-xmlcatalog"];

/// Reads a list of scripts and runs each. `set -e` is left out: a script that cannot write, or
/// whose service cannot be started, goes on to what it registers. Bash finds a function before a
/// special builtin (its manual, "Bash POSIX Mode").
const DRIVER: &str = r#"
record() {
    local count=$(($# - 1))
    printf '%s\0' "$DPKG_MAINTSCRIPT_PACKAGE" "$count" "$@" >>/record/calls
}
update-alternatives() { record update-alternatives "$@"; }
update-xmlcatalog() { record update-xmlcatalog "$@"; }
dpkg-divert() {
    case " $* " in *" --truename "*) printf '%s\n' "${!#}"; return 0 ;; esac
    case " $* " in *" --list"*) return 0 ;; esac
    record dpkg-divert "$@"
}
set() { :; }
chown() { :; }
ldconfig() { :; }
dpkg-trigger() { :; }
py3compile() { :; }
update-rc.d() { :; }
invoke-rc.d() { :; }
deb-systemd-helper() { :; }
deb-systemd-invoke() { :; }
command_not_found_handle() { return 0; }
export DEBIAN_FRONTEND=noninteractive DEBIAN_HAS_FRONTEND=1 DEBCONF_NONINTERACTIVE_SEEN=true
export DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT= DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1
while read -r name script word; do
    (
        export DPKG_MAINTSCRIPT_PACKAGE=$name DPKG_MAINTSCRIPT_NAME=$script
        . "/packages/$name/DEBIAN/$script" "$word" ''
    ) </dev/null >/dev/null 2>&1
done </record/scripts
exit 0
"#;

/// The scripts that run when a package is installed for the first time, and with which word (Debian
/// policy, 6.5).
const SCRIPTS: [(&str, &str); 2] = [("preinst", "install"), ("postinst", "configure")];

/// Runs the scripts of all packages, whose trees are below `packages`, in the order of their names.
/// `work` is a directory that this may fill.
pub(super) fn calls(
    root: &Path,
    packages: &[Unpacked<'_>],
    trees: &Path,
    work: &Path,
) -> Result<Vec<Call>, Problem> {
    let unread = |error: std::io::Error| {
        Problem::new("cannot read the maintainer scripts of the toolchain").cause(error)
    };
    let list = scripts(packages).map_err(unread)?;
    fs::create_dir_all(work).map_err(unread)?;
    for (name, text) in [("scripts", list.as_str()), ("driver", DRIVER), ("calls", "")] {
        fs::write(work.join(name), text).map_err(unread)?;
    }
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned()))
        .bind_ro(trees, "/packages")
        .bind_rw(work, "/record");
    succeed(&sandbox, "/usr/bin/bash", &["/record/driver"])?;
    let recorded = fs::read(work.join("calls")).map_err(unread)?;
    parse(&recorded).ok_or_else(|| {
        Problem::new("a maintainer script recorded what cannot be read")
            .fact("recorded", String::from_utf8_lossy(&recorded).escape_debug())
    })
}

/// One line for each script that registers something.
fn scripts(packages: &[Unpacked<'_>]) -> std::io::Result<String> {
    let mut list = String::new();
    for (script, word) in SCRIPTS {
        for Unpacked { package, tree, .. } in packages {
            let path = tree.join(CONTROL).join(script);
            let Ok(text) = fs::read(&path) else { continue };
            let text = String::from_utf8_lossy(&text).into_owned();
            let is_shell =
                text.starts_with("#!") && text.lines().next().unwrap_or("").contains("sh");
            if is_shell && RECORDED.iter().any(|program| text.contains(program)) {
                list.push_str(&format!("{} {script} {word}\n", package.name));
            }
        }
    }
    Ok(list)
}

/// What the driver's `record` wrote: package, count, program, arguments, each ended by a NUL.
fn parse(recorded: &[u8]) -> Option<Vec<Call>> {
    let text = std::str::from_utf8(recorded).ok()?;
    let mut words = text.split('\0');
    let mut calls = Vec::new();
    loop {
        let package = words.next()?;
        if package.is_empty() {
            return words.next().is_none().then_some(calls);
        }
        let count: usize = words.next()?.parse().ok()?;
        let program = words.next()?.to_owned();
        let arguments: Vec<String> = words.by_ref().take(count).map(str::to_owned).collect();
        if arguments.len() != count {
            return None;
        }
        calls.push(Call { package: package.to_owned(), program, arguments });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_read_whole_or_not_at_all() {
        let calls =
            parse(b"a\x002\x00update-alternatives\x00--install\x00/x y\x00b\x000\0dpkg-divert\0");
        let calls = calls.unwrap();
        assert_eq!(calls[0].arguments, ["--install", "/x y"]);
        assert_eq!((calls[1].package.as_str(), calls[1].arguments.len()), ("b", 0));
        assert_eq!(parse(b"").unwrap(), []);
        for torn in [&b"a\x002\0x\0y\0"[..], b"a\0many\0x\0", b"a", b"\xff\0"] {
            assert!(parse(torn).is_none(), "{torn:?}");
        }
    }
}
