//! `gate --stage 2`: new versions come from a server on loopback, and each does something that the
//! lock does not show.

use std::io::Write as _;
use std::path::Path;

use base::vocabulary::Sha256;
use fs_err as fs;
use tempfile::TempDir;

use crate::cli::{Ended, command, end, scratch};
use crate::server::{Reply, Server};
use crate::wheels_fixture::Wheel;

/// A directory with an old and a new lock, and a server that has their files.
struct World {
    dir: TempDir,
    server: Server,
}

/// A package of a lock: its name, version, what it depends on, and its file.
struct Locked {
    name: &'static str,
    version: &'static str,
    needs: &'static [&'static str],
    file: (String, Vec<u8>),
}

impl World {
    fn new() -> Self {
        Self { dir: scratch(), server: Server::start() }
    }

    fn wheel(&self, wheel: Wheel) -> (String, Vec<u8>) {
        let path = wheel.write(self.dir.path());
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())
    }

    /// Writes `<side>/uv.lock` and serves its files.
    fn lock(&self, side: &str, packages: &[Locked]) {
        let mut text = "version = 1\nrevision = 3\nrequires-python = \">=3.12\"\n\n[[package]]\nname = \
                        \"app\"\nversion = \"1.0\"\nsource = { virtual = \".\" }\ndependencies = [{ \
                        name = \"alpha\" }]\n\n[package.metadata]\nrequires-dist = [{ name = \
                        \"alpha\" }]\n"
            .to_owned();
        for Locked { name, version, needs, file: (filename, bytes) } in packages {
            let url = self.server.set(&format!("/{filename}"), Reply::File(bytes.clone()));
            let simple = self.server.url("/simple");
            let needs: Vec<String> =
                needs.iter().map(|it| format!("{{ name = \"{it}\" }}")).collect();
            let (sha256, size) = (Sha256::of(bytes), bytes.len());
            let file = format!(
                "{{ url = \"{url}\", hash = \"sha256:{sha256}\", size = {size}, upload-time = \
                 \"2026-01-01T00:00:00Z\" }}"
            );
            let key = if filename.ends_with(".whl") { "wheels = [" } else { "sdist = " };
            let end = if filename.ends_with(".whl") { "]" } else { "" };
            let file = format!("{key}{file}{end}");
            text.push_str(&format!(
                "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \
                 \"{simple}\" }}\ndependencies = [{}]\n{file}\n",
                needs.join(", ")
            ));
        }
        fs::create_dir_all(self.dir.path().join(side)).unwrap();
        fs::write(self.dir.path().join(side).join("uv.lock"), text).unwrap();
    }

    fn gate(&self, words: &[&str]) -> Ended {
        let path = |side: &str| self.dir.path().join(side).join("uv.lock");
        let mut gate = command(env!("CARGO_BIN_EXE_lockstep"));
        gate.env("PATH", "/nowhere").arg("--cache-dir").arg(self.dir.path().join("cache"));
        gate.args(["gate", "--date", "2026-02-28", "--quiet"]).args(words);
        gate.arg("--base-lock").arg(path("old")).arg("--head-lock").arg(path("new"));
        end(&mut gate)
    }
}

fn alpha(version: &'static str) -> Wheel {
    Wheel::new("alpha", version)
        .metadata(&format!(
            "Metadata-Version: 2.4\nName: alpha\nVersion: {version}\nRequires-Dist: beta>=1\n"
        ))
        .file("alpha/__init__.py", format!("VERSION = '{version}'\n"))
}

fn beta() -> Wheel {
    Wheel::new("beta", "1.0").file("beta/__init__.py", "")
}

/// The end of a bump of `alpha` whose new version is `new`.
fn bump(new: Wheel) -> Ended {
    let world = World::new();
    let beta = world.wheel(beta());
    let locked = |version, file| {
        let needs = &["beta"][..];
        [
            Locked { name: "alpha", version, needs, file },
            Locked { name: "beta", version: "1.0", needs: &[], file: beta.clone() },
        ]
    };
    world.lock("old", &locked("1.0", world.wheel(alpha("1.0"))));
    world.lock("new", &locked("2.0", world.wheel(new)));
    let text_alone = world.gate(&[]);
    assert_eq!(text_alone.code, Some(0), "{}", text_alone.stdout);
    assert_eq!(world.server.connections(), 0, "stage 1 asked for something");
    let ended = world.gate(&["--stage", "2"]);
    // Of `beta` nothing changed, so nothing of it is downloaded.
    assert!(world.server.seen(&format!("/{}", beta.0)).is_empty());
    ended
}

type Bump<'a> = (&'a str, Wheel, i32, &'a [&'a str]);

#[track_caller]
fn judged(bumps: Vec<Bump<'_>>) {
    for (what, new, code, expected) in bumps {
        let ended = bump(new);
        assert_eq!(ended.code, Some(code), "{what}: {}{}", ended.stdout, ended.stderr);
        for part in expected {
            assert!(ended.stdout.contains(part), "{what}: no `{part}` in\n{}", ended.stdout);
        }
    }
}

#[test]
fn what_a_new_version_hides_is_denied() {
    judged(vec![
        ("nothing", alpha("2.0"), 0, &["merge: 1 package changed, and nothing is denied"]),
        (
            "a new .pth",
            alpha("2.0").file("evil.pth", "import os; os.system('x')\n"),
            6,
            &["deny  startup-code", "evil.pth: line 1: import os; os.system('x')"],
        ),
        (
            "a module of another distribution",
            alpha("2.0").file("beta/__init__.py", "stolen = True\n"),
            6,
            &["deny  module-shadowed", "modules beta"],
        ),
        (
            "metadata that wants more",
            alpha("2.0").metadata(
                "Metadata-Version: 2.4\nName: alpha\nVersion: 2.0\nRequires-Dist: beta>=1\n\
                 Requires-Dist: omega>=3\nRequires-Dist: win; sys_platform == 'win32'\n\
                 Requires-Dist: extra; extra == 'x'\n",
            ),
            6,
            &["deny  metadata-differs", "the wheel requires omega>=3, and the lock does not have"],
        ),
        (
            "metadata that wants another version",
            alpha("2.0").metadata(
                "Metadata-Version: 2.4\nName: alpha\nVersion: 2.0\nRequires-Dist: beta>=2\n",
            ),
            6,
            &["deny  metadata-differs", "the wheel requires beta>=2, and the lock has another"],
        ),
        (
            "metadata that wants less",
            alpha("2.0").metadata("Metadata-Version: 2.4\nName: alpha\nVersion: 2.0\n"),
            6,
            &["deny  metadata-differs", "the lock adds beta, which the wheel does not require"],
        ),
    ]);
}

#[test]
fn what_a_new_version_does_for_the_first_time_is_shown() {
    let long = format!("x = '{}'\n", "a".repeat(3_000));
    judged(vec![
        (
            "new behaviour",
            alpha("2.0").file("alpha/net.py", "\nimport socket\n"),
            0,
            &["warn  new-behaviour", "uses the network", "alpha/net.py: line 2: import socket"],
        ),
        (
            "packed code",
            alpha("2.0").file("alpha/packed.py", &long),
            0,
            &["warn  long-lines", "a line of 3006 characters"],
        ),
        (
            "compiled code",
            alpha("2.0").file("alpha/_c.so", "\x7fELF"),
            0,
            &["warn  new-binary", "alpha/_c.so: 4 bytes"],
        ),
        ("a command", alpha("2.0").scripts("alpha = alpha:main"), 0, &["allow new-script"]),
        (
            "a RECORD that lies",
            alpha("2.0").file("alpha/x.py", "").with_false_digest_of("alpha/x.py"),
            6,
            &["deny  wheel-unreadable", "alpha/x.py"],
        ),
    ]);
}

/// A gzipped tar with one directory at its top.
fn sdist(version: &str, setup: &str) -> (String, Vec<u8>) {
    let zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut tar = tar::Builder::new(zipped);
    for (path, text) in [("setup.py", setup), ("alpha/__init__.py", "import socket\n")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        let path = format!("alpha-{version}/{path}");
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut zipped = tar.into_inner().unwrap();
    zipped.flush().unwrap();
    (format!("alpha-{version}.tar.gz"), zipped.finish().unwrap())
}

#[test]
fn a_backend_that_reads_secrets_is_in_the_first_screen() {
    let world = World::new();
    let locked = |version, file| [Locked { name: "alpha", version, needs: &[], file }];
    world.lock("old", &locked("1.0", sdist("1.0", "from setuptools import setup\nsetup()\n")));
    let evil = "import os, urllib.request\nsend(os.environ['AWS_SECRET'])\n";
    world.lock("new", &locked("2.0", sdist("2.0", evil)));
    let ended = world.gate(&["--stage", "2"]);
    let first: Vec<&str> = ended.stdout.lines().take(12).collect();
    let first = first.join("\n");
    for part in [
        "warn  build-script",
        "it uses the network (line 1: import os, urllib.request)",
        "it reads the environment (line 2: send(os.environ['AWS_SECRET']))",
    ] {
        assert!(first.contains(part), "no `{part}` in\n{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn what_cannot_be_had_is_not_decided() {
    let world = World::new();
    let locked = |version, file| [Locked { name: "alpha", version, needs: &["beta"], file }];
    let with_beta = |version, file| {
        let beta = Locked { name: "beta", version: "1.0", needs: &[], file: world.wheel(beta()) };
        locked(version, file).into_iter().chain([beta]).collect::<Vec<_>>()
    };
    world.lock("old", &with_beta("1.0", world.wheel(alpha("1.0"))));
    let (name, bytes) = world.wheel(alpha("2.0"));
    world.lock("new", &with_beta("2.0", (name.clone(), bytes)));
    world.server.set(&format!("/{name}"), Reply::File(b"something else".to_vec()));
    let ended = world.gate(&["--stage", "2"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("could not decide: cannot fetch `alpha-2.0-"),
        "{}",
        ended.stdout
    );
}

/// What text alone denies, is not downloaded.
#[test]
fn nothing_of_a_denied_lock_is_downloaded() {
    let world = World::new();
    let locked = |file| [Locked { name: "alpha", version: "1.0", needs: &[], file }];
    world.lock("old", &locked(world.wheel(alpha("1.0"))));
    world.lock("new", &locked(world.wheel(alpha("1.0").file("alpha/x.py", ""))));
    let ended = world.gate(&["--stage", "2"]);
    assert_eq!(ended.code, Some(6), "{}", ended.stdout);
    assert!(ended.stdout.contains("re-upload"), "{}", ended.stdout);
    assert!(ended.stdout.contains("nothing was downloaded: text alone denies it"));
    assert_eq!(world.server.connections(), 0);
    assert!(!Path::new(&world.dir.path().join("cache/files")).exists());
}

/// `alpha` goes from 1.0 to 2.0; each record is about one of them, about both, or withdrawn.
#[test]
fn advisories_are_introduced_fixed_or_left() {
    let world = World::new();
    let beta = world.wheel(beta());
    let locked = |version, file| {
        let needs = &["beta"][..];
        [
            Locked { name: "alpha", version, needs, file },
            Locked { name: "beta", version: "1.0", needs: &[], file: beta.clone() },
        ]
    };
    world.lock("old", &locked("1.0", world.wheel(alpha("1.0"))));
    world.lock("new", &locked("2.0", world.wheel(alpha("2.0"))));
    let dir = world.dir.path().join("osv");
    fs::create_dir(&dir).unwrap();
    let record = |id: &str, name: &str, events: &str, more: &str| {
        let text = format!(
            "{{\"id\": \"{id}\", \"modified\": \"2026-02-20T00:00:00Z\", \"summary\": \"about \
             {id}\", {more} \"affected\": [{{\"package\": {{\"ecosystem\": \"PyPI\", \"name\": \
             \"{name}\"}}, \"ranges\": [{{\"type\": \"ECOSYSTEM\", \"events\": [{events}]}}]}}]}}"
        );
        fs::write(dir.join(format!("{id}.json")), text).unwrap();
    };
    let from_first = "{\"introduced\": \"0\"}";
    record("X-FIXED", "Alpha", &format!("{from_first}, {{\"fixed\": \"2.0\"}}"), "");
    record("X-LEFT", "alpha", from_first, "");
    record("X-GONE", "alpha", "{\"introduced\": \"2.0\"}", "\"withdrawn\": \"2026-02-21\",");
    record("X-OTHER", "gamma", from_first, "");
    let osv = dir.to_str().unwrap().to_owned();
    let ended = world.gate(&["--advisories", &osv]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for part in [
        "allow advisory-left    `alpha 2.0` still has a known weakness: X-LEFT",
        "allow advisory-fixed   the change removes a known weakness of `alpha 1.0`: X-FIXED",
        "4 advisory records, newest of 2026-02-20, sha256:",
    ] {
        assert!(ended.stdout.contains(part), "no `{part}` in\n{}", ended.stdout);
    }
    record("X-NEW", "alpha", "{\"introduced\": \"2.0\"}", "");
    record("MAL-1", "beta", from_first, "");
    let ended = world.gate(&["--advisories", &osv]);
    assert_eq!(ended.code, Some(6), "{}{}", ended.stdout, ended.stderr);
    for part in ["deny  malicious", "deny  advisory-introduced", "does not have: X-NEW"] {
        assert!(ended.stdout.contains(part), "no `{part}` in\n{}", ended.stdout);
    }
    // The base's policy wants newer ones.
    fs::write(world.dir.path().join("old/lockstep.toml"), "[policy]\nadvisories-days = 7\n")
        .unwrap();
    for name in ["X-NEW", "MAL-1"] {
        fs::remove_file(dir.join(format!("{name}.json"))).unwrap();
    }
    let ended = world.gate(&["--advisories", &osv]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("the newest advisory is 8 days old"), "{}", ended.stdout);
    assert_eq!(world.gate(&[]).code, Some(1));
    world.gate(&["--advisories", "/nowhere"]).bad(2, &["cannot read the advisories"]);
}
