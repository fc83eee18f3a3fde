//! How time and memory grow with the lock: generated locks of up to 10,000 packages, ten edges
//! each, as dense in files as a real lock. The same on every machine.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use xshell::Shell;

use super::measure::{Sample, Side};
use super::random::Random;
use super::{highest, median};
use crate::compile::compile;
use crate::flags::Bench;

const SIZES: [usize; 4] = [1_000, 2_000, 5_000, 10_000];
const EDGES_PER_PACKAGE: usize = 10;

/// What was measured of one size.
#[derive(Debug, Serialize)]
pub(super) struct Size {
    pub(super) packages: usize,
    pub(super) edges: usize,
    lock_bytes: usize,
    pub(super) seconds: f64,
    cpu_seconds: f64,
    pub(super) peak_mib: f64,
    samples: Vec<Sample>,
}

/// Measures `builder resolve` as a process, the sizes in turn.
pub(super) fn run(bench: &Bench, shell: &Shell) -> anyhow::Result<Vec<Size>> {
    let builder = compile(shell, "lockstep")?;
    let scratch = builder.parent().context("the builder is nowhere")?.join("bench/scale");
    let mut prepared = Vec::new();
    for packages in SIZES {
        let lock = lock(packages);
        let dir = scratch.join(packages.to_string());
        write(shell, &dir, &lock)?;
        let side = Side::new(&builder)
            .args(["--quiet", "resolve", "--platform", super::commands::PLATFORM])
            .arg("--workspace")
            .arg(dir);
        prepared.push((packages, lock.len(), side, Vec::new()));
    }
    for _ in 0..bench.runs {
        for (packages, _, side, samples) in &mut prepared {
            let sample = side.measure(shell)?;
            // All are reachable, and each is printed on a line of its own.
            let found = sample.output.lines().count();
            anyhow::ensure!(found == *packages, "{found} of {packages} packages were resolved");
            samples.push(sample);
        }
    }
    let sizes = prepared.into_iter().map(|(packages, lock_bytes, _, samples)| Size {
        packages,
        edges: packages * EDGES_PER_PACKAGE,
        lock_bytes,
        seconds: median(samples.iter().map(|it| it.seconds).collect()),
        cpu_seconds: median(samples.iter().map(|it| it.cpu_seconds).collect()),
        peak_mib: highest(samples.iter().map(|it| it.peak_mib).collect()),
        samples,
    });
    Ok(sizes.collect())
}

fn write(shell: &Shell, dir: &Path, lock: &str) -> anyhow::Result<()> {
    shell.create_dir(dir)?;
    shell.write_file(dir.join("uv.lock"), lock)?;
    let pyproject = "[project]\nname = \"p00000\"\nversion = \"1\"\n";
    shell.write_file(dir.join("pyproject.toml"), pyproject)?;
    Ok(())
}

/// The sizes as a table. Growth is that of CPU time, which other processes do not stretch: what
/// takes as long for each package is linear.
pub(super) fn table(sizes: &[Size]) -> String {
    let header = ["packages", "edges", "seconds", "cpu", "peak MiB", "cpu µs/package", "× first"];
    let row = |cells: [String; 7]| {
        let [packages, edges, seconds, cpu, peak, each, times] = cells;
        format!("{packages:>8} {edges:>7} {seconds:>8} {cpu:>6} {peak:>9} {each:>15} {times:>8}")
    };
    let mut lines = vec![row(header.map(str::to_owned))];
    for Size { packages, edges, seconds, cpu_seconds, peak_mib, .. } in sizes {
        #[expect(clippy::cast_precision_loss, reason = "a few thousands are exact")]
        let each = cpu_seconds * 1e6 / *packages as f64;
        lines.push(row([
            packages.to_string(),
            edges.to_string(),
            format!("{seconds:.3}"),
            format!("{cpu_seconds:.3}"),
            format!("{peak_mib:.0}"),
            format!("{each:.1}"),
            format!("{:.1}", cpu_seconds / sizes[0].cpu_seconds),
        ]));
    }
    lines.join("\n")
}

/// A lock of that many packages. Each needs the next one, so all are reached, on a path as long as
/// the lock; the rest of its edges go anywhere, also back, and half of them have markers.
pub(super) fn lock(packages: usize) -> String {
    let mut random = Random(42);
    let mut text = String::from("version = 1\nrevision = 3\nrequires-python = \">=3.12\"\n");
    for number in 0..packages {
        text += &package(number, packages, &mut random);
    }
    text
}

const MARKERS: [&str; 6] = [
    "sys_platform == 'linux'",
    "sys_platform == 'win32'",
    "python_full_version < '3.13'",
    "python_full_version >= '3.13' and sys_platform != 'win32'",
    "platform_machine == 'aarch64' or platform_machine == 'arm64'",
    "platform_python_implementation != 'PyPy'",
];

fn package(number: usize, packages: usize, random: &mut Random) -> String {
    let source = match number {
        0 => "virtual = \".\"",
        _ => "registry = \"https://index.example/simple\"",
    };
    let mut text = format!(
        "\n[[package]]\nname = \"p{number:05}\"\nversion = \"1.{number}\"\n\
         source = {{ {source} }}\ndependencies = [\n"
    );
    text += &format!("    {{ name = \"p{:05}\" }},\n", (number + 1) % packages);
    for _ in 1..EDGES_PER_PACKAGE {
        let to = random.below(packages);
        // As in real locks, few distinct markers, each many times.
        let marker = MARKERS.get(random.below(2 * MARKERS.len()));
        let marker = marker.map(|it| format!(", marker = \"{it}\"")).unwrap_or_default();
        text += &format!("    {{ name = \"p{to:05}\"{marker} }},\n");
    }
    text += "]\n";
    if number > 0 {
        text += &files(number, random);
    }
    text
}

fn files(number: usize, random: &mut Random) -> String {
    let mut file = |name: &str| {
        let hash = [(); 4].map(|()| format!("{:016x}", random.next())).concat();
        format!(
            "{{ url = \"https://files.example/packages/{}/{}/{}/p{number:05}-1.{number}{name}\", \
             hash = \"sha256:{hash}\", size = {}, upload-time = \"2026-01-01T00:00:00Z\" }}",
            &hash[..2],
            &hash[2..4],
            &hash[4..],
            number * 1000,
        )
    };
    let sdist = file(".tar.gz");
    let wheels = [
        "-cp314-cp314-macosx_11_0_arm64.whl",
        "-cp314-cp314-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "-cp314-cp314-manylinux_2_28_aarch64.whl",
    ];
    let wheels = wheels.map(|name| format!("    {},\n", file(name))).concat();
    format!("sdist = {sdist}\nwheels = [\n{wheels}]\n")
}
