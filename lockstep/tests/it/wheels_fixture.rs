//! Tiny wheels, and an installer that does what uv does with them, one after the other instead of
//! in parallel, so that a test decides who writes last.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base::vocabulary::Sha256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use builder::install::output::{Output, normalised};
use builder::install::wheel_archive::{Content, WheelArchive};
use fs_err as fs;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub(crate) const SITE_PACKAGES: &str = "lib/python3.14/site-packages";

/// What uv writes above a script in a relocatable venv.
pub(crate) const HEADER: &str = "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \
 \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n";

/// A wheel to be written.
pub(crate) struct Wheel {
    pub(crate) name: &'static str,
    version: &'static str,
    members: Vec<(String, Vec<u8>, u32)>,
    metadata: String,
    false_digest_of: Option<String>,
    record_of: Option<(String, String)>,
}

impl Wheel {
    pub(crate) fn new(name: &'static str, version: &'static str) -> Self {
        let metadata = format!("Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n");
        Self {
            name,
            version,
            members: Vec::new(),
            metadata,
            false_digest_of: None,
            record_of: None,
        }
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.file_with_mode(path, content, 0o100_644)
    }

    pub(crate) fn file_with_mode(
        mut self,
        path: &str,
        content: impl AsRef<[u8]>,
        mode: u32,
    ) -> Self {
        self.members.push((path.to_owned(), content.as_ref().to_vec(), mode));
        self
    }

    /// Replaces `METADATA`.
    pub(crate) fn metadata(mut self, text: &str) -> Self {
        text.clone_into(&mut self.metadata);
        self
    }

    pub(crate) fn scripts(self, lines: &str) -> Self {
        let path = format!("{}/entry_points.txt", self.dist_info());
        self.file(&path, format!("[console_scripts]\n{lines}\n"))
    }

    pub(crate) fn with_false_digest_of(mut self, path: &str) -> Self {
        self.false_digest_of = Some(path.to_owned());
        self
    }

    /// Replaces the line of `path` in `RECORD`.
    pub(crate) fn with_record_of(mut self, path: &str, lines: &str) -> Self {
        self.record_of = Some((path.to_owned(), lines.to_owned()));
        self
    }

    fn dist_info(&self) -> String {
        format!("{}-{}.dist-info", self.name, self.version)
    }

    /// Writes it below `dir`.
    pub(crate) fn write(mut self, dir: &Path) -> PathBuf {
        let dist_info = self.dist_info();
        let wheel = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let metadata = self.metadata.clone();
        self = self
            .file(&format!("{dist_info}/METADATA"), metadata)
            .file(&format!("{dist_info}/WHEEL"), wheel);
        let mut record = String::new();
        for (path, content, _) in &self.members {
            let is_false = self.false_digest_of.as_ref() == Some(path);
            let content: &[u8] = if is_false { b"other" } else { content };
            match &self.record_of {
                Some((of, lines)) if of == path => record.push_str(lines),
                _ => record.push_str(&record_line(path, content)),
            }
        }
        self = self.file(&format!("{dist_info}/RECORD"), format!("{record}{dist_info}/RECORD,,\n"));
        let path = dir.join(format!("{}-{}-py3-none-any.whl", self.name, self.version));
        let mut zip = ZipWriter::new(fs::File::create(&path).unwrap());
        for (path, content, mode) in &self.members {
            let stored = SimpleFileOptions::default()
                .compression_method(zip::CompressionMethod::Stored)
                .unix_permissions(*mode);
            if mode & 0o170_000 == 0o120_000 {
                zip.add_symlink(path, std::str::from_utf8(content).unwrap(), stored).unwrap();
            } else {
                zip.start_file(path, stored).unwrap();
                zip.write_all(content).unwrap();
            }
        }
        zip.finish().unwrap();
        path
    }

    pub(crate) fn open(self, dir: &Path) -> WheelArchive {
        WheelArchive::open(&self.write(dir), SITE_PACKAGES).unwrap()
    }
}

pub(crate) fn record_line(path: &str, content: &[u8]) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::of(content).as_bytes());
    format!("{path},sha256={digest},{}\n", content.len())
}

/// An empty output below `dir`.
pub(crate) fn output(dir: &Path) -> Output {
    let root = dir.join("output");
    fs::create_dir_all(root.join(SITE_PACKAGES)).unwrap();
    Output { root, prefix: "/opt/x".to_owned(), site_packages: SITE_PACKAGES.to_owned() }
}

/// Installs wheels in the given order.
pub(crate) fn install<'a>(output: &Output, wheels: impl IntoIterator<Item = &'a WheelArchive>) {
    for wheel in wheels {
        let own_record = format!("{SITE_PACKAGES}/{}/RECORD", wheel.dist_info);
        let mut record = String::new();
        for (path, file) in &wheel.files {
            let mut content = wheel.body(file).unwrap();
            if !matches!(file.content, Content::Member(_)) {
                content = [HEADER.as_bytes(), &content].concat();
            }
            let target = output.root.join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(&target, &content).unwrap();
            let mode = if file.executable { 0o755 } else { 0o644 };
            fs::set_permissions(&target, std::fs::Permissions::from_mode(mode)).unwrap();
            let module = path.strip_prefix(&format!("{SITE_PACKAGES}/"));
            let listed = module.map_or_else(|| format!("../../../{path}"), str::to_owned);
            if *path != own_record {
                record.push_str(&record_line(&listed, &content));
            }
        }
        record.push_str(&wheel.dist_info);
        record.push_str("/RECORD,,\n");
        fs::write(output.root.join(own_record), record).unwrap();
    }
}

/// Every `RECORD` line with a digest, as `<dist-info>: <path>`; panics if a listed file is missing
/// or has another digest.
pub(crate) fn true_record_lines(output: &Output) -> Vec<String> {
    let mut lines = Vec::new();
    let site_packages = output.root.join(SITE_PACKAGES);
    for entry in base::sys::files::sorted_entries(&site_packages).unwrap() {
        let name = entry.file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".dist-info") else {
            continue;
        };
        let text = fs::read_to_string(entry.path().join("RECORD")).unwrap();
        for line in text.lines().filter(|line| !line.ends_with(",,")) {
            let path = line.split(',').next().unwrap();
            let file = normalised(&format!("{SITE_PACKAGES}/{path}")).unwrap();
            let content = fs::read(output.root.join(file)).unwrap();
            assert_eq!(format!("{line}\n"), record_line(path, &content), "{name}");
            if !path.contains(".dist-info/") {
                lines.push(format!("{stem}: {path}"));
            }
        }
    }
    lines
}
