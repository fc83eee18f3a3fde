//! The naive pair: what two people get who run `uv sync --frozen` on one lock, each in a directory
//! of their own. Everything else is the same for both: the root with its interpreter and compilers,
//! the host, the place of the venv. It is made once, as that takes minutes.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use xshell::{Shell, cmd};

/// Where the project and uv's cache are for each of them, as they see it.
const SIDES: [(&str, &str); 2] = [("a", "/one"), ("b", "/two/deeper")];

/// The pair's two venvs; `skipped` are distributions that uv is spared.
pub(super) fn made(
    shell: &Shell,
    builder: &Path,
    recipe: &str,
    project: &Path,
    skipped: &[String],
    pair: &Path,
) -> anyhow::Result<[PathBuf; 2]> {
    for (side, inside) in SIDES {
        let finished = pair.join(side);
        if shell.path_exists(&finished) {
            continue;
        }
        // It gets its name when it is whole: a killed run leaves nothing that the next one trusts.
        let unfinished = pair.join(format!("{side}-unfinished"));
        shell.remove_path(&unfinished)?;
        shell.create_dir(unfinished.join("here"))?;
        shell.create_dir(unfinished.join("out"))?;
        let copy = unfinished.join("here/project");
        cmd!(shell, "cp -r {project} {copy}").quiet().run()?;
        synced(shell, builder, recipe, skipped, &unfinished, inside)
            .with_context(|| format!("cannot make the naive pair in `{}`", pair.display()))?;
        std::fs::rename(&unfinished, &finished)?;
    }
    Ok(SIDES.map(|(side, _)| pair.join(side).join("out/venv")))
}

fn synced(
    shell: &Shell,
    builder: &Path,
    recipe: &str,
    skipped: &[String],
    side: &Path,
    inside: &str,
) -> anyhow::Result<()> {
    let root = crate::root();
    let skipped = skipped.iter().map(|name| format!("--no-install-package={name}"));
    cmd!(shell, "{builder} --root {root} --quiet shell {recipe} --network")
        .args(["--env".to_owned(), format!("UV_CACHE_DIR={inside}/cache")])
        .args(["--env", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"])
        .args(["--env", "UV_PROJECT_ENVIRONMENT=/out/venv"])
        .args(["--bind".to_owned(), format!("{}:{inside}", side.join("here").display())])
        .args(["--bind".to_owned(), format!("{}:/out", side.join("out").display())])
        .args(["--", "uv", "sync", "--frozen", "--no-dev", "--no-editable", "--quiet"])
        .args(["--project".to_owned(), format!("{inside}/project")])
        .args(skipped)
        .run()?;
    Ok(())
}
