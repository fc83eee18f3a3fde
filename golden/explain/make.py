"""Makes the pairs of `golden/explain`: `python3 make.py` here writes them anew, byte for byte.

Each case is what a known tool leaves behind, or a change of behaviour that only looks like that.
The causes that must be found are in `CASES`; `~` stands behind one that it only looks like.
"""

import base64
import hashlib
import io
import pathlib
import shutil
import struct
import tarfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).parent
Link = pathlib.PurePosixPath
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
        {"config.py": ["build-path-in-text~"]},
        {"config.py": b'prefix = "/tmp/one/build"\nlib = "-L/tmp/one/build/lib"\n'},
        {"config.py": b'prefix = "/home/me/build"\nlib = "-L/home/me/build/lib"\n'},
    )
    case(
        "text-times",
        {
            "a.txt": ["timestamp-in-text~"],
            "b.txt": ["timestamp-in-text~"],
            "c.py": ["timestamp-in-text~"],
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
        {"log.txt": ["random-name~"]},
        {"log.txt": b"in /tmp/tmpab3_x9qz/x.c\n"},
        {"log.txt": b"in /tmp/tmp0pq8rs_t/x.c\n"},
    )
    case(
        "memory-address",
        {"api.txt": ["memory-address~"]},
        {"api.txt": b"default: <object object at 0x7f2a1c3d5e80>\n"},
        {"api.txt": b"default: <object object at 0x7fe39a014b60>\n"},
    )
    case(
        "several-causes",
        {"info.py": ["build-path-in-text~", "timestamp-in-text~", "host-name~"]},
        {"info.py": b'P = "/one/x"\nT = "2026-11-24 00:01:18"\nH = "build-alpha"\n'},
        {"info.py": b'P = "/two/x"\nT = "2027-01-06 10:59:00"\nH = "build-beta"\n'},
        [("host-name", "build-alpha", "build-beta")],
    )
    case(
        "locale",
        {"env.txt": ["locale~"]},
        {"env.txt": b"LANG=C.UTF-8\n"},
        {"env.txt": b"LANG=et_EE.UTF-8\n"},
    )
    case(
        "time-zone",
        {"env.txt": ["time-zone~"]},
        {"env.txt": b"zone is GMT\n"},
        {"env.txt": b"zone is CET\n"},
    )
    case(
        "environment",
        {"env.txt": ["environment~"]},
        {"env.txt": b"A=1\nB=2\n"},
        {"env.txt": b"A=1\nEXTRA=captured-17\nB=2\n"},
        [("environment", None, "captured-17")],
    )
    case(
        "cpu",
        {"flags.txt": ["cpu~"]},
        {"flags.txt": b"cc -O2 -march=znver3 -c x.c\n"},
        {"flags.txt": b"cc -O2 -march=skylake -c x.c\n"},
    )


    case(
        "time-zone-of-times",
        {"built.txt": ["time-zone~"]},
        {"built.txt": b"1980-01-01 00:00:00 and 1980-01-02T00:00:00\n"},
        {"built.txt": b"1980-01-01 14:00:00 and 1980-01-02T14:00:00\n"},
    )
    case(
        "time-zone-by-name",
        {"env.txt": ["time-zone~"]},
        {"env.txt": b"zone: UTC\n"},
        {"env.txt": b"zone: +14\n"},
        [("time-zone", "UTC", "<+14>-14")],
    )
    case(
        "locale-in-quotes",
        {"build.log": ["locale~"]},
        {"build.log": "x.c:1: unused \u2018x\u2019\n".encode()},
        {"build.log": b"x.c:1: unused 'x'\n"},
    )
    case(
        "environment-tail",
        {"env.txt": ["environment~"]},
        {"env.txt": b"PATH=/usr/bin:/bin\n"},
        {"env.txt": b"PATH=/usr/bin:/bin:/captured-17\n"},
        [("environment", None, "/captured-17")],
    )
    # What is short stands elsewhere too: only the line that differs tells of the variation.
    case(
        "short-canary",
        {"config.txt": ["cpu~"]},
        {"config.txt": b"threads = 2\nprotocol = 2\nlevel = 1\n"},
        {"config.txt": b"threads = 1\nprotocol = 2\nlevel = 1\n"},
        [("cpu", "2", "1")],
    )
    # The home of one side is a part of another path, where it must not be taken for a cause.
    case(
        "canary-elsewhere",
        {"config.txt": ["random-name~"]},
        {"config.txt": b"in /var/tmp/tmpab3_x9qz/x.c\n"},
        {"config.txt": b"in /var/tmp/tmp0pq8rs_t/x.c\n"},
        [("home", "/tmp", "/home/other-17"), ("hash-seed", "0", "17")],
    )
    case(
        "hash-in-names",
        {"x.c": ["random-name~"]},
        {"x.c": b"static int __pyx_k_0a1b2c3d;\n"},
        {"x.c": b"static int __pyx_k_9f8e7d6c;\n"},
    )
    case(
        "version-by-date",
        {"_version.py": ["timestamp-in-text~"]},
        {"_version.py": b'version = "1.0.1.dev3+g0123abc.d20261124"\n'},
        {"_version.py": b'version = "1.0.1.dev3+g0123abc.d20270106"\n'},
    )


def order_cases():
    case(
        "order-of-lines",
        {"list.txt": ["order-of-lines~"]},
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
        {"generated.py": ["hash-seed~"]},
        {"generated.py": b"NAMES = {'one', 'two', 'three'}\n"},
        {"generated.py": b"NAMES = {'three', 'one', 'two'}\n"},
    )


    case(
        "order-of-items",
        {"modules.py": ["order-of-items~"]},
        {"modules.py": b"MODULES = ['delta', 'beta', 'gamma', 'alpha']\n"},
        {"modules.py": b"MODULES = ['alpha', 'gamma', 'beta', 'delta']\n"},
    )
    # The lines are the same, so nothing has to be said of the names in them.
    case(
        "order-of-names",
        {"x.c": ["order-of-lines~"]},
        {"x.c": b"int x_0a1b2c3d;\nint x_9f8e7d6c;\n"},
        {"x.c": b"int x_9f8e7d6c;\nint x_0a1b2c3d;\n"},
    )
    many = [
        b"host: %s\nkernel: %s\nhome: %s\nzone: %s\njobs: %s\npath: /usr/bin%s\nat: %s\nis: 2\n" % values
        for values in (
            (b"alpha", b"6.1.0-30", b"/tmp", b"UTC", b"2", b"", b"2026-11-24 00:01:18"),
            (b"other-17", b"5.9.0-17", b"/home/of-17", b"+14", b"1", b":/path-17", b"2028-01-02 00:26:06"),
        )
    ]
    causes = ["host-name", "kernel", "home", "time-zone", "cpu", "environment", "timestamp-in-text"]
    causes = [f"{cause}~" for cause in causes]
    canaries = [
        ("host-name", "alpha", "other-17"),
        ("kernel", "6.1.0-30", "5.9.0-17"),
        ("home", "/tmp", "/home/of-17"),
        ("temporary-directory", "/tmp", "/mnt/tmp-of-17"),
        ("time-zone", "UTC", "<+14>-14"),
        ("cpu", "2", "1"),
        ("environment", None, "/path-17"),
        ("hash-seed", "0", "17"),
    ]
    sides = [{"config.log": text} for text in many]
    case("many-causes", {"config.log": causes}, *sides, canaries)


def record_cases():
    def tree(content):
        files = {"x.py": b"x = 1\n", "log.txt": content}
        files["x-1.dist-info/RECORD"] = record(files) + b"x-1.dist-info/RECORD,,\n"
        return files

    case(
        "derived-record",
        {"log.txt": ["timestamp-in-text~"], "x-1.dist-info/RECORD": ["derived-record"]},
        tree(b"2026-11-24\n"),
        tree(b"2027-01-06\n"),
    )
    stale = tree(b"2027-01-06\n")
    stale["x-1.dist-info/RECORD"] = tree(b"another\n")["x-1.dist-info/RECORD"]
    case(
        "stale-record",
        {"log.txt": ["timestamp-in-text~"], "x-1.dist-info/RECORD": ["unexplained"]},
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
        {"docs/Makefile": ["file-collision~"]},
        records | own["x"],
        records | own["y"],
    )


def zipped(members, second=0, hour=0, mode=0o644, method=zipfile.ZIP_DEFLATED, level=6):
    """A zip, as wheels are: (name, content) in order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=level) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, (2026, 11, 24, hour, 1, second))
            info.compress_type = method
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def tarred(members, mtime=315532800, mode=0o644, owner="root", pax=None):
    buffer = io.BytesIO()
    form = tarfile.PAX_FORMAT if pax else tarfile.USTAR_FORMAT
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(content), mtime, mode
            info.uname = info.gname = owner
            info.pax_headers = pax or {}
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def library(members, mtime=0, owner=0, mode=0o644):
    """A static library, as `ar` writes it."""
    made = b"!<arch>\n"
    for name, content in members:
        head = f"{name + '/':<16}{mtime:<12}{owner:<6}{owner:<6}{mode | 0o100000:<8o}{len(content):<10}`\n"
        made += head.encode() + content + b"\n" * (len(content) % 2)
    return made


def gzipped(content, mtime=0, level=9):
    """Written by hand, so that the bytes do not depend on the version of Python."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = deflate.compress(content) + deflate.flush()
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 0, mtime, 2 if level == 9 else 0, 255)
    return head + body + struct.pack("<II", zlib.crc32(content), len(content))


def zipped_by_hand(content, second=0, slack=b"", uncounted=b"", flags=0, twice=False):
    """A zip of one member, with what no tool writes."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(content) + deflate.flush() + slack
    name, sums = b"x/made.txt", (zlib.crc32(content), len(packed), len(content))
    head = struct.pack("<HHHHHIIIHH", 20, flags, 8, second // 2, 0x5D78, *sums, len(name), 0)
    local = b"PK\3\4" + head + name + packed
    central = b"PK\1\2\x14\3" + head + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, 0) + name
    directory = central * (2 if twice else 1) + uncounted
    counts = [2 if twice else 1] * 2
    end = struct.pack("<HHHHIIH", 0, 0, *counts, len(directory), len(local), 0)
    return local + directory + b"PK\5\6" + end


def tarred_types(content, mtime):
    """A tar whose members have types under which programs pass over content, or do not."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind in (("sparse", b"S"), ("unknown", b"Z"), ("link", b"1"), ("dir", b"5")):
            info = tarfile.TarInfo(f"x/{name}")
            info.size, info.mtime, info.type = len(content), mtime, kind
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def narred(content, executable):
    """A NAR of a directory with one file."""
    mode = [b"executable", b""] if executable else []
    file = [b"(", b"type", b"regular", *mode, b"contents", content, b")"]
    entry = [b"entry", b"(", b"name", b"run", b"node", *file, b")"]
    tokens = [b"nix-archive-1", b"(", b"type", b"directory", *entry, b")"]
    return b"".join(struct.pack("<Q", len(it)) + it + b"\0" * (-len(it) % 8) for it in tokens)


def hidden_cases():
    """A difference that has a cause, and another one where it is easily overlooked."""

    def hidden(name, causes, a, b, file):
        case(name, causes, {file: a}, {file: b})

    times = (315532800, 1795479203)
    members = {f"x.tar!/x/{name}": ["unexplained"] for name in ("sparse", "unknown", "link", "dir/")}
    sides = [tarred_types(content, time) for content, time in zip((b"good", b"evil"), times)]
    hidden("tar-types", {"x.tar": ["timestamp-in-tar"]} | members, *sides, "x.tar")
    sides = [
        tarred([(name, b"")], time, pax={"path": "x/a.py"})
        for name, time in zip(("good", "evil"), times)
    ]
    hidden("tar-short-name", {"x.tar": ["unexplained"]}, *sides, "x.tar")
    # Of two records with one key, the last one counts.
    sides = [
        tarred([("x/a.py", b"")], time, pax={"note.1": note, "note.2": "same"})
        for note, time in zip(("good", "evil"), times)
    ]
    sides = [side.replace(b"note.1", b"note.2") for side in sides]
    hidden("tar-records", {"x.tar": ["unexplained"]}, *sides, "x.tar")
    # What is long is cut off nowhere.
    noise = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    ends = zip((b"good", b"evil"), times)
    sides = [gzipped(b"x", time) + gzipped(noise + end) for end, time in ends]
    hidden("gzip-second-member", {"x.gz": ["unexplained"]}, *sides, "x.gz")
    names = [b"a.o/", b"a.o "]
    sides = [library([("a.o", b"odd")], time) for time in times]
    sides = [side.replace(names[0], name) for side, name in zip(sides, names)]
    hidden("ar-name", {"libx.a": ["unexplained"]}, *sides, "libx.a")
    text, wheel = b"made\n", "x-1-py3-none-any.whl"
    sides = [zipped_by_hand(text, time, slack=end) for time, end in ((0, b"good"), (2, b"evil"))]
    hidden("zip-slack", {wheel: ["unexplained"]}, *sides, wheel)
    sides = [zipped_by_hand(text, slack=end) for end in (b"good", b"evil")]
    hidden("zip-slack-alone", {wheel: ["unexplained"]}, *sides, wheel)
    sides = [zipped_by_hand(text, time, twice=True) for time in (0, 2)]
    hidden("zip-overlap", {wheel: ["unexplained"]}, *sides, wheel)
    uncounted = [b"PK\1\2" + bytes(42) + end for end in (b"good", b"evil")]
    sides = [zipped_by_hand(text, time, uncounted=end) for time, end in zip((0, 2), uncounted)]
    hidden("zip-uncounted", {wheel: ["unexplained"]}, *sides, wheel)
    dates = [(b"2026-11-24\n", 0), (b"2027-01-06\n", 2)]
    hidden(
        "zip-member-and-level",
        {wheel: ["compression"], f"{wheel}!/x/made.txt": ["timestamp-in-text~"]},
        *(zipped_by_hand(date, flags=level) for date, level in dates),
        wheel,
    )
    # A checksum in base 256 that is as long as its field.
    broken = bytearray(tarred([("x/a.py", b"")]))
    broken[148] = 0x80
    hidden("tar-checksum", {"x.tar": ["unexplained"]}, bytes(broken), bytes(broken[:-1]), "x.tar")


def archive_cases():
    one, two = ("x/a.py", b"a = 1\n" * 50), ("x/b.py", b"b = 2\n" * 50)
    wheel = "x-1-py3-none-any.whl"

    def archives(name, cause, a, b, file=wheel):
        case(name, {file: [cause]}, {file: a}, {file: b})

    plain = zipped([one, two])
    archives("zip-times", "timestamp-in-zip", plain, zipped([one, two], second=2))
    archives("zip-modes", "modes", plain, zipped([one, two], mode=0o664))
    archives("zip-order", "order-of-zip-entries", plain, zipped([two, one]))
    stored = zipped([one, two], method=zipfile.ZIP_STORED)
    archives("zip-compression", "compression", plain, stored)
    source, plain = "x-1.tar", tarred([one, two])
    archives("tar-times", "timestamp-in-tar", plain, tarred([one, two], 1795479203), source)
    archives("tar-owner", "user~", plain, tarred([one, two], owner="me"), source)
    archives("tar-modes", "modes", plain, tarred([one, two], mode=0o664), source)
    archives("tar-order", "order-of-tar-entries", plain, tarred([two, one]), source)
    pax = [tarred([one], pax={"mtime": time}) for time in ("315532800.5", "1795479203.25")]
    archives("tar-pax-times", "timestamp-in-tar", *pax, source)
    more = tarred([one], pax={"mtime": "315532800.5", "atime": "315532800", "comment": "x"})
    fewer = tarred([one], pax={"mtime": "1795479203.25", "comment": "x"})
    archives("tar-pax-more-times", "timestamp-in-tar", more, fewer, source)
    archives("gzip-time", "timestamp-in-gzip", gzipped(plain), gzipped(plain, 5), "x.gz")
    archives("gzip-level", "compression", gzipped(plain), gzipped(plain, level=1), "x.gz")
    archives("zip-time-zone", "time-zone", zipped([one, two]), zipped([one, two], hour=14))
    objects = [("a.o", b"odd"), ("b.o", b"even")]
    file, simple = "libx.a", library(objects)
    archives("ar-times", "timestamp-in-ar", simple, library(objects, mtime=1795479203), file)
    archives("ar-owner", "user~", simple, library(objects, owner=1000), file)
    archives("ar-modes", "modes", simple, library(objects, mode=0o664), file)
    archives("ar-order", "order-of-ar-members~", simple, library(objects[::-1]), file)
    archives("ar-broken", "unexplained", simple, simple[:-3], file)
    narred_as = [narred(b"exit 0\n", executable) for executable in (False, True)]
    archives("nar-modes", "modes~", *narred_as, "x.nar")
    member = {wheel + "!/x/made.txt": ["timestamp-in-text~"]}
    dates = [b"2026-11-24\n", b"2027-01-06\n"]
    case(
        "zip-member",
        member | {wheel + "!/x-1.dist-info/RECORD": ["derived-record"]},
        *({wheel: zipped(wheel_of({"x/made.txt": date}))} for date in dates),
    )
    times = ["timestamp-in-gzip", "timestamp-in-tar"]
    case(
        "sdist",
        {"x-1.tar.gz": times, "x-1.tar.gz!/x-1/made.txt": ["timestamp-in-text~"]},
        {"x-1.tar.gz": gzipped(tarred([("x-1/made.txt", dates[0])]))},
        {"x-1.tar.gz": gzipped(tarred([("x-1/made.txt", dates[1])], 5), 7)},
    )
    more = zipped([one, two, ("x/c.py", b"")])
    archives("zip-entry-more", "unexplained", zipped([one, two]), more)
    archives("zip-broken", "unexplained", plain[:40], zipped([one])[:-30], "x.zip")


def wheel_of(files):
    files = dict(files)
    files["x-1.dist-info/RECORD"] = record(files) + b"x-1.dist-info/RECORD,,\n"
    return list(files.items())


REF = 0x80


def text(value, mark=0):
    return bytes([ord("z") | mark, len(value)]) + value.encode()


def code(path="/src/x.py", consts=b"N", count=1, line=1):
    """A body as CPython 3.14 writes it: a code object without anything to do."""
    empty = b")\0"
    return b"".join(
        [
            b"\xe3" + struct.pack("<5i", 0, 0, 0, 1, 0),
            b"s" + struct.pack("<i", 4) + b"\x80\0\x52\0",
            b")" + bytes([count]) + consts,
            empty + empty + b"s\0\0\0\0",
            text(path, REF) + text("<module>") + text("<module>"),
            struct.pack("<i", line) + b"s\0\0\0\0" + b"s\0\0\0\0",
        ]
    )


def pyc(body, flags=1, stamp=b"hashhash"):
    return struct.pack("<HBBI", 3627, 13, 10, flags) + stamp + body


def pyc_cases():
    def bodies(name, cause, a, b):
        case(name, {"x.pyc": [cause]}, {"x.pyc": a}, {"x.pyc": b})

    plain = pyc(code())
    stamps = [struct.pack("<II", time, 100) for time in (1795479203, 1795479877)]
    bodies("pyc-time", "timestamp-in-pyc", *(pyc(code(), 0, stamp) for stamp in stamps))
    bodies("pyc-size", "unexplained", *(pyc(code(), 0, b"time" + s) for s in (b"1\0\0\0", b"2\0\0\0")))
    bodies("pyc-path", "build-path-in-pyc", plain, pyc(code("/another/dir/x.py")))
    marked = [pyc(code(consts=text("once", mark))) for mark in (0, REF)]
    bodies("pyc-mark", "pyc-references", *marked)
    # Number 0 is the code itself, number 1 the first text that is marked.
    shared = text("twice", REF) + b"r" + struct.pack("<i", 1)
    twice = [pyc(code(consts=items, count=2)) for items in (shared, text("twice", REF) * 2)]
    bodies("pyc-shared", "pyc-references", *twice)
    items = [text("one"), text("two"), text("three")]
    sets = [b">" + struct.pack("<i", 3) + b"".join(order) for order in (items, items[::-1])]
    bodies("pyc-set", "pyc-constant-order", *(pyc(code(consts=item)) for item in sets))
    tuples = [b")" + bytes([3]) + b"".join(order) for order in (items, items[::-1])]
    bodies("pyc-tuple", "pyc-constant-order~", *(pyc(code(consts=item)) for item in tuples))
    # With one hash seed, a tuple is not in the order of a set.
    seeds = [("hash-seed", "0", "0")]
    files = [{"x.pyc": pyc(code(consts=item))} for item in tuples]
    case("pyc-tuple-of-one-seed", {"x.pyc": ["unexplained"]}, *files, seeds)
    files = [{"x.pyc": pyc(code(consts=item))} for item in sets]
    case("pyc-set-of-one-seed", {"x.pyc": ["pyc-constant-order"]}, *files, seeds)
    # The order of a tuple is a part of what it says.
    numbers = [b"i" + struct.pack("<i", number) for number in (3, 12, 7)]
    for name, those in (("pyc-tuple-of-numbers", numbers), ("pyc-pair", items[:2])):
        both = [b")" + bytes([len(those)]) + b"".join(order) for order in (those, those[::-1])]
        bodies(name, "unexplained", *(pyc(code(consts=item)) for item in both))
    # Instructions refer to constants by number: in another order they are another program.
    both = [pyc(code(consts=b"".join(order), count=3)) for order in (items, items[::-1])]
    bodies("pyc-constants", "unexplained", *both)
    dates = [pyc(code(consts=text(date))) for date in ("2026-11-24", "2027-01-06")]
    bodies("pyc-date", "timestamp-in-text~", *dates)
    bodies("pyc-constant", "unexplained", plain, pyc(code(consts=text("other"))))
    bodies("pyc-line", "unexplained", plain, pyc(code(line=2)))
    # A tuple that holds itself has no value.
    knot = b"\xa9\1r" + struct.pack("<i", 1)
    bodies("pyc-knot", "unexplained", *(pyc(code(consts=knot, line=line)) for line in (1, 2)))


def toml_of(causes, canaries):
    lines = ["# Made by make.py.\n"]
    for kind, a, b in canaries:
        lines.append("[[canaries]]\n" + f'kind = "{kind}"\n')
        lines.extend(f'{side} = "{value}"\n' for side, value in (("a", a), ("b", b)) if value)
    lines.append("[causes]\n")
    for path, ids in causes.items():
        lines.append(f'"{path}" = [{", ".join(f"{chr(34)}{id}{chr(34)}" for id in sorted(ids))}]\n')
    return "".join(lines)


ROUNDS = [
    ("build-path", "a", "b-of-round-1"),
    ("environment", None, "value-of-round-1"),
    ("hash-seed", "0", "0"),
    ("host-name", "lockstep", "host-of-round-1"),
    ("temporary-directory", "/tmp", "/mnt/temporary-of-round-1"),
    ("user", "build", "user-of-round-1"),
]


def harm_cases():
    """Changes of behaviour that have the form of a cause."""

    def harm(name, a, b, cause="unexplained", file="x.py", canaries=ROUNDS):
        a, b = (side if isinstance(side, (bytes, Link)) else side.encode() for side in (a, b))
        case(name, {file: [cause]}, {file: a}, {file: b}, canaries)

    # Another order is another meaning.
    harm("harm-order-of-arguments", "run(['mv', OLD, NEW])\n", "run(['mv', NEW, OLD])\n")
    harm("harm-order-of-index", "X = ['a', 'b', 'c'][1]\n", "X = ['b', 'a', 'c'][1]\n")
    harm("harm-order-of-numbers", "int t[] = {3, 1, 2};\n", "int t[] = {1, 2, 3};\n", file="x.c")
    harm("harm-order-of-command", "Run = mv /a/b /c\n", "Run = mv /c /a/b\n", file="x.ini")
    harm("harm-order-of-quote", "'''\nlock()\n'''\n", "lock()\n'''\n'''\n")
    hooks = ["HOOKS = ['check', 'log', 'run']\n", "HOOKS = ['run', 'check', 'log']\n"]
    harm("harm-order-of-hooks", *hooks, "order-of-items~")
    head, line = "Metadata-Version: 2.1\nName: x\n", "Requires-Dist: y\n"
    both = [head + "\n" + line, head + line + "\n"]
    harm("harm-order-of-description", *both, file="x-1.dist-info/METADATA")
    both = [head + "none\n" + line, head + line + "none\n"]
    harm("harm-order-of-no-field", *both, file="x-1.dist-info/METADATA")
    both = ["a\nb\n[extra]\nc\n", "a\nc\n[extra]\nb\n"]
    harm("harm-order-of-sections", *both, file="x.egg-info/requires.txt")
    harm("harm-order-of-data", "a,1\nb,2\n", "b,2\na,1\n", "order-of-lines~", "RECORD")
    # A number, a date or an address is not a time.
    harm("harm-time-of-slice", "K = key[0:20]\n", "K = key[0:10]\n")
    harm("harm-time-of-item", "K = {1:30}\n", "K = {1:00}\n")
    harm("harm-time-of-card", "to 10:20:30:40:50:10\n", "to 10:20:30:40:50:20\n", file="x.txt")
    harm("harm-time-far-away", "ENDS = '2036-01-02'\n", "ENDS = '2020-01-02'\n")
    harm("harm-time-of-deadline", "ENDS = '2027-01-02'\n", "ENDS = '2026-01-02'\n", "timestamp-in-text~")
    harm("harm-time-of-number", "SEED = 1700000001\n", "SEED = 1700000002\n", "timestamp-in-text~")
    harm("harm-time-in-url", "U = 'd/2023/05/06/x'\n", "U = 'd/2023/05/07/x'\n")
    harm("harm-time-in-version", "x==2023.05.06\n", "x==2023.05.07\n", file="requirements.txt")
    harm("harm-time-in-requirement", "x==20230506\n", "x==20230507\n", file="requirements.txt")
    # A name that is chosen is not drawn.
    harm("harm-name-of-digits", "if mask_11111111: a()\n", "if mask_22222222: a()\n")
    uuids = [f"{digit}a2b3c4d-1234-4abc-8def-0123456789ab" for digit in "123"]
    both = [f"ON = '{one}'\nOFF = '{two}'\n" for one, two in (uuids[:2], uuids[1::-1])]
    harm("harm-name-swapped", *both)
    both = [f"ON = '{uuids[0]}'\nOFF = '{other}'\n" for other in uuids[:2]]
    both[1] = both[1].replace(uuids[0], uuids[2])
    harm("harm-name-shared", *both)
    harm("harm-name-of-tenant", f"T = '{uuids[0]}'\n", f"T = '{uuids[1]}'\n", "random-name~")
    harm("harm-name-in-code", "x.tmpname_one()\n", "x.tmpname_two()\n")
    # Words that locales, zones and addresses have, too.
    harm("harm-quote", "q = x.replace('\u201d', '')\n", "q = x.replace('\"', '')\n")
    harm("harm-mode", "MODE = 'C'\n", "MODE = 'POSIX'\n")
    harm("harm-codec", "use('one.utf8')\n".replace("one", "ab"), "use('cd.utf8')\n")
    harm("harm-sign", "move(x, +0930)\n", "move(x, -0930)\n")
    harm("harm-mask", "M = 0x7f2a1c3d5e80\n", "M = 0x7f2a1c3d0000\n")
    # What a round had, where it is something else.
    harm("harm-word-of-path", "x = a\n", "x = b-of-round-1\n")
    harm("harm-part-of-name", "x = my_lockstep()\n", "x = my_host-of-round-1()\n")
    harm("harm-line-of-code", "go()\n", "go() or stop()  # value-of-round-1\ngo()\n")
    harm("harm-name-of-user", "call(build)\n", "call(user-of-round-1)\n", "user~")
    harm("harm-host", "ALLOWED = 'lockstep'\n", "ALLOWED = 'host-of-round-1'\n", "host-name~")
    harm("harm-directory", "W = '/tmp'\n", "W = '/mnt/temporary-of-round-1'\n", "temporary-directory~")
    url = "U = 'https://%s.example/x/y'\n"
    harm("harm-two-hosts", url % "one", url % "two")
    harm("harm-two-paths", "P = '/etc/x/y'\n", "P = '/r/b-of-round-1/y'\n")
    # Where a link leads.
    harm("harm-link", Link("lib/tmpone_more"), Link("lib/tmptwo_more"), file="link")
    harm("harm-link-to-temporary", Link("/tmp/onepath1"), Link("/tmp/twopath2"), file="link")
    link = [Link(f"/r/{place}/x") for place in ("a", "b-of-round-1")]
    harm("harm-link-to-build", *link, "build-path-in-link~", "link")


def harm_archive_cases():
    """Archives that unpack to something else."""

    def harm(name, a, b, file, causes="unexplained"):
        case(name, {file: [causes]}, {file: a}, {file: b})

    def kinds(kind):
        return zipped([("key", b"target")], mode=0o777).replace(
            struct.pack("<H", 0o100777), struct.pack("<H", kind | 0o777)
        )

    harm("harm-zip-kind", kinds(0o100000), kinds(0o120000), "x.zip")
    one, two = zipped([("x", b"1")]), zipped([("x", b"1")], mode=0o755)
    harm("harm-zip-executable", one, two, "x.zip", "modes~")
    twice = [("x", b"1"), ("y", b""), ("./x", b"2")]
    harm("harm-zip-one-name", zipped(twice), zipped(twice[::-1]), "x.zip")
    linked = [zipped_link(b"/a/tmp" + name) for name in (b"one_more", b"two_more")]
    case("harm-zip-target", {"x.zip!/link": ["unexplained"]}, {"x.zip": linked[0]}, {"x.zip": linked[1]})
    members = [("d", b"2", "/out"), ("d/x", b"0", ""), ("e", b"0", "")]
    harm("harm-tar-through-link", tarred_kinds(members), tarred_kinds(members[::-1]), "x.tar")
    members = [("d", b"0", ""), ("d/x", b"0", "")]
    harm("harm-tar-through-file", tarred_kinds(members), tarred_kinds(members[::-1]), "x.tar")
    members = [("a", b"0", ""), ("b", b"1", "a")]
    harm("harm-tar-hard-link", tarred_kinds(members), tarred_kinds(members[::-1]), "x.tar")
    writable = [tarred_kinds([("x", b"0", "", mode)]) for mode in (0o644, 0o666)]
    harm("harm-tar-writable", *writable, "x.tar", "modes~")
    setuid = [tarred_kinds([("x", b"0", "", mode)]) for mode in (0o755, 0o4755)]
    harm("harm-tar-setuid", *setuid, "x.tar")


def zipped_link(target):
    """A zip with a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link", (2026, 11, 24, 0, 0, 0))
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def tarred_kinds(members):
    """A tar of (name, type, target) and perhaps a mode, without more zeros than it must end with."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, kind, target, *mode in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, (mode or [0o644])[0]
            archive.addfile(info)
    return buffer.getvalue()[: 512 * len(members) + 1024]


def catalogue(date, text=b"Hallo"):
    """A catalogue of gettext, as `msgfmt` writes it."""
    header = f"Project-Id-Version: x\nPOT-Creation-Date: {date}\nContent-Type: text/plain\n"
    tables = ([b"", b"Hello"], [header.encode(), text])
    head, data = b"", b""
    start = 28 + 8 * 4
    for texts in tables:
        for text in texts:
            head += struct.pack("<II", len(text), start + len(data))
            data += text + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, 2, 28, 28 + 8 * 2, 0, start) + head + data


def format_cases():
    """Fields that are times, places or sets by their format."""
    dates = ["2026-11-28 05:50+0000", "2028-01-05 01:01+1400"]
    file = "messages.mo"
    both = [{file: catalogue(date)} for date in dates]
    case("mo-date", {file: ["timestamp-in-data"]}, *both)
    both = [{file: catalogue(*it)} for it in zip(dates, (b"Hallo", b"Hello"))]
    case("mo-text", {file: ["unexplained"]}, *both)
    both = [{file: catalogue(date)} for date in ("now", "then")]
    case("mo-no-date", {file: ["unexplained"]}, *both)
    file = "x-1.dist-info/direct_url.json"
    url = '{"url":"%s","dir_info":{}}'
    for name, cause, urls in (
        ("direct-url-of-root", "build-path-in-direct-url", ("file:///src-a", "file:///src-b")),
        ("direct-url-elsewhere", "unexplained", ("https://one.example/x", "https://two.example/x")),
    ):
        case(name, {file: [cause]}, *({file: (url % it).encode()} for it in urls))
    file = "x.egg-info/requires.txt"
    both = [{file: text} for text in (b"b\na\n\n[x]\nd\nc\n", b"a\nb\n\n[x]\nc\nd\n")]
    case("order-of-requirements", {file: ["order-of-requirements"]}, *both)
    clock = [("clock", "1795478400", "1830227873")]
    both = [{"x.txt": text} for text in (b"at 2026-11-24 01:02:03\n", b"at 2027-12-31 02:03:04\n")]
    case("time-of-clock", {"x.txt": ["timestamp-in-text"]}, *both, clock)
    both = [{"x.txt": text} for text in (b"at 2026-11-24 01:02:03\n", b"at 2027-06-01 02:03:04\n")]
    case("time-of-no-clock", {"x.txt": ["timestamp-in-text~"]}, *both, clock)


def main():
    harm_cases()
    harm_archive_cases()
    format_cases()
    text_cases()
    order_cases()
    record_cases()
    archive_cases()
    hidden_cases()
    pyc_cases()
    for name, (causes, a, b, canaries) in CASES.items():
        shutil.rmtree(HERE / name, ignore_errors=True)
        for side, files in (("a", a), ("b", b)):
            for path, content in files.items():
                target = HERE / name / side / path
                target.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Link):
                    target.symlink_to(content)
                else:
                    target.write_bytes(content)
        (HERE / name / "expect.toml").write_text(toml_of(causes, canaries))


main()
