//! Wheels that are broken or lie: what a backend makes is opened before it is kept, and `RECORD` is
//! held against what a wheel has before it is installed.

use base::sys::files::sorted_entries;
use base::vocabulary::Sha256;

use crate::cli::{PLAIN, Small, end, installed};
use crate::wheels_fixture::{SITE_PACKAGES, Wheel};

const RECIPE: &str = "recipes/small.toml";

/// Python that changes the finished wheel `path`; `z` opens it again.
const REWRITE: &str = r#"

def changed(path, change):
    with zipfile.ZipFile(path) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(zipfile.ZipInfo(name), data)


honest = build_wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    filename = honest(wheel_directory)
    path = os.path.join(wheel_directory, filename)
    record = "small-1.0.dist-info/RECORD"
    CHANGE
    return filename
"#;

fn with_change(change: &str) -> Small {
    let small = Small::new(PLAIN);
    small.append("app/backend.py", &REWRITE.replace("CHANGE", change));
    small
}

fn stored(small: &Small) -> usize {
    let entries = sorted_entries(&small.cache.join("wheels")).unwrap_or_default();
    let is_key = |name: String| name.len() == 64;
    entries.iter().filter(|it| is_key(it.file_name().to_string_lossy().into_owned())).count()
}

#[test]
fn a_broken_wheel_is_not_kept() {
    for (change, part) in [
        // Half a wheel, and no error.
        ("open(path, 'wb').write(b'PK\\3\\4half a wheel')", "cannot read the wheel"),
        ("os.truncate(path, os.path.getsize(path) - 30)", "cannot read the wheel"),
        ("open(path, 'wb').close()", "cannot read the wheel"),
        (
            "changed(path, lambda files: files.pop(record))",
            "it has no `small-1.0.dist-info/RECORD`",
        ),
        (
            "changed(path, lambda files: files.update({'small.py': b'other'}))",
            "it is not what `RECORD` says",
        ),
        ("changed(path, lambda files: files.update(more=b''))", "`RECORD` does not list it"),
        ("changed(path, lambda files: files.update({'../x': b''}))", "plain relative path"),
        (
            "changed(path, lambda files: files.update({record: files[record] + b'../x,,\\n'}))",
            "a line of `RECORD` leaves the wheel",
        ),
        (
            "changed(path, lambda files: files.update({'small-1.0.dist-info/METADATA': \
             b'Metadata-Version: 2.1\\nName: small\\nVersion: 2.0\\n'}))",
            "its `METADATA` is of another distribution",
        ),
        (
            "changed(path, lambda files: files.update({'small-1.0.dist-info/entry_points.txt': \
             b'[console_scripts]\\n' + b''.join(b's%d = m:f\\n' % n for n in range(1001))}))",
            "`scripts`",
        ),
    ] {
        let small = with_change(change);
        for _ in 0..2 {
            let ended = end(&mut small.builder(&["build", "small"]));
            ended.bad(1, &["the build of `small` made a broken wheel", part, "hint: "]);
            assert_eq!(stored(&small), 0, "{change}");
        }
    }
}

/// A marker of `Requires-Dist` that would take all memory of the uv that installs it.
#[test]
fn a_wheel_whose_requirements_explode_is_refused() {
    let pair = |i: usize| format!("(extra == 'a{i}' or extra == 'b{i}')");
    let bomb = (0..40).map(pair).collect::<Vec<_>>().join(" and ");
    let nested = format!("{}os_name == 'a'{}", "(".repeat(5_000), ")".repeat(5_000));
    for (marker, limit) in [(bomb, "`marker-nodes`"), (nested, "`marker-depth`")] {
        let small = Small::new(PLAIN);
        small.append(
            "app/backend.py",
            &REWRITE.replace(
                "CHANGE",
                &format!(
                    "metadata = 'small-1.0.dist-info/METADATA'\n    changed(path, lambda files: \
                     files.update({{metadata: files[metadata] + b\"\"\"Requires-Dist: six ; {marker}\n\
                     \"\"\"}}))"
                ),
            ),
        );
        end(&mut small.builder(&["build", "small"])).bad(1, &[limit, "`Requires-Dist`"]);
        assert_eq!(stored(&small), 0);
    }
}

#[test]
fn a_wrong_record_can_be_written_again() {
    let change = "changed(path, lambda files: files.update({'small.py': b'answer = 43\\n'}))";
    let small = with_change(change);
    end(&mut small.builder(&["build", "small"])).bad(1, &["record = \"rewrite\""]);
    small.append(RECIPE, "[override.small]\nrecord = \"rewrite\"\nreason = \"its backend lies\"\n");
    let report = small.build().json();
    assert_eq!(installed(&report, "small.py"), "answer = 43\n");
    let record = installed(&report, "small-1.0.dist-info/RECORD");
    assert!(record.contains("small.py,sha256=") && record.contains(",12\n"), "{record}");
    // Of a wheel whose `RECORD` is right, it is said.
    let small = Small::new(PLAIN);
    small.append(RECIPE, "[override.small]\nrecord = \"rewrite\"\n");
    let ended = end(&mut small.builder(&["build", "small"]));
    assert!(ended.stderr.contains("`override.small.record` is not needed"), "{}", ended.stderr);
    ended.good();
}

/// A wheel that was downloaded is what was locked, and can lie all the same.
#[test]
fn a_downloaded_wheel_that_lies_is_not_installed() {
    let lock = |small: &Small, wheel: Wheel| {
        let path = wheel.write(&small.path("app"));
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let sha256 = Sha256::of(fs_err::read(&path).unwrap());
        let file = format!("{{ filename = \"{name}\", hash = \"sha256:{sha256}\" }}");
        small.append(
            "app/uv.lock",
            &format!(
                "dependencies = [{{ name = \"thing\" }}]\n\n[[package]]\nname = \"thing\"\n\
                 version = \"1.0\"\nsource = {{ path = \"{name}\" }}\nwheels = [{file}]\n"
            ),
        );
    };
    let small = Small::new(PLAIN);
    lock(&small, Wheel::new("thing", "1.0").file("thing.py", "a").with_false_digest_of("thing.py"));
    let parts = ["`thing-1.0-py3-none-any.whl`", "it is not what `RECORD` says", "thing.py"];
    end(&mut small.builder(&["build", "small"])).bad(1, &parts);
    small.append(RECIPE, "[override.thing]\nrecord = \"rewrite\"\n");
    let report = small.build().json();
    assert_eq!(installed(&report, "thing.py"), "a");
}

#[test]
fn every_file_is_in_the_record_with_its_digest_and_size() {
    let line = |path: &str, hash: &str, size: &str| format!("{path},{hash},{size}\n");
    let good = "sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs";
    for (lines, expected) in [
        (line("a.py", good, "1"), Ok(0)),
        (line("a.py", good, ""), Ok(0)),
        (line("a.py", "", ""), Ok(1)),
        (line("a.py", good, "1").repeat(2), Ok(0)),
        (line("a.py", good, "1") + &line("gone.py", good, "1"), Ok(0)),
        (String::new(), Err("does not list it")),
        (line("./a.py", good, "1"), Err("does not list it")),
        (line("a.py", good, "2"), Err("2 bytes")),
        (line("a.py", "sha256=AAAA", "1"), Err("sha256=AAAA")),
        (line("a.py", "md5=DMF1ucDxtqgxw5niaXcmYQ", ""), Err("weak algorithm")),
        (line("a.py", "sha1=hvfkN_qlp_zhXR3cuerq6jd2Z7g", ""), Err("weak algorithm")),
        (line("a.py", good, "1") + &line("a.py", "", ""), Err("two different lines")),
        (line("a.py", good, "1") + &line("/etc/passwd", "", ""), Err("leaves the wheel")),
        (line("a.py", good, "1") + &line("../../bin/x", "", ""), Err("leaves the wheel")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let wheel = Wheel::new("alpha", "1.0").file("a.py", "a").with_record_of("a.py", &lines);
        let wheel = wheel.open(dir.path());
        match (wheel.verify(), expected) {
            (Ok(unhashed), Ok(expected)) => assert_eq!(unhashed, expected, "{lines}"),
            (Err(problem), Err(part)) => {
                assert!(problem.to_string().contains(part), "{lines}: {problem}");
                assert!(problem.hint.unwrap().contains("[override.alpha]"));
            }
            (verdict, _) => panic!("{lines}: {verdict:?}"),
        }
        let rewritten = wheel.with_true_record(SITE_PACKAGES, &dir.path().join("new")).unwrap();
        assert_eq!(rewritten.verify().unwrap(), 0, "{lines}");
        assert_eq!(rewritten.files, wheel.files);
    }
}
