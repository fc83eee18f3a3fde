//! The check `inputs`: rounds can be compared only if they had the same toolchain, uv and source.
//! With `--refetch` each round makes its own toolchain, from a suite that can change in between,
//! and a user can edit a local source. Differences are then not the build's fault.

use std::path::Path;

use base::vocabulary::{Outcome, Problem};
use fs_err as fs;
use serde_json::Value;

use crate::check::Check;
use crate::rounds::Finished;

/// The parts of a provenance that say what went in.
const INPUTS: [&str; 4] = ["source", "toolchain", "python", "uv"];

/// Compares the inputs of the rounds.
///
/// # Errors
/// The provenance of a round cannot be read.
pub(crate) fn check(finished: &[Finished]) -> Result<Check, Problem> {
    let all = finished.iter().map(|it| provenance(&it.published));
    Ok(judge(&all.collect::<Result<Vec<Value>, Problem>>()?))
}

fn judge(all: &[Value]) -> Check {
    let differ = |name: &&str| all.iter().any(|it| it[name] != all[0][name]);
    let mut detail: Vec<String> =
        INPUTS.into_iter().filter(differ).map(|name| format!("another {name}")).collect();
    let mut outcome = Outcome::Good;
    if !detail.is_empty() {
        outcome = Outcome::Undecided;
        detail.push("hint: run it again, while nothing of it changes".to_owned());
    }
    Check { name: "inputs", outcome, detail }
}

fn provenance(published: &Path) -> Result<Value, Problem> {
    let path = published.join("provenance.json");
    let problem = || Problem::new("cannot read what a round was made of");
    let text = fs::read(path).map_err(|error| problem().cause(error))?;
    let read: Value = serde_json::from_slice(&text).map_err(|error| problem().cause(error))?;
    match INPUTS.into_iter().find(|name| read.get(*name).is_none()) {
        None => Ok(read),
        Some(name) => Err(problem().fact("lacks", name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(of: &[(&str, &str)]) -> Value {
        let mut made = json!({ "source": "s", "toolchain": { "fingerprint": "t" },
            "python": { "version": "3.14.0" }, "uv": { "version": "1" }, "built": {} });
        for (key, value) in of {
            made[*key] = json!({ "is": value });
        }
        made
    }

    #[test]
    fn rounds_of_other_inputs_decide_nothing() {
        for (other, expected) in [
            (&[][..], &[][..]),
            // What came of it is compared elsewhere.
            (&[("built", "x")], &[]),
            (&[("toolchain", "x")], &["another toolchain"]),
            (&[("source", "x"), ("uv", "x")], &["another source", "another uv"]),
        ] {
            let check = judge(&[made(&[]), made(other)]);
            assert_eq!(check.outcome == Outcome::Good, expected.is_empty(), "{other:?}");
            let named = check.detail.iter().filter(|line| !line.starts_with("hint: "));
            assert!(named.eq(expected), "{:?}", check.detail);
        }
        let lacks = tempfile::tempdir().unwrap();
        assert!(provenance(lacks.path()).is_err());
        fs::write(lacks.path().join("provenance.json"), "{}").unwrap();
        assert!(provenance(lacks.path()).is_err());
    }
}
