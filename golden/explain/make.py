"""Makes the pairs of `golden/explain`: `python3 make.py` here writes them anew, byte for byte.

Each case is what a known tool leaves behind; the causes that must be found are in `CASES`.
"""

import base64
import hashlib
import pathlib
import shutil

HERE = pathlib.Path(__file__).parent
CASES = {}


def case(name, causes, a, b, canaries=()):
    """A pair of trees, each a mapping of path to content."""
    CASES[name] = (causes, a, b, canaries)


def record(files, order=sorted):
    """The RECORD of files, as an installer writes it."""
    lines = []
    for path in order(files):
        digest = base64.urlsafe_b64encode(hashlib.sha256(files[path]).digest())
        lines.append(f"{path},sha256={digest.decode().rstrip('=')},{len(files[path])}\n")
    return "".join(lines).encode()


def text_cases():
    url = b'{"url":"file://%s/packages/x","dir_info":{}}'
    case(
        "direct-url",
        {"x-1.dist-info/direct_url.json": ["build-path-in-direct-url"]},
        {"x-1.dist-info/direct_url.json": url % b"/src"},
        {"x-1.dist-info/direct_url.json": url % b"/srcdifferent"},
    )
    times = b'{"timestamp":{"secs_since_epoch":%d,"nanos_since_epoch":%d},"commit":null}'
    case(
        "uv-cache",
        {"x-1.dist-info/uv_cache.json": ["timestamp-in-uv-cache"]},
        {"x-1.dist-info/uv_cache.json": times % (1795479203, 5)},
        {"x-1.dist-info/uv_cache.json": times % (1795479877, 123456789)},
    )
    case(
        "text-path",
        {"config.py": ["build-path-in-text"]},
        {"config.py": b'prefix = "/tmp/one/build"\nlib = "-L/tmp/one/build/lib"\n'},
        {"config.py": b'prefix = "/home/me/build"\nlib = "-L/home/me/build/lib"\n'},
    )
    case(
        "text-times",
        {
            "a.txt": ["timestamp-in-text"],
            "b.txt": ["timestamp-in-text"],
            "c.py": ["timestamp-in-text"],
        },
        {
            "a.txt": b"made on Tue Nov 24 00:01:18 UTC 2026\n",
            "b.txt": b"made 2026-11-24T00:01:18Z\n",
            "c.py": b"BUILT = 1795479203.25\n",
        },
        {
            "a.txt": b"made on Wed Jan  6 10:59:00 UTC 2027\n",
            "b.txt": b"made 2027-01-06T10:59:00Z\n",
            "c.py": b"BUILT = 1799233140.5\n",
        },
    )
    case(
        "random-name",
        {"log.txt": ["random-name"]},
        {"log.txt": b"in /tmp/tmpab3_x9qz/x.c\n"},
        {"log.txt": b"in /tmp/tmp0pq8rs_t/x.c\n"},
    )
    case(
        "memory-address",
        {"api.txt": ["memory-address"]},
        {"api.txt": b"default: <object object at 0x7f2a1c3d5e80>\n"},
        {"api.txt": b"default: <object object at 0x7fe39a014b60>\n"},
    )
    case(
        "several-causes",
        {"info.py": ["build-path-in-text", "timestamp-in-text", "host-name"]},
        {"info.py": b'P = "/one/x"\nT = "2026-11-24 00:01:18"\nH = "build-alpha"\n'},
        {"info.py": b'P = "/two/x"\nT = "2027-01-06 10:59:00"\nH = "build-beta"\n'},
        [("host-name", "build-alpha", "build-beta")],
    )
    case(
        "locale",
        {"env.txt": ["locale"]},
        {"env.txt": b"LANG=C.UTF-8\n"},
        {"env.txt": b"LANG=et_EE.UTF-8\n"},
    )
    case(
        "time-zone",
        {"env.txt": ["time-zone"]},
        {"env.txt": b"zone is GMT\n"},
        {"env.txt": b"zone is CET\n"},
    )
    case(
        "environment",
        {"env.txt": ["environment"]},
        {"env.txt": b"A=1\nB=2\n"},
        {"env.txt": b"A=1\nEXTRA=captured-17\nB=2\n"},
        [("environment", None, "captured-17")],
    )
    case(
        "cpu",
        {"flags.txt": ["cpu"]},
        {"flags.txt": b"cc -O2 -march=znver3 -c x.c\n"},
        {"flags.txt": b"cc -O2 -march=skylake -c x.c\n"},
    )


def order_cases():
    case(
        "order-of-lines",
        {"list.txt": ["order-of-lines"]},
        {"list.txt": b"a\nb\nc\n"},
        {"list.txt": b"c\na\nb\n"},
    )
    case(
        "order-of-sources",
        {"x.egg-info/SOURCES.txt": ["order-of-sources"]},
        {"x.egg-info/SOURCES.txt": b"a.py\nb.py\n"},
        {"x.egg-info/SOURCES.txt": b"b.py\na.py\n"},
    )
    head = b"Metadata-Version: 2.1\nName: x\nVersion: 1\n"
    one, two = b"Requires-Dist: attrs\n", b"Requires-Dist: zstd\n"
    case(
        "order-of-requires-dist",
        {"x-1.dist-info/METADATA": ["order-of-requires-dist"]},
        {"x-1.dist-info/METADATA": head + one + two},
        {"x-1.dist-info/METADATA": head + two + one},
    )
    case(
        "hash-seed",
        {"generated.py": ["hash-seed"]},
        {"generated.py": b"NAMES = {'one', 'two', 'three'}\n"},
        {"generated.py": b"NAMES = {'three', 'one', 'two'}\n"},
    )


def record_cases():
    def tree(content):
        files = {"x.py": b"x = 1\n", "log.txt": content}
        files["x-1.dist-info/RECORD"] = record(files) + b"x-1.dist-info/RECORD,,\n"
        return files

    case(
        "derived-record",
        {"log.txt": ["timestamp-in-text"], "x-1.dist-info/RECORD": ["derived-record"]},
        tree(b"2026-11-24\n"),
        tree(b"2027-01-06\n"),
    )
    stale = tree(b"2027-01-06\n")
    stale["x-1.dist-info/RECORD"] = tree(b"another\n")["x-1.dist-info/RECORD"]
    case(
        "stale-record",
        {"log.txt": ["timestamp-in-text"], "x-1.dist-info/RECORD": ["unexplained"]},
        tree(b"2026-11-24\n"),
        stale,
    )
    files = {"a.py": b"", "b.py": b"x = 1\n"}
    case(
        "order-of-record",
        {"x-1.dist-info/RECORD": ["order-of-record"]},
        files | {"x-1.dist-info/RECORD": record(files)},
        files | {"x-1.dist-info/RECORD": record(files, lambda names: sorted(names, reverse=True))},
    )
    own = {name: {"docs/Makefile": content} for name, content in (("x", b"x:\n"), ("y", b"y:\n"))}
    records = {f"{name}-1.dist-info/RECORD": record(files) for name, files in own.items()}
    case(
        "file-collision",
        {"docs/Makefile": ["file-collision"]},
        records | own["x"],
        records | own["y"],
    )


def toml_of(causes, canaries):
    lines = ["# Made by make.py.\n"]
    for kind, a, b in canaries:
        lines.append("[[canaries]]\n" + f'kind = "{kind}"\n')
        lines.extend(f'{side} = "{value}"\n' for side, value in (("a", a), ("b", b)) if value)
    lines.append("[causes]\n")
    for path, ids in causes.items():
        lines.append(f'"{path}" = [{", ".join(f"{chr(34)}{id}{chr(34)}" for id in sorted(ids))}]\n')
    return "".join(lines)


def main():
    text_cases()
    order_cases()
    record_cases()
    for name, (causes, a, b, canaries) in CASES.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        for side, files in (("a", a), ("b", b)):
            for path, content in files.items():
                target = HERE / name / side / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        (HERE / name / "expect.toml").write_text(toml_of(causes, canaries))


main()
