"""Makes the pairs of ELF files in `golden/explain`, with the gcc of the sample's toolchain:

    cargo xtask shell --bind golden/explain:/explain -- python3 /explain/make_elf.py

Another gcc makes other files, and the same causes must be found in them.
"""

import pathlib
import shutil
import subprocess
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


def case(name, causes, a, b, file="check.so"):
    """A pair; each side is the directory, the source and the flags of a compilation."""
    shutil.rmtree(HERE / name, ignore_errors=True)
    for side, (directory, source, flags) in (("a", a), ("b", b)):
        (HERE / name / side).mkdir(parents=True)
        (HERE / name / side / file).write_bytes(compile(directory, source, flags, file))
    listed = ", ".join(f'"{cause}"' for cause in sorted(causes))
    text = f'# Made by make_elf.py.\n[causes]\n"{file}" = [{listed}]\n'
    (HERE / name / "expect.toml").write_text(text)


def main():
    short, long = "src/one", "src/another/directory/for/builds"
    small = (*SMALL, *NO_ID)
    path = "build-path-in-read-only-data"
    case("elf-path", [path], (short, CHECK, small), ("src/two", CHECK, small))
    # Whatever stands behind a longer string moves, and everything that points there changes.
    case("elf-path-moves", [path], (short, CHECK, small), (long, CHECK, small))
    swapped = CHECK.replace("(format, file)", "(file, format)")
    code = "compiler-output"
    case("elf-path-and-code", [path, code], (short, CHECK, small), (long, swapped, small))
    case("elf-pointer", [code], (short, CHECK, small), (short, swapped, small))
    debug = (*SMALL[:-1], *NO_ID, "-g", "-gz=none")
    source = CHECK.replace("__FILE__", '"check.c"')
    case("elf-debug", ["build-path-in-dwarf"], (short, source, debug), (long, source, debug))
    with_id = (*SMALL, "-Wl,--build-id=sha1")
    case("elf-build-id", ["build-id", path], (short, CHECK, with_id), (long, CHECK, with_id))
    date = CHECK.replace("__FILE__", "BUILT")
    built = [(short, date, (*small, f'-DBUILT="on {day} at {time}"')) for day, time in DATES]
    case("elf-date", ["timestamp-in-data"], *built)
    # Without `-frandom-seed`, this pair is another one each time that it is made.
    lto = ("src", CHECK, ("-flto", "-c"))
    case("elf-seeds", [code], lto, lto, file="check.o")


DATES = (("Nov 24 2026", "00:01:18"), ("Jan  6 2027", "10:59:00"))

main()
