//! `-march=native` and similar flags make a compiler target the processor of the build machine, so
//! another machine makes another wheel. gcc reads a spec file in its own directory; the recipe
//! decides how that file treats these flags (`override.<name>.build.native-cpu`).
//!
//! A spec file is not a flag: command lines without these flags keep their meaning.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use base::recipe::NativeCpu;
use base::sys::files::sorted_entries;
use base::sys::sandbox::RootFs;

/// Where gcc has its directories, by machine and version.
const DIRECTORY: &str = "/usr/lib/gcc";

/// gcc's specifications of the processor (`*cc1_cpu`, `gcc -dumpspecs`), by which it asks for the
/// machine's own. A message ends its part.
const REFUSE: &str = "*cc1_cpu:\n%{march=native|mtune=native|mcpu=native:%elockstep: `-march=native`, \
    `-mtune=native` and `-mcpu=native` compile for the machine that builds, so another one would build \
    something else - remove the flag, or set native-cpu = \"baseline\" in [override.NAME.build] of \
    the recipe}\n\n";
const BASELINE: &str = "*cc1_cpu:\n%{march=native:%>march=native -march=x86-64 \
    %{!mtune=*:-mtune=generic} %nlockstep: -march=native is -march=x86-64 here, as the recipe \
    says} %{mtune=native:%>mtune=native -mtune=generic %nlockstep: -mtune=native is \
    -mtune=generic here, as the recipe says}\n\n";

/// Files that gcc reads beside its own, by path inside: one for each version that is installed.
/// None but for x86-64, where gcc has no such specification.
///
/// # Errors
/// The compiler's directory cannot be read.
pub fn specifications(root: &RootFs, native: NativeCpu) -> io::Result<BTreeMap<String, String>> {
    let root = match root {
        RootFs::Dir(root) => root.as_path(),
        RootFs::Host => Path::new("/"),
    };
    let text = match native {
        NativeCpu::Refuse => REFUSE,
        NativeCpu::Baseline => BASELINE,
    };
    let mut files = BTreeMap::new();
    for machine in directories(root, DIRECTORY)? {
        if machine.contains("/x86_64-") {
            for version in directories(root, &machine)? {
                files.insert(format!("{version}/specs"), text.to_owned());
            }
        }
    }
    Ok(files)
}

/// The directories in a directory, as paths inside. Links are skipped.
fn directories(root: &Path, path: &str) -> io::Result<Vec<String>> {
    let host = root.join(path.trim_start_matches('/'));
    if !host.is_dir() {
        return Ok(Vec::new());
    }
    let entries = sorted_entries(&host)?.into_iter();
    let names = entries.filter(|it| it.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(names.map(|it| format!("{path}/{}", it.file_name().to_string_lossy())).collect())
}
