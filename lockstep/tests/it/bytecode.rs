//! Bytecode of an output: PEP 552's unchecked kind, of every module and of nothing else, the same
//! wherever it was made.

use std::path::Path;

use base::sys::files::sorted_entries;
use serde_json::Value;

use crate::cli::{self, Small, end};

/// A module, a package, what is no Python, and a line of foreign code that every interpreter with
/// this `site-packages` would run.
const ACT: &str = r#"
def act():
    return {
        "small.py": "def where():\n    return where.__code__.co_filename\n",
        "package/__init__.py": "NAMES = {'a', 'b', 'c', 'd', 'e', 'f'} | {str, int}\n",
        "package/template.py": "{{ not python at all }}\n",
        "small.pth": "import os; os.environ['FOREIGN'] = '1'; import package\n",
    }
"#;

const SITE_PACKAGES: &str = "lib/python3.14/site-packages";

fn built(policy: &str) -> (Small, Value) {
    let small = Small::new(ACT);
    small.replace("recipes/small.toml", "[source]", &format!("bytecode = \"{policy}\"\n[source]"));
    let report = small.build().json();
    (small, report)
}

/// Every `.pyc` below a directory, by its path.
fn compiled(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in sorted_entries(dir).unwrap() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            compiled(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "pyc") {
            found.push((path.to_str().unwrap().to_owned(), fs_err::read(&path).unwrap()));
        }
    }
}

#[test]
fn every_module_is_compiled_without_a_time() {
    let (small, report) = built("unchecked-hash");
    let output = Path::new(report["output"].as_str().unwrap());
    let mut all = Vec::new();
    compiled(&output.join("lib"), &mut all);
    let site_packages = output.join(SITE_PACKAGES);
    let below = |path: &str| path.strip_prefix(site_packages.to_str().unwrap()).unwrap().to_owned();
    let names: Vec<String> = all.iter().map(|(path, _)| below(path)).collect();
    assert_eq!(
        names,
        ["/__pycache__/small.cpython-314.pyc", "/package/__pycache__/__init__.cpython-314.pyc"]
    );
    for (path, bytes) in &all {
        // PEP 552: bit 0 is a hash instead of a time, bit 1 that the source is looked at.
        assert_eq!(bytes[4..8], [1, 0, 0, 0], "{path}");
        // The name for tracebacks. The interpreter mends a wrong one, so only the bytes tell.
        let source = format!("/opt/small/{SITE_PACKAGES}/");
        let mut windows = bytes.windows(source.len());
        assert!(windows.any(|window| window == source.as_bytes()), "{path}");
    }
    // The interpreter uses it.
    let script = "import small; print(small.where(), small.__cached__)";
    let ran = end(&mut small.builder(&["--quiet", "run", "small", "--", "python", "-c", script]));
    let module = format!("/opt/small/{SITE_PACKAGES}/small.py");
    let cached = format!("/opt/small/{SITE_PACKAGES}{}", names[0]);
    assert_eq!(ran.good(), format!("{module} {cached}\n"));
    let manifest = output.with_file_name("manifest.json");
    let manifest: Value = serde_json::from_slice(&fs_err::read(manifest).unwrap()).unwrap();
    // In another place it is the same, and without bytecode the same but for it: RECORD and
    // manifest name what the wheel has.
    let (other, again) = built("unchecked-hash");
    assert_ne!(other.cache, small.cache);
    assert_eq!(again["output-hash"], report["output-hash"]);
    let (_plain, without) = built("none");
    let plain = Path::new(without["output"].as_str().unwrap());
    for (path, _) in all {
        fs_err::remove_file(path).unwrap();
    }
    for dir in ["__pycache__", "package/__pycache__"] {
        fs_err::remove_dir(site_packages.join(dir)).unwrap();
    }
    let hash = |path: &Path| base::nar::hash_path(path).unwrap();
    assert_eq!(hash(output), hash(plain));
    let text = fs_err::read(plain.with_file_name("manifest.json")).unwrap();
    let of_plain: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(manifest["distributions"], of_plain["distributions"]);
    assert!(!cli::installed(&again, "small-1.0.dist-info/RECORD").contains("pyc"));
}
