//! Locks that real uv wrote, against themselves in another form, and with one thing edited.

use std::path::Path;

use base::sys::files::sorted_entries;
use fs_err as fs;
use proptest::prelude::*;

use super::*;

/// The locks of `lockstep/tests/locks`, which real uv wrote: name, lock, project. Those without a
/// `world.toml` were written by hand.
fn real_locks() -> Vec<(String, String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lockstep/tests/locks");
    let mut found = Vec::new();
    for entry in sorted_entries(&dir).unwrap() {
        let read = |name: &str| fs::read_to_string(entry.path().join(name)).ok();
        if read("world.toml").is_none() {
            continue;
        }
        if let (Some(lock), Some(project)) = (read("uv.lock"), read("pyproject.toml")) {
            found.push((entry.file_name().to_string_lossy().into_owned(), lock, project));
        }
    }
    assert!(found.len() > 20, "only {} locks", found.len());
    found
}

fn compared(base: &Tree, head: &Tree) -> (LockChange, Vec<Finding>) {
    let policy = Policy::default();
    let today = "2026-11-28".parse().unwrap();
    let known = known_origins(base, &["uv.lock"]);
    let context = Context { base, head, policy: &policy, today, known: known.as_ref() };
    let (change, found) = compare("uv.lock", context).unwrap();
    (change.unwrap(), found)
}

/// The files of a project and its members.
fn tree(name: &str, lock: &str, project: &str) -> Tree {
    let mut texts = vec![("uv.lock".to_owned(), lock.to_owned())];
    texts.push(("pyproject.toml".to_owned(), project.to_owned()));
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lockstep/tests/locks").join(name);
    for package in &Lock::parse(lock).unwrap().packages {
        let Some(local) = package.source.local_path().and_then(|it| joined("", it)) else {
            continue;
        };
        let file = if local.is_empty() { continue } else { format!("{local}/pyproject.toml") };
        if let Ok(text) = fs::read_to_string(dir.join(&file)) {
            texts.push((file, text));
        }
    }
    Tree::of_texts(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())))
}

#[test]
fn what_real_uv_wrote_is_what_uv_would_write() {
    let rules = ["lock-", "file-name", "hash-", "host-"];
    for (name, lock, project) in real_locks() {
        let (_, found) = compared(&Tree::default(), &tree(&name, &lock, &project));
        let wrong = found.iter().filter(|it| rules.iter().any(|rule| it.rule.id.starts_with(rule)));
        let wrong: Vec<String> =
            wrong.map(|it| format!("{}: {}", it.message, it.detail.join("; "))).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
}

fn shuffle(value: &mut toml::Value, next: &mut dyn FnMut() -> u64, old: bool) {
    match value {
        toml::Value::Array(list) => {
            for at in (1..list.len()).rev() {
                list.swap(at, usize::try_from(next() % (at as u64 + 1)).unwrap());
            }
            for it in list {
                shuffle(it, next, old);
            }
        }
        toml::Value::Table(table) => {
            if old {
                table.remove("upload-time");
            }
            for (_, it) in table {
                shuffle(it, next, old);
            }
        }
        _ => {}
    }
}

/// Writes a lock again: packages, files, dependencies and keys in another order, another revision,
/// without what old revisions do not have.
fn rewritten(text: &str, seed: u64, old_revision: bool) -> String {
    let mut table: Table = toml::from_str(text).unwrap();
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for (_, value) in &mut table {
        shuffle(value, &mut next, old_revision);
    }
    if old_revision {
        table.insert("revision".to_owned(), toml::Value::Integer(1));
    }
    toml::to_string(&table).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn form_alone_is_no_change(seed in any::<u64>(), old in any::<bool>()) {
        let locks = real_locks();
        let at = usize::try_from(seed % locks.len() as u64).unwrap();
        let (name, lock, project) = &locks[at];
        let again = rewritten(lock, seed, old);
        let (change, found) = compared(&tree(name, lock, project), &tree(name, &again, project));
        let messages: Vec<&String> = found.iter().map(|it| &it.message).collect();
        prop_assert!(messages.is_empty(), "{}: {:?}", name, messages);
        prop_assert!(change.form_only, "{}: {:?}", name, change);
    }
}
