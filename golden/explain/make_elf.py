"""Makes the pairs of ELF files in `golden/explain`, with the gcc of the sample's toolchain:

    cargo xtask shell --bind golden/explain:/explain -- python3 /explain/make_elf.py

Names of cases behind that are all that is made. Another gcc makes other files, and the same
causes must be found in them.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
CHECK = """
void report(const char *format, const char *file);

static const char format[] = "check failed in %s", file[] = __FILE__;

void check(int fine)
{
    if (!fine)
        report(format, file);
}
"""
# Where the program starts, beside a string that moves what is behind it.
ENTRY = CHECK + """
void other(int fine)
{
    check(!fine);
}
"""
# Nothing in the file but the size of a section tells how much is zeroed.
ZEROED = CHECK + "static char zeroed[SIZE] __attribute__((used));\n"
# Two tables of pointers to what stands behind a string that moves it.
TABLES = CHECK.replace(
    "void check(",
    """
static const char after[] __attribute__((used, aligned(1))) = "stands behind";
const char *const first[1] __attribute__((section(".go1"), used)) = {after};
const char *const second[8] __attribute__((section(".go2"), used)) = {
    [4] = after
};

void check(""",
)
# As small as a shared object can be.
SMALL = (
    "-shared",
    "-fPIC",
    "-fno-toplevel-reorder",
    "-nostdlib",
    "-Wl,-z,noseparate-code",
    "-fno-stack-protector",
    "-s",
)
NO_ID = ("-Wl,--build-id=none",)


def compile(directory, source, flags, name):
    with tempfile.TemporaryDirectory() as place:
        source_file = pathlib.Path(place, directory, "check.c")
        source_file.parent.mkdir(parents=True)
        source_file.write_text(source)
        mapped = f"-ffile-prefix-map={place}="
        made = pathlib.Path(place, name)
        # For link-time optimisation, the path would be kept although it is mapped.
        named = ["-xc", "-"] if "-flto" in flags else [source_file]
        command = ["gcc", "-O1", mapped, *flags, *named, "-o", made]
        subprocess.run(command, cwd="/", check=True, input=source.encode())
        return made.read_bytes()


def with_one_name(elf):
    """The file with one name for both tables."""
    return elf.replace(b".go1\0", b".got\0").replace(b".go2\0", b".got\0")


def case(name, causes, a, b, file="check.so", changed=bytes, canary=None):
    """A pair; each side is the directory, the source and the flags of a compilation. `canary` is a
    kind, and the value of each side."""
    if sys.argv[1:] and name not in sys.argv[1:]:
        return
    shutil.rmtree(HERE / name, ignore_errors=True)
    for side, (directory, source, flags) in (("a", a), ("b", b)):
        (HERE / name / side).mkdir(parents=True)
        (HERE / name / side / file).write_bytes(changed(compile(directory, source, flags, file)))
    listed = ", ".join(f'"{cause}"' for cause in sorted(causes))
    text = f'# Made by make_elf.py.\n[causes]\n"{file}" = [{listed}]\n'
    if canary:
        text += '\n[[canaries]]\nkind = "{}"\na = "{}"\nb = "{}"\n'.format(*canary)
    (HERE / name / "expect.toml").write_text(text)


def main():
    short, long = "src/one", "src/another/directory/for/builds"
    small = (*SMALL, *NO_ID)
    path = "build-path-in-read-only-data~"
    case("elf-path", [path], (short, CHECK, small), ("src/two", CHECK, small))
    # Whatever stands behind a longer string moves, and everything that points there changes.
    case("elf-path-moves", [path], (short, CHECK, small), (long, CHECK, small))
    swapped = CHECK.replace("(format, file)", "(file, format)")
    code = "compiler-output~"
    case("elf-path-and-code", [path, code], (short, CHECK, small), (long, swapped, small))
    case("elf-pointer", [code], (short, CHECK, small), (short, swapped, small))
    debug = (*SMALL[:-1], *NO_ID, "-g", "-gz=none")
    source = CHECK.replace("__FILE__", '"check.c"')
    case("elf-debug", ["build-path-in-dwarf"], (short, source, debug), (long, source, debug))
    debug_cases(source, debug, short, long)
    entries = [(*small, f"-Wl,-e,{start}") for start in ("check", "other")]
    case("elf-entry", [path, code], (short, ENTRY, entries[0]), (long, ENTRY, entries[1]))
    sizes = [(*small, f"-DSIZE={size}") for size in (64, 65)]
    case("elf-zeroed", ["unexplained"], (short, ZEROED, sizes[0]), (long, ZEROED, sizes[1]))
    # Addresses stand in the file only where no relocation brings them.
    undefined = "-Wl,--unresolved-symbols=ignore-all"
    fixed = (*small[1:], "-static", "-no-pie", "-Wl,-e,check", undefined)
    tables = [(directory, TABLES, fixed) for directory in (short, long)]
    case("elf-tables", [path], *tables, changed=with_one_name)
    with_id = (*SMALL, "-Wl,--build-id=sha1")
    case("elf-build-id", ["build-id", path], (short, CHECK, with_id), (long, CHECK, with_id))
    date = CHECK.replace("__FILE__", "BUILT")
    built = [(short, date, (*small, f'-DBUILT="on {day} at {time}"')) for day, time in DATES]
    case("elf-date", ["timestamp-in-data~"], *built)
    # Without `-frandom-seed`, this pair is another one each time that it is made.
    lto = ("src", CHECK, ("-flto", "-c"))
    case("elf-seeds", ["compiler-output"], lto, lto, file="check.o")


def debug_cases(source, debug, short, long):
    """Beside the path, something else that debug information records differs, or nothing."""
    path = "build-path-in-dwarf"
    recorded = (*debug, "-frecord-gcc-switches")
    flags = [(*recorded, f"-mtune={cpu}") for cpu in ("core2", "znver3")]
    case("elf-debug-flags", [path, "cpu"], (short, source, flags[0]), (long, source, flags[1]))
    # The value of a round is in the compiler's version too, where it does not differ.
    version = subprocess.check_output(["gcc", "-dumpversion"], text=True).strip().split(".")[0]
    loops = [(*debug, f"-ftree-parallelize-loops={count}") for count in (version, 7)]
    counts = ("cpu", version, 7)
    case("elf-debug-count", ["cpu"], *((short, source, it) for it in loops), canary=counts)
    built = [(*debug, "-g3", "-undef", f'-DBUILT="{day}"') for day, _ in DATES]
    date = "timestamp-in-data"
    case("elf-debug-date", [path, date], (short, source, built[0]), (long, source, built[1]))
    lower = "\n" + source
    output = "compiler-output"
    case("elf-debug-lines", [path, output], (short, source, debug), (long, lower, debug))
    case("elf-debug-only-lines", [output], (short, source, debug), (short, lower, debug))
    # Version 4 has paths in the line table itself, and nothing of it stands in the file as it is.
    packed = (*debug[:-1], "-gz=zlib", "-gdwarf-4")
    case("elf-debug-packed", [path], (short, source, packed), (long, source, packed))
    speeds = [(*debug, "-g3", "-undef", f'-DSPEED="{speed}"') for speed in ("high", "low")]
    case("elf-debug-macro", ["unexplained"], (short, source, speeds[0]), (long, source, speeds[1]))


DATES = (("Nov 24 2026", "00:01:18"), ("Jan  6 2027", "10:59:00"))

main()
