//! A build backend is foreign code: what it can see and reach, and what becomes of one that fails,
//! lies, or leaves something running. Its report is in the wheel that it makes.

use std::io::ErrorKind;
use std::net::TcpListener;

use base::sys::files::sorted_entries;
use serde_json::Value;

use crate::cli::{self, Small, end, installed, processes_with};

/// What the backend tries; `@…@` are what the test fills in.
const CURIOUS: &str = r#"
import importlib, json, os, pwd, socket

def attempt(action):
    try:
        return repr(action())
    except BaseException as error:
        return "refused: " + type(error).__name__

def read(path):
    with open(path) as file:
        return file.read()

def write(path):
    with open(path, "w") as file:
        return file.write("x")

def act():
    seen = {
        "connect": attempt(lambda: socket.create_connection(("127.0.0.1", @port@), 5)),
        "route": attempt(lambda: socket.create_connection(("192.0.2.1", 80), 5)),
        "name": attempt(lambda: socket.getaddrinfo("localhost.example", 80)),
        "secret file": attempt(lambda: read("@secret@")),
        "home": attempt(lambda: os.listdir("@home@")),
        "cache": attempt(lambda: os.listdir("@cache@")),
        "shadow": attempt(lambda: read("/etc/shadow")),
        "write /": attempt(lambda: write("/x")),
        "write /usr": attempt(lambda: write("/usr/lib/x")),
        "write the interpreter": attempt(lambda: write(os.path.realpath("/usr/bin/python3.14"))),
        "write beside": attempt(lambda: write("@home@/x")),
        "write what is built": attempt(lambda: write("/build/built/x")),
        "write uv": attempt(lambda: write("/build/tools/uv")),
        "setuptools": attempt(lambda: importlib.import_module("setuptools")),
        "pip": attempt(lambda: importlib.import_module("pip")),
        "wheel": attempt(lambda: importlib.import_module("wheel")),
        "other build": attempt(lambda: importlib.import_module("other_backend")),
        "root": attempt(lambda: os.setuid(0)),
    }
    facts = {
        "environment": dict(os.environ),
        "interfaces": [name for _, name in socket.if_nameindex()],
        "host name": socket.gethostname(),
        "user": [os.getuid(), pwd.getpwuid(os.getuid()).pw_name],
        "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
        "build": sorted(os.listdir("/build")),
        "top": sorted(os.listdir("/")),
        "home": os.listdir("/root") + os.listdir("/home"),
        "directory": os.getcwd(),
    }
    with open("/build/mine", "w") as file:
        file.write("x")
    return {"small.json": json.dumps({"seen": seen, "facts": facts})}
"#;

#[test]
fn a_backend_sees_its_build_and_nothing_else() {
    let secrets = cli::scratch();
    let home = secrets.path().join("home");
    fs_err::create_dir(&home).unwrap();
    for dir in [secrets.path(), &home] {
        fs_err::write(dir.join("token"), "hunter2").unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let small = Small::new("");
    let act = CURIOUS
        .replace("@port@", &listener.local_addr().unwrap().port().to_string())
        .replace("@secret@", secrets.path().join("token").to_str().unwrap())
        .replace("@home@", home.to_str().unwrap())
        .replace("@cache@", small.cache.to_str().unwrap());
    small.write("app/act.py", &act);
    small.add_other("def act():\n    return {\"other.py\": \"\"}\n");
    // What follows would keep pip from fetching uv.
    end(&mut small.builder(&["fetch", "small"])).good();
    let ended = end(small
        .builder(&["--json", "build", "small", "-j", "2"])
        .env("HOME", &home)
        .envs([("AWS_SECRET_ACCESS_KEY", "hunter2"), ("UV_INDEX_X_PASSWORD", "hunter2")])
        .envs([("PYTHONPATH", "/hunter2"), ("PIP_INDEX_URL", "https://u:hunter2@i.example")]));
    let report = ended.json();
    let text = installed(&report, "small.json");
    let found: Value = serde_json::from_str(&text).unwrap();
    for (attempt, result) in found["seen"].as_object().unwrap() {
        let result = result.as_str().unwrap();
        assert!(result.starts_with("refused: "), "{attempt}: {result}");
    }
    let refused = listener.accept().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::WouldBlock, "somebody connected");
    assert!(!text.contains("hunter2"), "{text}");
    assert!(!text.contains(small.cache.to_str().unwrap()), "{text}");
    let facts = &found["facts"];
    assert_eq!(facts["interfaces"], serde_json::json!(["lo"]));
    assert_eq!(facts["host name"], "lockstep");
    assert_eq!(facts["user"], serde_json::json!([1000, "build"]));
    assert_eq!(facts["home"], serde_json::json!([]));
    assert_eq!(facts["directory"], "/build/src");
    assert!(facts["processes"].as_u64().unwrap() < 10, "{facts}");
    let environment = facts["environment"].as_object().unwrap();
    for (key, value) in [("HOME", "/tmp"), ("TZ", "UTC"), ("SOURCE_DATE_EPOCH", "315532800")] {
        assert_eq!(environment[key], value, "{key}");
    }
    assert!(!environment.contains_key("PYTHONPATH"));
}

#[test]
fn a_backend_that_fails_leaves_its_log_and_its_sandbox() {
    let small = Small::new(
        "def act():\n    for line in range(100):\n        print('line', line)\n    \
         open('/build/evidence', 'w').write('it was me')\n    raise SystemExit(3)\n",
    );
    let ended = small.build();
    ended.bad(1, &["the build of `small 1.0` failed", "line 99", "whole log", "lockstep enter"]);
    assert!(!ended.stderr.contains("line 3\n"), "the whole log was printed:\n{}", ended.stderr);
    let log = small.work_with("builds/small/log").unwrap();
    assert!(ended.stderr.contains(log.to_str().unwrap()), "{}", ended.stderr);
    let dir = log.parent().unwrap().to_str().unwrap().to_owned();
    assert!(ended.stderr.contains(&format!("lockstep enter {dir}")), "{}", ended.stderr);
    let whole = fs_err::read_to_string(&log).unwrap();
    assert!(whole.contains("line 0\n") && whole.contains("line 99\n"), "{whole}");
    let enter =
        |command: &[&str]| end(small.builder(&["--quiet", "enter", &dir, "--"]).args(command));
    assert_eq!(enter(&["cat", "/build/evidence"]).good(), "it was me");
    // The same sandbox: the build environment, no network, the same user.
    let script = "import os, socket, sys\nprint(sys.prefix, os.getuid(), os.getcwd(), \
        len(socket.if_nameindex()))";
    let printed = enter(&["python", "-c", script]).good();
    assert_eq!(printed, "/build/env 1000 /build/src 1\n");
    assert_eq!(enter(&["sh", "-c", "exit 9"]).code, Some(9));
    end(&mut small.builder(&["enter", "/"])).bad(2, &["is not a failed build"]);
    // The next run is not disturbed by it.
    small.write("app/act.py", cli::PLAIN);
    assert_eq!(small.build().json()["cached"], false);
}

/// Who builds a single wheel reads the same message, which names the same directory.
#[test]
fn a_single_build_that_fails_leaves_what_its_message_names() {
    let small = Small::new("def act():\n    raise SystemExit(3)\n");
    let single = ["build", "small", "--only", "small", "--wheels-out", "wheels"];
    end(&mut small.builder(&single)).bad(1, &["the build of `small 1.0` failed", "whole log"]);
    let log = small.work_with("builds/small/log").expect("the log that the message names");
    let dir = log.parent().unwrap().to_str().unwrap();
    end(&mut small.builder(&["--quiet", "enter", dir, "--", "true"])).good();
    small.write("app/act.py", cli::PLAIN);
    end(&mut small.builder(&single)).good();
    assert!(small.path("wheels/small-1.0-py3-none-any.whl").exists());
}

/// A backend can put a link in the place of any of its directories.
#[test]
fn links_that_a_backend_plants_lead_nowhere() {
    let host = cli::scratch();
    let large = host.path().join("large");
    fs_err::write(&large, vec![0; 1 << 20]).unwrap();
    for (place, fails) in [("src", false), ("tools", true)] {
        let end_of = if fails { "raise SystemExit(3)" } else { "return {'small.py': ''}" };
        let small = Small::new(&format!(
            "import os\ndef act():\n    os.rename('/build/{place}', '/build/moved')\n    \
             os.symlink('{}', '/build/{place}')\n    {end_of}\n",
            host.path().display()
        ));
        let ended = small.build();
        assert_eq!(ended.code, Some(i32::from(fails)), "{ended:?}");
        if fails {
            // Its sandbox has something mounted there, for which a place would be made.
            let log = small.work_with("builds/small/log").unwrap();
            let ended =
                end(small.builder(&["enter"]).arg(log.parent().unwrap()).args(["--", "true"]));
            ended.bad(1, &["cannot bind at `/build/tools/uv`", "no file or directory"]);
        }
        let left = sorted_entries(host.path()).unwrap();
        assert_eq!(left.iter().map(fs_err::DirEntry::path).collect::<Vec<_>>(), [&*large]);
    }
}

#[test]
fn a_wheel_that_was_not_locked_is_refused() {
    for (lie, made, hint) in [
        ("NAME = 'large'", "large-1.0", "not what was locked"),
        ("VERSION = '1.1'", "small-1.1", "the lock is older than the project"),
    ] {
        let small = Small::new(&format!("{lie}\n{}", cli::PLAIN));
        let made = format!("{made}-py3-none-any.whl");
        small.build().bad(1, &["`small` did not make its wheel", &made, "small 1.0", hint]);
        assert!(!small.path("result").exists());
    }
    let other = Small::new(cli::PLAIN);
    for (from, to, parts) in [
        ("py3-none-any.whl", "cp313-cp313-win_amd64.whl", "does not fit"),
        ("return filename", "return 'nothing.whl'", "failed"),
    ] {
        other.replace("app/backend.py", from, to);
        other.build().bad(1, &[parts]);
    }
}

/// A build lock that was made before the tree changed must not give a build what it does not ask
/// for.
#[test]
fn a_build_lock_that_is_older_than_the_tree_is_told() {
    for (from, to, parts) in [
        ("requires = []", "requires = [\"setuptools>=80\"]", ["it requires", "setuptools>=80"]),
        ("\"backend\"", "\"backend:other\"", ["backend:other", "(locked: backend)"]),
    ] {
        let small = Small::new(cli::PLAIN);
        small.replace("app/pyproject.toml", from, to);
        let ended = small.build();
        ended.bad(1, &["the build lock does not fit `small`", "lockstep build-lock"]);
        ended.bad(1, &parts);
        // What another platform would need is not missing.
        small.replace("app/pyproject.toml", to, from);
        let marked = "requires = [\"setuptools; sys_platform == 'win32'\"]";
        small.replace("app/pyproject.toml", "requires = []", marked);
        assert_eq!(small.build().json()["cached"], false);
    }
}

/// Where the host reads what a build has made, a link could lead it to a file of its own. uv itself
/// refuses a wheel that is no file, so each link leads to one inside.
#[test]
fn links_that_a_backend_leaves_are_not_followed() {
    for (act, part) in [
        ("os.remove(made); os.symlink('/etc/passwd', made)", "something else than a file"),
        (
            "import shutil; shutil.move('/build/dist', '/tmp/d'); os.symlink('/tmp/d', '/build/dist')",
            "the backend removed the directory",
        ),
        ("os.truncate(made, 17 << 30)", "more than 17179869184 bytes"),
    ] {
        let small = Small::new(cli::PLAIN);
        small.append("app/backend.py", &plant(act));
        small.build().bad(1, &["`small` did not make its wheel", part]);
    }
}

/// Who enters a failed build makes the mount points of its sandbox anew.
#[test]
fn a_failed_build_leads_nobody_outside() {
    let outside = cli::scratch();
    let made = outside.path().join("made");
    let small = Small::new(&format!(
        "import os\ndef act():\n    os.rename('/build/tools', '/build/moved')\n    \
         os.mkdir('/build/tools')\n    os.symlink('{}', '/build/tools/uv')\n    \
         raise SystemExit(3)\n",
        made.display()
    ));
    small.build().bad(1, &["the build of `small 1.0` failed"]);
    let log = small.work_with("builds/small/log").unwrap();
    let dir = log.parent().unwrap().to_str().unwrap();
    end(&mut small.builder(&["enter", dir, "--", "true"]))
        .bad(1, &["cannot bind at `/build/tools/uv`", "no file or directory", "remove that"]);
    assert!(made.symlink_metadata().is_err());
}

#[test]
fn a_pyproject_that_nobody_wrote_is_not_read() {
    let small = Small::new(cli::PLAIN);
    small.add_other(cli::PLAIN);
    small.append("app/other/pyproject.toml", &"#".repeat(17 << 20));
    small.build().bad(1, &["cannot read the `pyproject.toml` of `other`", "1048576 bytes"]);
}

/// What the backend does with the wheel `made` when its interpreter ends.
fn plant(act: &str) -> String {
    format!(
        "import atexit, glob\n\n\ndef plant():\n    for made in \
         glob.glob('/build/dist/*.whl'):\n        {act}\n\n\natexit.register(plant)\n"
    )
}

#[test]
fn what_a_backend_leaves_running_does_not_outlive_its_build() {
    let marker = format!("8{:09}", std::process::id());
    let small = Small::new(&format!(
        "import subprocess\ndef act():\n    subprocess.Popen(['setsid', 'sleep', '{marker}'], \
         start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n    \
         return {{'small.py': ''}}\n"
    ));
    small.build().json();
    assert_eq!(processes_with(&marker), 0);
    let left = sorted_entries(&small.cache.join("work")).unwrap();
    let left: Vec<_> = left.iter().map(fs_err::DirEntry::file_name).collect();
    assert_eq!(left, [".sweep.lock"]);
}
