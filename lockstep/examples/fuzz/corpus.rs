//! What is mutated: the repository's own cases.

use std::path::{Path, PathBuf};

use base::sys::files::sorted_entries;

use crate::targets::{Corpus, Target};

/// The corpus of a target; never empty.
pub(crate) fn of(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let corpus = match target.corpus {
        Corpus::Texts(texts) => texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        Corpus::Files { below, ends } => {
            let mut files = Vec::new();
            for place in below {
                collect(&root.join(place), ends, &mut files);
            }
            files.iter().filter_map(|path| fs_err::read(path).ok()).collect()
        }
        Corpus::Pairs(kind) => pairs(&root.join("golden/explain"), kind),
        Corpus::Made(make) => make(),
    };
    let small: Vec<Vec<u8>> = corpus.into_iter().filter(|it| it.len() <= 256 << 10).collect();
    assert!(!small.is_empty(), "`{}` has no corpus", target.name);
    small
}

fn collect(place: &Path, ends: &str, files: &mut Vec<PathBuf>) {
    for entry in sorted_entries(place).unwrap_or_default() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, ends, files);
        } else if path.to_string_lossy().ends_with(ends) {
            files.push(path);
        }
    }
}

/// Both files of each golden pair whose name begins so, as one text: the length of the first in
/// eight bytes, then the first, then the second.
fn pairs(golden: &Path, kind: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in sorted_entries(golden).unwrap_or_default() {
        if !entry.file_name().to_string_lossy().starts_with(kind) {
            continue;
        }
        let mut files = Vec::new();
        collect(&entry.path().join("a"), "", &mut files);
        for a in files {
            let below = a.strip_prefix(entry.path().join("a")).expect("it was found there");
            let b = entry.path().join("b").join(below);
            if let (Ok(a), Ok(b)) = (fs_err::read(&a), fs_err::read(&b)) {
                found.push([&(a.len() as u64).to_le_bytes(), &a[..], &b[..]].concat());
            }
        }
    }
    found
}
