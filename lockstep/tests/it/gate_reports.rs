//! Reports of `gate`, by validators of others: JSON by its own schema (`jsonschema` from the
//! package index, through the real uv).

use std::path::Path;

use fs_err as fs;

use crate::cli::{command, end, scratch};
use crate::export::uv;
use crate::gate::reports_of;

const VALIDATE: &str = "
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
for path in sys.argv[2:]:
    for error in Draft202012Validator(schema).iter_errors(json.load(open(path))):
        sys.exit(f'{path}: {error.json_path}: {error.message}')
";

#[test]
fn json_follows_its_schema() {
    let dir = scratch();
    let cases = ["patch", "re-upload", "recipe-builds-more", "another-commit", "hostile-names"];
    let cases = [&cases[..], &["requires-python", "removed", "merge-conflict", "nothing"]].concat();
    let mut files = Vec::new();
    for name in cases {
        let file = dir.path().join(format!("{name}.json"));
        fs::write(&file, reports_of(name)).unwrap();
        files.push(file);
    }
    // One that is wrong must be found wrong.
    let wrong = dir.path().join("wrong.json");
    fs::write(&wrong, reports_of("patch").replace("\"patch\"", "\"patched\"")).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/gate.schema.json");
    let validate = |files: &[std::path::PathBuf]| {
        let mut run = command(uv());
        run.env("UV_CACHE_DIR", dir.path().join("uv")).current_dir(dir.path());
        run.args(["run", "--quiet", "--no-project", "--no-config", "--with", "jsonschema==4.25.1"]);
        run.args(["python", "-c", VALIDATE]).arg(&schema).args(files);
        end(&mut run)
    };
    validate(&files).good();
    validate(&[wrong]).bad(1, &["wrong.json: $.locks[0].packages[0].kind"]);
}
