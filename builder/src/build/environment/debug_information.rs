//! Debian's interpreter tells setuptools to compile with `-g`, as it was compiled itself. This
//! takes a quarter of the compile time and most of the bytes of an extension, and nobody debugs an
//! output. So builds see the interpreter's build configuration without that one word.
//!
//! GCC and clang promise that `-g` never changes the code that they make, so every instruction,
//! datum and symbol of a wheel stays the same. A project still gets debug information if it asks
//! for it, or if it does not build with the interpreter's configuration. A flag in `CFLAGS` would
//! not work: setuptools would replace the interpreter's flags with it, including `-DNDEBUG` and
//! `-fno-strict-overflow`, and its `-O2` would override a project's own `-O3`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use fs_err as fs;

use crate::toolchain::Toolchain;
use base::sys::files::sorted_entries;
use base::sys::sandbox::RootFs;

/// Files of the interpreter's build configuration without debug information, by the path inside at
/// which they are seen instead of its own. None if the toolchain is the machine's own, or has its
/// interpreter elsewhere.
pub(super) fn without(toolchain: &Toolchain) -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let RootFs::Dir(root) = &toolchain.root else { return Ok(files) };
    let Some(library) = library(&toolchain.python_version) else { return Ok(files) };
    for entry in configurations(&root.join(library.trim_start_matches('/')))? {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link leads to the file that is seen instead.
        if entry.file_type()?.is_file() {
            let text = fs::read_to_string(entry.path())?;
            files.insert(format!("{library}/{name}"), without_debug_flag(&text));
        }
        // Its bytecode would be used without a look at the source. What is empty is no bytecode.
        let stem = name.trim_end_matches(".py");
        let bytecode = format!("__pycache__/{stem}.{}.pyc", tag(&toolchain.python_version));
        if entry.path().with_file_name(&bytecode).is_file() {
            files.insert(format!("{library}/{bytecode}"), String::new());
        }
    }
    Ok(files)
}

/// `/usr/lib/python3.14`.
fn library(version: &str) -> Option<String> {
    let (major, rest) = version.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some(format!("/usr/lib/python{major}.{minor}"))
}

/// `cpython-314`.
fn tag(version: &str) -> String {
    let digits: Vec<&str> = version.split('.').take(2).collect();
    format!("cpython-{}", digits.concat())
}

/// The modules that hold the interpreter's build configuration; none in another layout.
fn configurations(library: &Path) -> io::Result<Vec<fs::DirEntry>> {
    if !library.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = sorted_entries(library)?;
    found.retain(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("_sysconfigdata_") && name.ends_with(".py")
    });
    Ok(found)
}

/// The text of a configuration without the word `-g` in the flags that extensions are compiled
/// with. The flags of the interpreter's own build (`CONFIGURE_…`, `…_NODIST`) reach no extension.
fn without_debug_flag(text: &str) -> String {
    let mut lines = String::new();
    for line in text.split_inclusive('\n') {
        let own = EXTENSION_FLAGS.iter().any(|key| line.trim_start().starts_with(key));
        let line =
            if own { line.replace("'-g ", "'").replace(" -g ", " ") } else { line.to_owned() };
        lines.push_str(&line);
    }
    lines
}

/// The variables that setuptools, `distutils` and other readers of `sysconfig` take extension flags
/// from.
const EXTENSION_FLAGS: [&str; 6] = [
    "'CFLAGS': '",
    "'OPT': '",
    "'PY_CFLAGS': '",
    "'LDSHARED': '",
    "'LDCXXSHARED': '",
    "'BLDSHARED': '",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_word_itself_goes() {
        let text = "build_time_vars = {\n    'CFLAGS': '-fwrapv -DNDEBUG -g -O2 -Wall',\n    \
                    'OPT': '-g -O3 -ggdb -gsplit-dwarf',\n    'X': 'a -g b',\n    \
                    'CONFIGURE_CFLAGS_NODIST': '-g -O2 ',\n    \
                    'LDSHARED': 'gcc -shared -g -fwrapv -O2    ',\n}\n";
        assert_eq!(
            without_debug_flag(text),
            "build_time_vars = {\n    'CFLAGS': '-fwrapv -DNDEBUG -O2 -Wall',\n    \
             'OPT': '-O3 -ggdb -gsplit-dwarf',\n    'X': 'a -g b',\n    \
             'CONFIGURE_CFLAGS_NODIST': '-g -O2 ',\n    \
             'LDSHARED': 'gcc -shared -fwrapv -O2    ',\n}\n"
        );
    }

    #[test]
    fn an_interpreter_has_one_place() {
        assert_eq!(library("3.14.2").unwrap(), "/usr/lib/python3.14");
        assert_eq!(tag("3.14.2"), "cpython-314");
    }
}
