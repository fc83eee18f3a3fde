//! The lock file. Its content is foreign until each word was checked against its grammar: a pool
//! path becomes a URL and a file name, a package name becomes an argument.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LockedPackage, LockedToolchain, LockedUv, ToolchainLock};
use base::recipe::Provider;
use base::vocabulary::{Problem, Sha256, shortened};

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LockWire {
    version: u32,
    #[serde(default)]
    target: BTreeMap<String, TargetWire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TargetWire {
    provider: Provider,
    suite: String,
    architecture: String,
    wanted: Vec<String>,
    uv: LockedUv,
    packages: Vec<PackageWire>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageWire {
    name: String,
    version: String,
    architecture: String,
    sha256: Sha256,
    size: u64,
    path: String,
}

pub(super) fn parse(path: &str, text: &str) -> Result<ToolchainLock, Problem> {
    let unread = || {
        Problem::new(format!("cannot read the toolchain lock `{path}`"))
            .hint("`lockstep toolchain-lock` writes it again")
    };
    let wire: LockWire = toml::from_str(text)
        .map_err(|error| unread().fact("because", error.to_string().trim_end()))?;
    if wire.version != VERSION {
        return Err(unread().fact("its version", wire.version).fact("understood", VERSION));
    }
    let target = |(name, wire)| match locked(wire) {
        Ok(locked) => Ok((name, locked)),
        Err(because) => Err(unread().fact("target", &name).fact("because", because)),
    };
    let targets = wire.target.into_iter().map(target).collect::<Result<_, Problem>>()?;
    Ok(ToolchainLock { targets })
}

fn locked(wire: TargetWire) -> Result<LockedToolchain, String> {
    let TargetWire { provider, suite, architecture, wanted, uv, packages } = wire;
    if provider != Provider::Debian {
        return Err("only packages of Debian can be locked".to_owned());
    }
    held("suite", &suite, is_word)?;
    held("architecture", &architecture, is_word)?;
    held("uv", &uv.version, is_word)?;
    held("uv", &uv.file, is_file_name)?;
    wanted.iter().try_for_each(|name| held("wanted", name, is_name))?;
    let mut packages: Vec<LockedPackage> =
        packages.into_iter().map(package).collect::<Result<_, String>>()?;
    packages.sort();
    let same = packages.windows(2).find(|pair| pair[0].package.name == pair[1].package.name);
    if let Some(pair) = same {
        return Err(format!("`{}` is locked twice", pair[0].package.name));
    }
    let wanted = wanted.into_iter().collect();
    Ok(LockedToolchain { provider, suite, architecture, wanted, uv, packages })
}

fn package(wire: PackageWire) -> Result<LockedPackage, String> {
    let PackageWire { name, version, architecture, sha256, size, path } = wire;
    held("name", &name, is_name)?;
    held("version", &version, is_version)?;
    held("architecture", &architecture, is_word)?;
    held("path", &path, is_pool_path)?;
    let package = super::SystemPackage { name, version, architecture, sha256 };
    Ok(LockedPackage { package, size, path })
}

fn held(key: &str, value: &str, accepts: impl Fn(&str) -> bool) -> Result<(), String> {
    let valid = value.len() <= 255 && accepts(value);
    if valid { Ok(()) } else { Err(format!("`{}` is no `{key}`", shortened(value))) }
}

fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// Debian policy, 5.6.1 and 5.6.7.
fn is_name(text: &str) -> bool {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| first(c) || matches!(c, '+' | '-' | '.');
    text.starts_with(first) && text.chars().all(rest)
}

/// Debian policy, 5.6.12.
fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '~' | ':');
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(plain)
}

fn is_file_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._+~".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// Whether `text` is a path of an archive below a mirror: it leads out of nothing, and is a URL's
/// path as it is.
pub fn is_pool_path(text: &str) -> bool {
    text.starts_with("pool/") && text.ends_with(".deb") && text.split('/').all(is_file_name)
}

pub(super) fn render(lock: &ToolchainLock) -> String {
    let mut text = format!(
        "# The toolchain of every target: the packages that builds see, and uv.\n\
         # Written by `cargo xtask toolchain-lock`; do not edit.\n\nversion = {VERSION}\n"
    );
    for (target, locked) in &lock.targets {
        text.push('\n');
        text.push_str(&render_target(target, locked));
    }
    text
}

/// One line for each package, so that a difference reads as what changed. Every word has a grammar
/// without quotes.
pub(super) fn render_target(target: &str, locked: &LockedToolchain) -> String {
    let LockedToolchain { provider, suite, architecture, wanted, uv, packages } = locked;
    let provider = match provider {
        Provider::Debian => "debian",
        Provider::Host => "host",
        Provider::Nix => "nix",
    };
    let mut text = format!(
        "[target.{target}]\nprovider = \"{provider}\"\nsuite = \"{suite}\"\n\
         architecture = \"{architecture}\"\nwanted = [\n"
    );
    for name in wanted {
        text.push_str(&format!("    \"{name}\",\n"));
    }
    let LockedUv { version, file, sha256, size } = uv;
    text.push_str(&format!(
        "]\nuv = {{ version = \"{version}\", file = \"{file}\", sha256 = \"{sha256}\", \
         size = {size} }}\npackages = [\n"
    ));
    for LockedPackage { package, size, path } in packages {
        let super::SystemPackage { name, version, architecture, sha256 } = package;
        text.push_str(&format!(
            "    {{ name = \"{name}\", version = \"{version}\", \
             architecture = \"{architecture}\", sha256 = \"{sha256}\", size = {size}, \
             path = \"{path}\" }},\n"
        ));
    }
    text.push_str("]\n");
    text
}
