//! Compiles the bytecode of all installed files.

use base::recipe::BytecodePolicy;
use base::sys::disk;
use base::sys::process::last_lines;
use base::sys::sandbox::{Invocation, OutputTo};
use base::vocabulary::Problem;

use crate::install::output::Output;
use crate::install::venv::Installer;

/// Compiles bytecode (PEP 552, unchecked-hash), in the order of sorted paths and by one process:
/// the bytes of a `.pyc` can depend on what was compiled before it (CPython issue 129724).
pub(super) fn compile(
    policy: BytecodePolicy,
    output: &Output,
    installer: &Installer<'_>,
) -> Result<(), Problem> {
    if policy == BytecodePolicy::None {
        return Ok(());
    }
    let sandbox = installer.sandbox().bind_rw(&output.root, &output.prefix);
    let lib = output.site_packages.split('/').next().unwrap_or("lib");
    let reversed = installer.toolchain.surroundings.reversed_bytecode;
    let order = if reversed { "reversed" } else { "sorted" };
    // The toolchain's interpreter and `-S`: the venv's own would run the `.pth` files in it, which
    // is foreign code, and what that imports would be compiled with a time stamp.
    let invocation = Invocation {
        program: installer.toolchain.python.clone(),
        arguments: ["-S", "-c", COMPILE, &format!("{}/{lib}", output.prefix), order]
            .map(str::to_owned)
            .to_vec(),
        directory: "/".to_owned(),
    };
    let finished = sandbox.run(&invocation, OutputTo::Capture)?;
    if !finished.success() {
        let text = String::from_utf8_lossy(&finished.stderr).into_owned();
        let problem =
            Problem::new("cannot compile bytecode").fact("printed", last_lines(&text, 10));
        return Err(disk::failed_program(problem, &output.root, &text));
    }
    Ok(())
}

/// Compiles every module below a directory, in the order that is named. Wheels ship templates and
/// test data that never were Python, so what does not compile is left; what cannot be read or
/// written is an error.
const COMPILE: &str = "\
import os, py_compile, sys
backwards = sys.argv[2] == 'reversed'
for top, dirs, files in os.walk(sys.argv[1]):
    dirs.sort(reverse=backwards)
    for name in sorted(files, reverse=backwards):
        if name.endswith('.py'):
            try:
                py_compile.compile(
                    os.path.join(top, name), doraise=True, quiet=2,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
            except (py_compile.PyCompileError, SyntaxError, ValueError):
                pass
";
