//! Sources that are archives: of the application's, the tree is pinned and not the bytes; those of
//! one name have each its place.

use base::nar;
use base::vocabulary::Sha256;
use builder::fetch::{FileOrigin, FileRequest, Shelf, fetch_source};
use url::Url;

use crate::fetch::{World, file, read};
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

#[test]
fn archives_of_one_name_lie_in_directories_of_their_own() {
    let world = World::new("https://index.example");
    let request = |project: &str, content: &str| {
        let dir = world.dir.path().join(project);
        fs_err::create_dir_all(&dir).unwrap();
        fs_err::write(dir.join("v1.0.tar.gz"), content).unwrap();
        FileRequest {
            project: project.parse().unwrap(),
            shelf: Shelf::Sdists,
            filename: "v1.0.tar.gz".to_owned(),
            ..file(content.as_bytes(), FileOrigin::Path(dir.join("v1.0.tar.gz")))
        }
    };
    let [a, b, again] = [request("a", "x"), request("b", "y"), request("again", "x")];
    let paths = |requests: &[FileRequest]| {
        let wheelhouse = world.fetch(requests).unwrap();
        for request in requests {
            let name = &request.filename;
            let path = builder::fetch::wheelhouse::sdist(&wheelhouse.path, &request.project, name);
            assert_eq!(Sha256::of(fs_err::read(path).unwrap()), request.sha256);
        }
        wheelhouse.files.into_iter().map(|file| file.path).collect::<Vec<_>>()
    };
    assert_eq!(paths(std::slice::from_ref(&a)), ["sdists/v1.0.tar.gz"]);
    assert_eq!(paths(&[a.clone(), again.clone()]), ["sdists/v1.0.tar.gz"]);
    let both = ["sdists/a/v1.0.tar.gz", "sdists/b/v1.0.tar.gz"];
    assert_eq!(paths(&[a.clone(), b.clone()]), both);
    assert_eq!(paths(&[b, a, again]), [both[0], "sdists/again/v1.0.tar.gz", both[1]]);
}
