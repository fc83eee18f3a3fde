//! Passwords of URLs and signatures in them are used, and told nobody.

use std::path::{Path, PathBuf};

use base::sys::files::sorted_entries;
use base::vocabulary::Sha256;

use crate::cli::{PLAIN, Small, end};
use crate::server::{Reply, Server};
use crate::wheels_fixture::Wheel;

/// Serves bytes to whoever has the signature; gives the URL with a password, and the digest.
fn serve(server: &Server, name: &str, bytes: Vec<u8>) -> (String, Sha256) {
    let digest = Sha256::of(&bytes);
    let url = server.set(&format!("/{name}?sig=hunter2"), Reply::File(bytes));
    (url.replace("//", "//me:hunter2@"), digest)
}

/// The project in a directory as a source distribution.
fn sdist(project: &Path) -> Vec<u8> {
    let zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(zipped);
    tar.append_dir_all("other-1.0", project).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

fn texts(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in sorted_entries(dir).unwrap() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            texts(&path, found);
        } else {
            found.push((path.clone(), fs_err::read_to_string(&path).unwrap()));
        }
    }
}

/// One wheel comes from a URL of the lock, and one source from a URL of the recipe.
#[test]
fn what_is_written_of_a_build_has_no_passwords() {
    let server = Server::start();
    let small = Small::new(PLAIN);
    small.add_other("def act():\n    return {\"other.py\": \"\"}\n");
    let (archive, digest) = serve(&server, "other-1.0.tar.gz", sdist(&small.path("app/other")));
    let source = format!("source = {{ url = \"{archive}\", sha256 = \"{digest}\" }}");
    small.append("recipes/small.toml", &format!("[override.other]\n{source}\n"));
    let pure = Wheel::new("pure", "1.0").file("pure.py", "").write(small.dir.path());
    let (wheel, digest) = serve(&server, "pure-1.0-py3-none-any.whl", fs_err::read(pure).unwrap());
    let package = format!(
        "dependencies = [{{ name = \"pure\" }}]\n\n[[package]]\nname = \"pure\"\n\
         version = \"1.0\"\n\
         source = {{ url = \"{wheel}\" }}\n\
         wheels = [{{ url = \"{wheel}\", hash = \"sha256:{digest}\" }}]\n"
    );
    small.append("app/uv.lock", &package);
    let run = |words: &[&str]| end(small.builder(words).env("no_proxy", "127.0.0.1"));
    run(&["build-lock", "small"]).good();
    let ended = run(&["--json", "build", "small"]);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    let report = ended.json();
    let beside = Path::new(report["output"].as_str().unwrap()).parent().unwrap().to_owned();
    let mut found = vec![("the report".into(), report.to_string())];
    texts(&beside.join("review"), &mut found);
    for name in ["manifest.json", "provenance.json"] {
        found.push((name.into(), fs_err::read_to_string(beside.join(name)).unwrap()));
    }
    for (path, text) in &found {
        assert!(!text.contains("hunter2"), "{}: {text}", path.display());
    }
    let shown = |url: &str| url.replace("me:hunter2", "****").replace("sig=hunter2", "****");
    for url in [&archive, &wheel] {
        let told = found.iter().filter(|(_, text)| text.contains(&shown(url))).count();
        assert!(told >= 2, "{}", shown(url));
    }
}
