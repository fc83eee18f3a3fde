//! `-march=native` and its like ask a compiler for the processor of the machine that builds, so
//! another machine makes another wheel. gcc reads a file of specifications beside the directories
//! of its versions, and what that says of these words is said by the recipe
//! (`override.<name>.build.native-cpu`).
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
const REFUSE: &str = "*cc1_cpu:\n%{march=native|mtune=native|mcpu=native:%elockstep: \
    `-march=native`, `-mtune=native` and `-mcpu=native` compile for the machine that builds, so \
    another one would build something else - remove the flag, or set native-cpu = \"baseline\" in \
    [override.NAME.build] of the recipe}\n\n";
const BASELINE: &str = "*cc1_cpu:\n%{march=native:%>march=native -march=x86-64 \
    %{!mtune=*:-mtune=generic} %nlockstep: -march=native is -march=x86-64 here, as the recipe \
    says} %{mtune=native:%>mtune=native -mtune=generic %nlockstep: -mtune=native is \
    -mtune=generic here, as the recipe says}\n\n";

/// Files that gcc reads beside its own, by path inside. They must not be in the directory of a
/// version: what is there stands instead of all of gcc's own (its driver calls no `init_spec`
/// then), and libraries would have no build-id. None but for x86-64: elsewhere gcc has no such
/// specification.
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
            files.insert(format!("{machine}/specs"), text.to_owned());
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
