//! `run`: what is bound below the prefix changes nothing of the published output.

use base::nar;
use std::path::Path;

use crate::cli::{PLAIN, Small, end};

#[test]
fn a_bind_below_the_prefix_leaves_the_output_as_it_is() {
    let small = Small::new(PLAIN);
    small.append("recipes/small.toml", "[[copy]]\nfrom = \"act.py\"\nto = \"etc/act.py\"\n");
    let report = small.build().json();
    let output = Path::new(report["output"].as_str().unwrap());
    let before = nar::hash_path(output).unwrap();
    fs_err::create_dir(small.path("state")).unwrap();
    let run = |inside: &str, script: &str| {
        let bind = format!("{}:{inside}", small.path("state").display());
        let words = ["run", "small", "--bind", &bind, "--", "/bin/sh", "-c", script];
        let ended = end(&mut small.builder(&words));
        assert_eq!(nar::hash_path(output).unwrap(), before, "{inside}");
        ended
    };
    // All of the rest is where it was, and works.
    let works = "test -f /opt/small/etc/act.py && /opt/small/bin/python -c 'import small'";
    for inside in ["/opt/small/state", "/opt/small/etc/deep/state", "/opt/small/etc", "/srv/x"] {
        let script = match inside {
            "/opt/small/etc" => format!("echo {inside} > {inside}/file"),
            _ => format!("echo {inside} > {inside}/file && {works}"),
        };
        run(inside, &script).good();
        let written = fs_err::read_to_string(small.path("state/file")).unwrap();
        assert_eq!(written, format!("{inside}\n"));
        // What is not bound cannot be written to, but where it was put together in memory.
        let code = run(inside, "echo x > /opt/small/bin/x").code;
        assert_ne!(code, Some(0), "{inside}");
    }
    let link = output.join("bin/python");
    assert!(link.is_symlink());
    run("/opt/small/bin/python/x", "true").bad(2, &["cannot bind at", "`bin/python`", "symlink"]);
}
