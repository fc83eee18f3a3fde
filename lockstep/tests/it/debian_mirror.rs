//! A Debian mirror on loopback whose packages are what a test says: an index that real apt reads,
//! and archives that it serves as long as the test wants. No tests here.

use std::path::{Path, PathBuf};

use base::vocabulary::Sha256;

use crate::server::{Reply, Server};

/// The mirror, and the sources that name it.
pub(crate) struct DebianMirror {
    pub(crate) server: Server,
    sources: PathBuf,
}

/// A package: name, version, and whether it is Essential.
pub(crate) type Stub<'a> = (&'a str, &'a str, bool);

/// The bytes that stand for a package's archive.
pub(crate) fn archive((name, version, _): &Stub<'_>) -> Vec<u8> {
    format!("the archive of {name} {version}").into_bytes()
}

/// Where the archive is.
pub(crate) fn pool_path((name, version, _): &Stub<'_>) -> String {
    let version = version.rsplit(':').next().unwrap();
    format!("pool/main/{}/{name}/{name}_{version}_amd64.deb", &name[..1])
}

impl DebianMirror {
    /// A mirror whose sources lie below `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        let server = Server::start();
        let sources = dir.join("apt");
        fs_err::create_dir_all(&sources).unwrap();
        let line = format!("deb [trusted=yes] {} forky main\n", server.url("/debian"));
        fs_err::write(sources.join("sources.list"), line).unwrap();
        Self { server, sources }
    }

    /// The variable that makes the tool ask this mirror.
    pub(crate) fn variable(&self) -> (&'static str, &Path) {
        ("LOCKSTEP_APT", &self.sources)
    }

    /// From now on the index has these packages.
    pub(crate) fn publish(&self, packages: &[Stub<'_>]) {
        let stanza = |stub: &Stub<'_>| {
            let (name, version, essential) = stub;
            let essential = if *essential { "Essential: yes\n" } else { "" };
            let archive = archive(stub);
            format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\n{essential}\
                 Filename: {}\nSize: {}\nSHA256: {}\nDescription: stub\n\n",
                pool_path(stub),
                archive.len(),
                Sha256::of(&archive)
            )
        };
        let index: String = packages.iter().map(stanza).collect();
        let release = format!(
            "Origin: Debian\nSuite: forky\nCodename: forky\nArchitectures: amd64\n\
             Components: main\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {} {} \
             main/binary-amd64/Packages\n",
            Sha256::of(&index),
            index.len()
        );
        let text = |text: String| Reply::File(text.into_bytes());
        self.server.set("/debian/dists/forky/main/binary-amd64/Packages", text(index));
        self.server.set("/debian/dists/forky/Release", text(release));
    }

    /// Serves the archives of packages below `/<archive>/`.
    pub(crate) fn serve(&self, directory: &str, packages: &[Stub<'_>]) {
        for stub in packages {
            let path = format!("/{directory}/{}", pool_path(stub)).replace('+', "%2b");
            self.server.set(&path, Reply::File(archive(stub)));
        }
    }

    /// Serves the archives of packages no more.
    pub(crate) fn remove(&self, packages: &[Stub<'_>]) {
        for stub in packages {
            let path = format!("/debian/{}", pool_path(stub)).replace('+', "%2b");
            self.server.set(&path, Reply::Status(404));
        }
    }
}
