//! Which uv works: the pinned one, whatever is on `PATH`, from whatever index is configured.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::vocabulary::Problem;
use base::vocabulary::progress::Silent;
use builder::toolchain::uv::{OTHER_UV, UV_VERSION, Uv, provide_uv};
use fs_err as fs;

use crate::cli::{builder, end, own_cache, scratch, shared_cache, workspace};

fn provided(environment: &Environment, cache: &Path) -> Result<Uv, Problem> {
    provide_uv(&Host { environment, cache: &cache.to_owned(), progress: &Silent })
}

/// Writes an executable script.
fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A shim of pyenv, as it is where pyenv knows of no uv.
const SHIM: &str = "#!/bin/sh\necho 'pyenv: uv: command not found' >&2\nexit 127\n";

/// An index on the disk that has the wheel of uv and nothing else.
fn index(dir: &Path) -> String {
    let cache = shared_cache();
    provided(&Environment::capture(), &cache).unwrap();
    let project = dir.join("simple/uv");
    fs::create_dir_all(&project).unwrap();
    let mut page = String::new();
    for entry in sorted_entries(&cache.join("files")).unwrap() {
        for file in sorted_entries(&entry.path()).into_iter().flatten() {
            let name = file.file_name().into_string().unwrap();
            if name.starts_with(&format!("uv-{UV_VERSION}-")) {
                page.push_str(&format!("<a href='{name}'>{name}</a>\n"));
                symlink(file.path(), project.join(name)).unwrap();
            }
        }
    }
    fs::write(project.join("index.html"), page).unwrap();
    format!("file://{}/simple", dir.display())
}

#[test]
fn the_pinned_uv_comes_from_the_index_that_is_configured_or_known() {
    let dir = scratch();
    let index = index(dir.path());
    let path = |name: &str, files: &[(&str, &str)]| {
        let dir = dir.path().join(name);
        for (file, text) in files {
            script(&dir, file, text);
        }
        fs::create_dir_all(&dir).unwrap();
        dir.display().to_string()
    };
    let pip = format!("#!/bin/sh\necho '  -i URL  Base URL (default'\necho '  {index}). It'\n");
    let other = "#!/bin/sh\necho 'uv 0.1.0'\n";
    let no_files = [("XDG_CONFIG_HOME", "/nowhere"), ("XDG_CONFIG_DIRS", "/nowhere")];
    let named = ("UV_DEFAULT_INDEX", index.as_str());
    let conf = dir.path().join("pip.conf");
    fs::write(&conf, format!("[global]\nindex-url = {index}\n")).unwrap();
    let conf = ("PIP_CONFIG_FILE", conf.to_str().unwrap());
    for (name, files, more) in [
        ("nothing on the path", &[][..], &[named][..]),
        ("a shim", &[("uv", SHIM)], &[named]),
        ("another uv", &[("uv", other)], &[named]),
        ("pip's file", &[("uv", SHIM)], &[conf]),
        ("pip's default", &[("uv", SHIM), ("python3", &pip)], &[]),
        ("uv's default", &[("uv", &pip)], &[]),
    ] {
        let place = path(name, files);
        let variables = [("PATH", place.as_str())];
        let environment = Environment::of(variables.iter().chain(&no_files).chain(more).copied());
        let cache = dir.path().join("cache").join(name);
        let uv = provided(&environment, &cache).unwrap_or_else(|it| panic!("{name}: {it}"));
        assert!(uv.path.starts_with(&cache) && uv.version == UV_VERSION, "{name}: {uv:?}");
        // It stays, and heals.
        let offline = Environment::of([("PATH", "/nowhere")]);
        assert_eq!(provided(&offline, &cache).unwrap(), uv, "{name}");
        fs::set_permissions(&uv.path, std::fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(&uv.path, "#!/bin/sh\n").unwrap();
        assert_eq!(provided(&environment, &cache).unwrap(), uv, "{name}");
    }
    let shim = path("only a shim", &[("uv", SHIM)]);
    let nobody = Environment::of([("PATH", shim.as_str())].iter().chain(&no_files).copied());
    let problem = provided(&nobody, &dir.path().join("cache/none")).unwrap_err();
    assert!(problem.to_string().contains("only a shim/uv"), "{problem}");
    assert!(problem.hint.unwrap().contains("UV_DEFAULT_INDEX"));
}

#[test]
fn another_uv_is_used_only_where_it_runs() {
    let dir = scratch();
    let cache = own_cache(dir.path());
    let path = format!("{}:{}", dir.path().display(), std::env!("PATH"));
    script(dir.path(), "uv", SHIM);
    let shell = |uv: &[&str]| {
        let mut command = builder(workspace(), &cache);
        command.env("PATH", &path).args(uv).args(["--quiet", "shell", "sample", "--", "uv", "-V"]);
        end(&mut command)
    };
    // Whatever is first on `PATH`.
    let printed = shell(&[]).good();
    assert!(printed.starts_with(&format!("uv {UV_VERSION}")), "{printed}");
    // The interpreter of this one is on the host alone.
    let interpreter = dir.path().join("sh");
    symlink("/bin/sh", &interpreter).unwrap();
    let text = format!("#!{}\necho 'uv 9.9.9 (here)'\n", interpreter.display());
    let foreign = script(&dir.path().join("foreign"), "uv", &text);
    let foreign = foreign.to_str().unwrap();
    shell(&["--uv", foreign]).bad(1, &["does not run in the toolchain", "leave out `--uv`"]);
    // Tried before a backend is asked.
    let mut build = builder(workspace(), &cache);
    build.env(OTHER_UV, foreign).args(["build-lock", "sample"]);
    end(&mut build).bad(1, &["does not run in the toolchain"]);
    let shim = dir.path().join("uv");
    shell(&["--uv", shim.to_str().unwrap()]).bad(2, &["cannot use", "not a shim"]);
    // One that runs there is used.
    let own = script(&dir.path().join("own"), "uv", "#!/bin/sh\necho 'uv 9.9.9 (mine)'\n");
    let printed = shell(&["--uv", own.to_str().unwrap()]).good();
    assert_eq!(printed.trim(), "uv 9.9.9 (mine)");
}
