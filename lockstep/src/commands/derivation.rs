//! What a builder of a Nix derivation is told (Nix's manual, "Derivations", "Advanced attributes"):
//! where its output goes, where it may work, how many processors are its own. With structured
//! attributes (`__structuredAttrs`) that is in a JSON file instead of in variables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::Value;

use base::sys::env::Environment;
use base::sys::files::{copy_file, copy_tree, is_absent};
use base::vocabulary::{Problem, Progress};

/// The derivation whose builder this process is.
#[derive(Debug)]
pub(crate) struct Derivation {
    /// The output `out`.
    pub(crate) out: PathBuf,
    /// A directory of this build alone.
    pub(crate) top: PathBuf,
    /// How many processors are to be used; `None` is all.
    pub(crate) cores: Option<usize>,
    /// The paths of `exportReferencesGraph.closure`: what the interpreter needs.
    pub(crate) closure: Vec<PathBuf>,
}

/// The attribute and the file that list what the interpreter needs.
const CLOSURE: &str = "closure";

/// What Nix calls the file of structured attributes; the variable names it since Nix 2.4.
const ATTRIBUTES: &str = ".attrs.json";

impl Derivation {
    /// Reads what Nix says to its builder, and returns the environment with it: structured
    /// attributes that are texts count as variables, and the certificates that Nix names are used.
    ///
    /// # Errors
    /// This process is not the builder of a derivation, or Nix's files cannot be read.
    pub(crate) fn read(environment: Environment) -> Result<(Self, Environment), Problem> {
        let not_nix = |missing: &str| {
            Problem::usage("`--nix` is for the builder of a Nix derivation")
                .fact("missing", missing)
                .hint("`nix/` has the derivations; without `--nix` this is an ordinary run")
        };
        let top = environment.get("NIX_BUILD_TOP").map(PathBuf::from);
        let top = top.ok_or_else(|| not_nix("the variable `NIX_BUILD_TOP`"))?;
        let attributes = attributes(&environment, &top)?;
        let environment = with(environment, &attributes);
        let structured = attributes.get("outputs").and_then(|it| it["out"].as_str());
        let out = structured.or_else(|| environment.get("out")).map(PathBuf::from);
        let out = out.ok_or_else(|| not_nix("the output `out`"))?;
        let cores = environment.get("NIX_BUILD_CORES").and_then(|it| it.parse().ok());
        let cores = cores.filter(|cores| *cores != 0);
        let closure = closure(&attributes, &top)?;
        Ok((Self { out, top, cores, closure }, environment))
    }

    /// The cache of this build.
    pub(crate) fn cache(&self) -> PathBuf {
        self.top.join("lockstep-cache")
    }

    /// Copies a finished file or tree to the output.
    pub(crate) fn put(&self, path: &Path) -> Result<(), Problem> {
        let copied = match fs::symlink_metadata(path) {
            Ok(found) if found.is_dir() => copy_tree(path, &self.out, &|_| false),
            Ok(_) => copy_file(path, &self.out),
            Err(error) => Err(error),
        };
        copied.map_err(|error| {
            Problem::new(format!("cannot write the output `{}`", self.out.display())).cause(error)
        })
    }
}

/// Tells when the certificates that the caller of Nix named cannot be seen by the builder.
pub(crate) fn warn_certificates(environment: &Environment, progress: &dyn Progress) {
    let named = || ["SSL_CERT_FILE", "NIX_SSL_CERT_FILE"].into_iter();
    let file = |name: &str| environment.get(name).map(str::to_owned);
    if named().filter_map(file).any(|it| Path::new(&it).exists()) {
        return;
    }
    if let Some((name, file)) = named().find_map(|name| Some((name, file(name)?))) {
        progress.warn(&format!(
            "`{name}` names `{file}`, which a builder does not see; give `mkApplication` a \
             `caBundle`, or allow the file with Nix's `extra-sandbox-paths`"
        ));
    }
}

/// The structured attributes; none if there is no file of them.
fn attributes(environment: &Environment, top: &Path) -> Result<BTreeMap<String, Value>, Problem> {
    let named = environment.get("NIX_ATTRS_JSON_FILE").map(PathBuf::from);
    let file = named.unwrap_or_else(|| top.join(ATTRIBUTES));
    let failed = || Problem::new(format!("cannot read `{}`", file.display()));
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed().cause(error)),
    };
    serde_json::from_str(&text).map_err(|error| failed().cause(error))
}

/// Texts among the attributes, and in `env`, as variables; and the certificates of Nix as those of
/// OpenSSL's variable, which everything of ours reads.
fn with(environment: Environment, attributes: &BTreeMap<String, Value>) -> Environment {
    let nested = attributes.get("env").and_then(Value::as_object);
    let nested = nested.into_iter().flatten();
    let texts = attributes.iter().chain(nested);
    let environment = texts.fold(environment, |environment, (name, value)| match value.as_str() {
        Some(text) if environment.get(name).is_none() => environment.with(name, text),
        _ => environment,
    });
    let seen = |name: &str| environment.get(name).filter(|it| Path::new(it).exists());
    match (seen("SSL_CERT_FILE"), seen("NIX_SSL_CERT_FILE").map(str::to_owned)) {
        (None, Some(file)) => environment.with("SSL_CERT_FILE", &file),
        _ => environment,
    }
}

/// The paths of the closure: of the attribute, else of the file that Nix writes without structured
/// attributes, in which lines that are no path are hashes and numbers.
fn closure(attributes: &BTreeMap<String, Value>, top: &Path) -> Result<Vec<PathBuf>, Problem> {
    if let Some(Value::Array(paths)) = attributes.get(CLOSURE) {
        let paths = paths.iter().filter_map(|it| it["path"].as_str());
        return Ok(paths.map(PathBuf::from).collect());
    }
    let file = top.join(CLOSURE);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => {
            let problem = Problem::new(format!("cannot read `{}`", file.display()));
            return Err(problem.cause(error));
        }
    };
    let mut paths: Vec<PathBuf> =
        text.lines().filter(|line| line.starts_with('/')).map(PathBuf::from).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}
