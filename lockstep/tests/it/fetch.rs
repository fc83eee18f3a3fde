//! Phase 1 against a server that misbehaves, a cache that was damaged, runs that are killed, and
//! disks that are full.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base::recipe::IndexPolicy;
use base::sys::Host;
use base::sys::env::Environment;
use base::sys::files::sorted_entries;
use base::vocabulary::{Problem, Progress, Sha256};
use builder::fetch::{
    FileOrigin, FileRequest, Patience, Request, Settings, Shelf, Wheelhouse, fetch,
};
use url::Url;

use crate::server::{Reply, Server};

/// Longer than any buffer on the way.
fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

const NAME: &str = "thing-1.0-py3-none-any.whl";

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    cache: PathBuf,
    environment: Environment,
    pub(crate) settings: Settings,
    told: Told,
}

/// Remembers what a person would have read.
#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    notes: Mutex<Option<Sender<String>>>,
}

impl Progress for Told {
    fn stage(&self, _: &str, _: Option<u64>) {}
    fn begin(&self, _: &str) {}
    fn bytes(&self, _: u64) {}
    fn end(&self, _: &str) {}
    fn warn(&self, message: &str) {
        self.lines.lock().unwrap().push(message.to_owned());
    }
    fn note(&self, message: &str) {
        if let Some(sender) = &*self.notes.lock().unwrap() {
            let _ = sender.send(message.to_owned());
        }
    }
}

impl World {
    pub(crate) fn new(index: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::at(dir.path().join("cache"), index, dir)
    }

    fn at(cache: PathBuf, index: &str, dir: tempfile::TempDir) -> Self {
        let path = Environment::capture().get("PATH").unwrap().to_owned();
        let home = dir.path().to_str().unwrap().to_owned();
        let environment = Environment::of([
            ("PATH", path.as_str()),
            ("HOME", &home),
            ("UV_NO_CONFIG", "1"),
            ("UV_DEFAULT_INDEX", index),
        ]);
        let settings = Settings {
            patience: Patience {
                connect: Duration::from_secs(5),
                stall: Duration::from_millis(400),
                attempts: 3,
                backoff: Duration::ZERO,
                ..Patience::default()
            },
            ..Settings::default()
        };
        Self { dir, cache, environment, settings, told: Told::default() }
    }

    pub(crate) fn host(&self) -> Host<'_> {
        Host { environment: &self.environment, cache: &self.cache, progress: &self.told }
    }

    pub(crate) fn fetch(&self, files: &[FileRequest]) -> Result<Wheelhouse, Problem> {
        let request = Request { files: files.to_vec(), ..Request::default() };
        fetch(&request, &self.host(), &self.settings)
    }

    fn stored(&self, bytes: &[u8]) -> PathBuf {
        let digest = Sha256::of(bytes).to_string();
        self.cache.join("files").join(digest).join(NAME)
    }
}

pub(crate) fn file(bytes: &[u8], origin: FileOrigin) -> FileRequest {
    FileRequest {
        project: "thing".parse().unwrap(),
        shelf: Shelf::Wheels,
        filename: NAME.to_owned(),
        sha256: Sha256::of(bytes),
        size: Some(bytes.len() as u64),
        origin,
    }
}

fn direct(url: &str) -> FileOrigin {
    FileOrigin::Url(Url::parse(url).unwrap())
}

fn registry(url: &str) -> FileOrigin {
    FileOrigin::Registry { locked: Some(Url::parse(url).unwrap()) }
}

/// All that a person would read of a problem.
pub(crate) fn read(problem: &Problem) -> String {
    base::vocabulary::problem::render(&anyhow::Error::new(problem.clone()))
}

/// Nothing was left where it could be trusted or would stay for ever.
fn assert_nothing_left(cache: &Path, bytes: &[u8], name: &str) {
    assert!(!cache.join("files").join(Sha256::of(bytes).to_string()).exists(), "{name}");
    assert_eq!(names(&cache.join("files/.work")), [".sweep.lock"], "{name}");
}

fn names(dir: &Path) -> Vec<String> {
    let entries = sorted_entries(dir).unwrap();
    entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// What the server does, how many requests that takes, what a person reads if it fails.
type Transfer = (&'static str, Reply, usize, &'static [&'static str]);

#[rustfmt::skip]
fn transfers(good: &[u8], other: &[u8]) -> Vec<Transfer> {
    const CUT: usize = 100_000;
    let (good, other) = (good.to_vec(), other.to_vec());
    vec![
        ("plain", Reply::File(good.clone()), 1, &[]),
        ("404", Reply::Status(404), 1, &["404 Not Found"]),
        ("410", Reply::Status(410), 1, &["410 Gone"]),
        ("403", Reply::Status(403), 1, &["403 Forbidden", "~/.netrc"]),
        ("500 once", Reply::Recovers(500, 1, good.clone()), 2, &[]),
        ("429 twice", Reply::Recovers(429, 2, good.clone()), 3, &[]),
        ("always 500", Reply::Status(500), 3, &["500 Internal Server Error"]),
        ("cut, resumes", Reply::Cuts(good.len() / 2 + 1, good.clone()), 2, &[]),
        ("cut too often", Reply::Cuts(1000, good.clone()), 3, &["ended after 3000 bytes of \
         1200000"]),
        ("cut, no range", Reply::CutsOnceIgnoresRange(CUT, good.clone()), 2, &[]),
        ("changed", Reply::Changes(CUT, other.clone(), good.clone()), 3, &[]),
        ("ends early", Reply::EndsEarly(CUT, good.clone()), 3, &["ended after 100000 bytes"]),
        ("stalls", Reply::Stalls(0, good.clone()), 3, &["stopped sending"]),
        ("drips", Reply::Drips(30, good.clone()), 3, &["stopped sending ("]),
        ("wrong bytes", Reply::File(other.clone()), 1, &["expected      sha256:", "received      \
         sha256:", "locked", "hint: "]),
        ("too short", Reply::File(good[1..].to_vec()), 1, &["1200000 bytes (locked)", "1199999 \
         bytes"]),
        ("too long", Reply::File([good.clone(), vec![0]].concat()), 1, &["1200001 bytes"]),
        ("endless", Reply::Endless, 1, &["more than 1200000 bytes"]),
        ("gzipped", Reply::Gzipped(good.clone()), 1, &[]),
        ("called gzip", Reply::CalledGzip(good.clone()), 1, &[]),
        ("called gzip, wrong", Reply::CalledGzip(other), 1, &["received      sha256:"]),
        ("nonsense", Reply::Nonsense, 1, &["makes no sense"]),
        ("ftp", Reply::Redirect("ftp://files.example/x".into()), 1, &["`ftp:` is not fetched"]),
        ("to a file", Reply::Redirect("file:///etc/passwd".into()), 1, &["`file:` is not fetched"]),
        ("loop", Reply::Redirect("/thing.whl?token=secret".into()), 1, &["20 redirects"]),
    ]
}

#[test]
fn every_transfer_ends_well_or_says_why() {
    let good = content();
    let other = vec![1; good.len()];
    for (name, reply, requests, expected) in transfers(&good, &other) {
        let server = Server::start();
        let url = server.set("/thing.whl", reply.clone());
        if name == "loop" {
            server.set("/thing.whl?token=secret", reply);
        }
        let world = World::new(&server.url("/simple"));
        match world.fetch(&[file(&good, direct(&url))]) {
            Ok(wheelhouse) => {
                assert!(expected.is_empty(), "{name} should fail");
                let path = wheelhouse.path.join("wheels").join(NAME);
                // A megabyte of numbers helps nobody, hence no `assert_eq`.
                assert!(fs_err::read(path).unwrap() == good, "{name}: other bytes");
            }
            Err(problem) => {
                let text = read(&problem);
                assert!(!expected.is_empty(), "{name}: {text}");
                assert!(text.contains(NAME) && !text.contains("secret"), "{name}: {text}");
                for part in expected {
                    assert!(text.contains(part), "{name}: no `{part}` in\n{text}");
                }
                assert_nothing_left(&world.cache, &good, name);
            }
        }
        assert_eq!(server.seen("/thing.whl").len(), requests, "{name}");
    }
}

#[test]
fn a_refused_connection_is_told_from_the_rest() {
    let world = World::new(&Server::refused());
    let url = format!("{}/thing.whl", Server::refused());
    let text = read(&world.fetch(&[file(b"x", direct(&url))]).unwrap_err());
    assert!(text.contains("cannot connect") && text.contains("proxies"), "{text}");
    // A proxy that is not there is asked first, unless the host needs none.
    let server = Server::start();
    let url = server.set("/thing.whl", Reply::File(b"x".to_vec()));
    for (no_proxy, works) in [("", false), ("other.example,127.0.0.1", true)] {
        let mut world = World::new("https://index.example");
        let proxy = format!("http://me:word@{}", &Server::refused()[7..]);
        world.environment =
            Environment::of([("http_proxy", proxy.as_str()), ("no_proxy", no_proxy)]);
        let result = world.fetch(&[file(b"x", direct(&url))]);
        assert_eq!(result.is_ok(), works, "{no_proxy}");
        assert!(result.err().is_none_or(|problem| !read(&problem).contains("word")));
    }
}

/// The reply at the locked URL, the policy, the index's page, requests of the locked URL, what a
/// person reads if it fails.
type LookUp = (&'static str, Reply, IndexPolicy, Page, usize, &'static [&'static str]);
type Page = Option<(&'static str, String)>;

#[rustfmt::skip]
fn look_ups(good: &[u8]) -> Vec<LookUp> {
    use IndexPolicy::{Ambient, Locked};
    const JSON: &str = "application/vnd.pypi.simple.v1+json";
    let hash = Sha256::of(good);
    let json = |hash: Sha256| {
        let file = format!(r#"{{"filename": "{NAME}", "url": "/f/{NAME}", "hashes": {{"sha256": "{hash}"}}}}"#);
        Some((JSON, format!(r#"{{"files": [{file}]}}"#)))
    };
    let html = |text: String| Some(("text/html; charset=utf-8", text));
    let gone = || Reply::Status(404);
    let here = || Reply::File(good.to_vec());
    vec![
        ("locked", here(), Locked, None, 1, &[]),
        ("gone", gone(), Locked, json(hash), 1, &[]),
        ("410", Reply::Status(410), Locked, json(hash), 1, &[]),
        ("ambient", here(), Ambient, json(hash), 0, &[]),
        ("relative", gone(), Ambient, html(format!("<a \
         href='../../f/{NAME}#sha256={hash}'>")), 0, &[]),
        ("no hash", gone(), Ambient, html(format!("<base href='/f/'><a href='{NAME}'>")), 0, &[]),
        ("other hash", gone(), Ambient, json(Sha256::of("other")), 0, &["locked  \
         sha256:", "listed  sha256:", "uploaded again"]),
        ("not listed", gone(), Locked, html("<a href='b.whl'>".into()), 1, &["does not \
         list", "404 Not Found"]),
        ("no page", gone(), Ambient, None, 0, &["does not list"]),
        ("no JSON", gone(), Ambient, Some((JSON, "{".into())), 0, &["cannot read the index page"]),
        ("500", Reply::Status(500), Locked, json(hash), 3, &["500"]),
    ]
}

#[test]
fn the_index_is_asked_as_the_policy_says() {
    let good = content();
    for (name, locked, policy, page, requests, expected) in look_ups(&good) {
        let server = Server::start();
        let url = server.set("/locked.whl", locked);
        server.set(&format!("/f/{NAME}"), Reply::File(good.clone()));
        if let Some((media_type, text)) = page {
            server.set("/simple/thing/", Reply::Page(media_type, text));
        }
        let index = server.url("/simple").replace("//", "//me:word@");
        let mut world = World::new(&index);
        world.settings.index = policy;
        let result = world.fetch(&[file(&good, registry(&url))]);
        assert_eq!(server.seen("/locked.whl").len(), requests, "{name}");
        if let Some(request) = server.seen("/simple/thing/").first() {
            assert_eq!(request.headers["authorization"], "Basic bWU6d29yZA==", "{name}");
        }
        match result {
            Ok(_) => assert!(expected.is_empty(), "{name} should fail"),
            Err(problem) => {
                let text = read(&problem);
                assert!(!expected.is_empty() && !text.contains("word"), "{name}: {text}");
                for part in expected {
                    assert!(text.contains(part), "{name}: no `{part}` in\n{text}");
                }
            }
        }
    }
}

#[test]
fn a_page_is_fetched_once_and_connections_are_reused() {
    let server = Server::start();
    let names: Vec<_> = (0..8).map(|n| format!("thing-{n}.whl")).collect();
    let page = names.iter().map(|name| format!("<a href='/f/{name}'></a>"));
    server.set("/simple/thing/", Reply::Page("text/html", page.collect()));
    let mut world = World::new(&server.url("/simple"));
    world.settings.index = IndexPolicy::Ambient;
    world.settings.parallelism = 2;
    let requests: Vec<_> = names
        .iter()
        .map(|name| {
            server.set(&format!("/f/{name}"), Reply::File(name.clone().into_bytes()));
            FileRequest {
                filename: name.clone(),
                ..file(name.as_bytes(), FileOrigin::Registry { locked: None })
            }
        })
        .collect();
    let wheelhouse = world.fetch(&requests).unwrap();
    assert_eq!(wheelhouse.files.len(), 8);
    assert_eq!(server.seen("/simple/thing/").len(), 1);
    assert!(server.connections() <= 2, "{}", server.connections());
    // Nothing is asked again: neither with the same wheelhouse nor for another one.
    world.fetch(&requests).unwrap();
    world.fetch(&requests[1..]).unwrap();
    assert!(names.iter().all(|name| server.seen(&format!("/f/{name}")).len() == 1));
}

#[test]
fn several_failures_are_named_and_the_rest_is_not_begun() {
    let server = Server::start();
    let mut world = World::new(&server.url("/simple"));
    world.settings.parallelism = 1;
    let requests: Vec<_> = (0..40)
        .map(|n| FileRequest {
            filename: format!("thing-{n}.whl"),
            ..file(&[n], direct(&server.url(&format!("/{n}"))))
        })
        .collect();
    let text = read(&world.fetch(&requests).unwrap_err());
    assert!(text.contains("cannot fetch 5 of 40 things"), "{text}");
    assert!(text.contains("thing-0.whl") && text.contains("thing-12.whl"), "{text}");
}

#[test]
fn names_that_are_no_file_names_are_refused() {
    let world = World::new("https://index.example");
    for name in ["", "a/b", "../a", "..", ".hidden", "a\0b", "a\\b", "a\nb"] {
        let request = FileRequest {
            filename: name.to_owned(),
            ..file(b"x", direct("https://files.example/x"))
        };
        let text = read(&world.fetch(&[request]).unwrap_err());
        assert!(text.contains("is not a file name"), "{name:?}: {text}");
    }
    let other = file(b"y", direct("https://files.example/y"));
    let problem = world.fetch(&[file(b"x", direct("https://files.example/x")), other]);
    let text = read(&problem.unwrap_err());
    let both = [Sha256::of("x"), Sha256::of("y")].map(|digest| digest.to_string());
    assert!(text.contains("two different things"), "{text}");
    assert!(both.iter().all(|digest| text.contains(digest)), "{text}");
}

#[test]
fn local_files_need_no_network() {
    let world = World::new("https://index.example");
    let path = world.dir.path().join("a b.whl");
    fs_err::write(&path, "x").unwrap();
    let url = Url::from_file_path(&path).unwrap();
    for origin in [FileOrigin::Path(path.clone()), FileOrigin::Url(url)] {
        world.fetch(&[file(b"x", origin.clone())]).unwrap();
        assert!(fs_err::remove_file(world.stored(b"x")).is_ok());
        fs_err::remove_dir_all(world.cache.join("wheelhouses")).unwrap();
        let text = read(&world.fetch(&[file(b"y", origin)]).unwrap_err());
        assert!(text.contains("expected      sha256:"), "{text}");
    }
}

#[test]
fn the_wheelhouse_is_a_function_of_the_request() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start();
    let urls = [("/a", "a"), ("/b", "b")]
        .map(|(path, text)| server.set(path, Reply::File(text.as_bytes().to_vec())));
    let mut files = vec![
        file(b"a", direct(&urls[0])),
        FileRequest {
            shelf: Shelf::Sdists,
            filename: "b-1.tar.gz".to_owned(),
            ..file(b"b", direct(&urls[1]))
        },
    ];
    let (one, two) = (World::new("https://i.example"), World::new("https://i.example"));
    let first = one.fetch(&files).unwrap();
    files.reverse();
    files.push(files[0].clone());
    let second = two.fetch(&files).unwrap();
    assert_eq!(first.nar_hash, second.nar_hash);
    assert_eq!(first.files, second.files);
    let paths: Vec<_> = first.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["sdists/b-1.tar.gz", &format!("wheels/{NAME}")]);
    let mut stack = vec![first.path.clone()];
    let mut found = Vec::new();
    while let Some(dir) = stack.pop() {
        assert_eq!(fs_err::metadata(&dir).unwrap().permissions().mode() & 0o7777, 0o755);
        for entry in sorted_entries(&dir).unwrap() {
            if entry.file_type().unwrap().is_dir() {
                stack.push(entry.path());
            } else {
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o7777, 0o644);
                found.push(entry.path().strip_prefix(&first.path).unwrap().to_owned());
            }
        }
    }
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn what_was_damaged_heals() {
    let good = content();
    let server = Server::start();
    let url = server.set("/thing.whl", Reply::File(good.clone()));
    let world = World::new("https://i.example");
    let request = [file(&good, direct(&url))];
    let first = world.fetch(&request).unwrap();

    // A writer of the wheelhouse does not reach the store.
    let copy = first.path.join("wheels").join(NAME);
    fs_err::write(&copy, "scribble").unwrap();
    assert!(fs_err::read(world.stored(&good)).unwrap() == good);
    assert_eq!(world.fetch(&request).unwrap(), first);
    assert!(fs_err::read(&copy).unwrap() == good);
    assert_eq!(server.seen("/thing.whl").len(), 1);

    // Something was added.
    fs_err::write(first.path.join("wheels/extra"), "").unwrap();
    assert_eq!(world.fetch(&request).unwrap(), first);
    assert!(!first.path.join("wheels/extra").exists());

    // The store itself, together with the wheelhouse.
    fs_err::remove_file(world.stored(&good)).unwrap();
    fs_err::write(world.stored(&good), "scribble").unwrap();
    fs_err::remove_dir_all(first.path.parent().unwrap()).unwrap();
    assert_eq!(world.fetch(&request).unwrap(), first);
    assert_eq!(server.seen("/thing.whl").len(), 2);
    let told = world.told.lines.lock().unwrap().join("\n");
    assert_eq!(told.matches("damaged").count(), 3, "{told}");
}

/// An error of the machine says nothing about what is stored.
#[test]
fn what_cannot_be_read_stays() {
    let good = content();
    let server = Server::start();
    let url = server.set("/thing.whl", Reply::File(good.clone()));
    let world = World::new("https://i.example");
    let request = [file(&good, direct(&url))];
    let first = world.fetch(&request).unwrap();
    let stored = world.stored(&good);
    let record = first.path.with_file_name("seal.json");
    for (path, gone) in [(&stored, Some(&first.path)), (&record, None)] {
        if let Some(gone) = gone {
            fs_err::remove_dir_all(gone.parent().unwrap()).unwrap();
        }
        let kept = path.with_extension("kept");
        fs_err::rename(path, &kept).unwrap();
        // A circle cannot be read by anybody.
        std::os::unix::fs::symlink(path, path).unwrap();
        let problem = world.fetch(&request).unwrap_err();
        assert!(read(&problem).contains(path.to_str().unwrap()), "{}", read(&problem));
        fs_err::remove_file(path).unwrap();
        fs_err::rename(&kept, path).unwrap();
        assert_eq!(world.fetch(&request).unwrap(), first);
    }
    assert_eq!(server.seen("/thing.whl").len(), 1);
    assert!(world.told.lines.lock().unwrap().is_empty());
}

#[test]
fn two_runs_at_once_download_a_file_once() {
    let good = content();
    let server = Server::start();
    let (release, released) = channel();
    let released = Arc::new(Mutex::new(released));
    let url = server.set("/thing.whl", Reply::Waits(released, good.clone()));
    let small = server.set("/small", Reply::File(b"small".to_vec()));
    let asked = server.watch();
    let one = World::new("https://i.example");
    let mut two = World::new("https://i.example");
    two.cache.clone_from(&one.cache);
    let (note, noted) = channel();
    *two.told.notes.lock().unwrap() = Some(note);
    let request = file(&good, direct(&url));
    // Not the same wheelhouse, but one file in both.
    let more = FileRequest { filename: "small.whl".to_owned(), ..file(b"small", direct(&small)) };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| one.fetch(std::slice::from_ref(&request)));
        assert_eq!(asked.recv().unwrap(), "/thing.whl");
        let second = scope.spawn(|| two.fetch(&[request.clone(), more]));
        assert!(noted.recv().unwrap().contains("another run makes the file `thing"));
        release.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap().files.len(), 1);
        assert_eq!(second.join().unwrap().unwrap().files.len(), 2);
    });
    assert_eq!(server.seen("/thing.whl").len(), 1);
}

/// Not a test of its own: the process that other tests kill, or run where the disk is full. It does
/// nothing unless they say what.
#[test]
fn helper_process() {
    let environment = Environment::capture();
    let Some(url) = environment.get("LOCKSTEP_TEST_URL") else {
        return;
    };
    let cache = PathBuf::from(environment.get("LOCKSTEP_TEST_CACHE").unwrap());
    let mut world = World::at(cache, "https://i.example", tempfile::tempdir().unwrap());
    world.settings.patience.stall = Duration::from_mins(10);
    match world.fetch(&[file(&content(), direct(url))]) {
        Ok(_) => println!("fetched"),
        Err(problem) => println!("{}", read(&problem)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own binary, to be killed")]
fn helper(program: &Path, url: &str, cache: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    command
        .env("LOCKSTEP_TEST_URL", url)
        .env("LOCKSTEP_TEST_CACHE", cache)
        .stdout(std::process::Stdio::piped());
    command
}

const HELPER_ARGUMENTS: [&str; 3] = ["fetch::helper_process", "--exact", "--nocapture"];

#[test]
fn a_killed_run_leaves_nothing_that_is_trusted() {
    let good = content();
    let server = Server::start();
    let url = server.set("/thing.whl", Reply::Stalls(500_000, good.clone()));
    let world = World::new("https://i.example");
    let asked = server.watch();
    let this = std::env::current_exe().unwrap();
    let mut child = helper(&this, &url, &world.cache).args(HELPER_ARGUMENTS).spawn().unwrap();
    asked.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!world.stored(&good).exists());
    assert_eq!(names(&world.cache.join("files/.work")).len(), 2, "what it had begun");
    server.set("/thing.whl", Reply::File(good.clone()));
    let wheelhouse = world.fetch(&[file(&good, direct(&url))]).unwrap();
    assert!(fs_err::read(wheelhouse.path.join("wheels").join(NAME)).unwrap() == good);
    for store in ["files", "wheelhouses"] {
        assert_eq!(names(&world.cache.join(store).join(".work")), [".sweep.lock"], "{store}");
    }
}

#[test]
fn a_full_disk_is_told_as_such() {
    let server = Server::start();
    let url = server.set("/thing.whl", Reply::File(content()));
    let world = World::new("https://i.example");
    fs_err::create_dir(&world.cache).unwrap();
    // Room for the download but not for its copy, then not even for the download.
    for (size, wanted) in [("400k", "cannot fetch"), ("1600k", "of the wheelhouse")] {
        let script =
            format!("mount -t tmpfs -o size={size} none {} && exec \"$@\"", world.cache.display());
        let this = std::env::current_exe().unwrap();
        let output = helper(Path::new("unshare"), &url, &world.cache)
            .args(["-Urm", "sh", "-c", &script, "sh"])
            .arg(this)
            .args(HELPER_ARGUMENTS)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        for part in [wanted, "the disk is full", "needed", "1200000 bytes", "free", "hint: "] {
            assert!(
                text.contains(part),
                "no `{part}` in\n{text}\n(needs `unshare -Urm` and tmpfs: {})",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}
