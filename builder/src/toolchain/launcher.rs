//! Makes the interpreter of a root that lies in Nix's store run from there, without a sandbox: a
//! directory whose `bin/pythonX.Y` starts the root's interpreter with the root's own linker and
//! libraries, and whose `lib` and `include` are those of the root. CPython finds its prefix by what
//! is beside the program's name, so that directory is `sys.base_prefix` of each venv.

use std::os::unix::fs::symlink;
use std::path::Path;

use fs_err as fs;

use super::debian::succeed;
use base::sys::sandbox::{RootFs, Sandbox};
use base::vocabulary::Problem;

const SOURCE: &str = include_str!("launcher.c");

/// Where it is compiled, inside.
const AT: &str = "/build/launcher";

/// The linker of each machine, as its ABI has it, and the directory of Debian's libraries.
const LINKERS: [(&str, &str, &str); 2] = [
    ("x86_64", "lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
    ("aarch64", "lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
];

/// Makes `out` of the interpreter `python` (such as `python3.14`) of `root`. The compiler is the
/// root's own and runs in the sandbox, with `work` to write to.
///
/// # Errors
/// The root has no such interpreter, linker or compiler.
pub fn make_interpreter(root: &Path, python: &str, out: &Path, work: &Path) -> Result<(), Problem> {
    let failed = |error| Problem::new("cannot make an interpreter of a root").cause(error);
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    let found =
        LINKERS.iter().find(|(name, linker, _)| *name == machine && root.join(linker).exists());
    let program = root.join("usr/bin").join(python);
    let Some((_, linker, triplet)) = found.filter(|_| program.exists()) else {
        return Err(Problem::usage("this root has no such interpreter, or no dynamic linker")
            .fact("root", root.display())
            .fact("interpreter", program.display())
            .hint("name a root of unpacked Debian packages of this machine's kind"));
    };
    let libraries = [format!("usr/lib/{triplet}"), "usr/lib".to_owned()];
    let libraries = libraries.map(|it| root.join(it).to_string_lossy().into_owned()).join(":");
    fs::create_dir_all(work).map_err(failed)?;
    fs::write(work.join("launcher.c"), SOURCE).map_err(failed)?;
    let define = |name: &str, value: &str| format!("-D{name}={value:?}");
    let words = [
        "-static".to_owned(),
        "-O1".to_owned(),
        "-s".to_owned(),
        "-Wl,--build-id=none".to_owned(),
        define("LINKER", &root.join(linker).to_string_lossy()),
        define("LIBRARIES", &libraries),
        define("PROGRAM", &program.to_string_lossy()),
        "-o".to_owned(),
        format!("{AT}/{python}"),
        format!("{AT}/launcher.c"),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let sandbox = Sandbox::new(RootFs::Dir(root.to_owned())).bind_rw(work, AT);
    succeed(&sandbox, "gcc", &words)?;
    let put = || -> std::io::Result<()> {
        fs::create_dir_all(out.join("bin"))?;
        base::sys::files::copy_file(&work.join(python), &out.join("bin").join(python))?;
        for name in ["lib", "include"] {
            symlink(root.join("usr").join(name), out.join(name))?;
        }
        Ok(())
    };
    put().map_err(failed)
}
