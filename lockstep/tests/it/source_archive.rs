//! A source that is an archive: its tree is pinned, not its bytes.

use base::nar;
use base::vocabulary::Sha256;
use builder::fetch::fetch_source;
use url::Url;

use crate::fetch::{World, read};
use crate::server::{Reply, Server};

#[test]
fn a_source_archive_is_pinned_by_its_tree() {
    let mut tar =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o4777);
    header.set_size(2);
    tar.append_data(&mut header, "app-1.0/run.sh", &b"hi"[..]).unwrap();
    let archive = tar.into_inner().unwrap().finish().unwrap();
    let server = Server::start();
    let url = Url::parse(&server.set("/app.tar.gz", Reply::File(archive.clone()))).unwrap();
    let world = World::new("https://i.example");
    let expected = world.dir.path().join("expected");
    fs_err::create_dir(&expected).unwrap();
    fs_err::write(expected.join("run.sh"), "hi").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(expected.join("run.sh"), executable).unwrap();
    let hash = nar::hash_path(&expected).unwrap();

    let get = || fetch_source(&url, hash, &world.host(), &world.settings);
    let path = get().unwrap();
    assert_eq!(fs_err::read_to_string(path.join("run.sh")).unwrap(), "hi");
    fs_err::write(path.join("run.sh"), "scribble").unwrap();
    assert_eq!(get().unwrap(), path);
    assert_eq!(fs_err::read_to_string(path.join("run.sh")).unwrap(), "hi");
    assert_eq!(server.seen("/app.tar.gz").len(), 2);
    let wrong = fetch_source(&url, Sha256::of("x"), &world.host(), &world.settings);
    let text = read(&wrong.unwrap_err());
    assert!(text.contains(&hash.to_sri()) && text.contains("expected"), "{text}");
}
