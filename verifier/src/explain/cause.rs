//! Why bytes differ, as a value. Only the report turns it into sentences.

use serde::{Serialize, Serializer};

/// A cause that can be proved. Files with one cause have one root, wherever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The directory in which something was built or installed.
    BuildPath(Place),
    /// A time at which something was made.
    Timestamp(Place),
    /// The linker's hash over a file, or a random one.
    BuildId,
    /// Digests of files that differ themselves.
    DerivedRecord,
    /// Bytecode that loads to the same, but marks or shares its objects in another way.
    BytecodeReferences,
    /// Bytecode whose constant sets, or tuples made from sets, are in another order.
    ConstantOrder,
    /// The same things in another order.
    Order(Ordered),
    /// Items of lists within a line in another order: sets and dictionaries of strings.
    HashSeed,
    /// The machine's name.
    HostName,
    /// The user's or group's name or number.
    User,
    /// The user's home directory.
    Home,
    /// The directory of temporary files.
    TemporaryDirectory,
    /// Language and formats of the country.
    Locale,
    /// The time zone.
    TimeZone,
    /// Permission bits.
    Modes,
    /// The number of processors, or compiler flags that depend on them.
    Cpu,
    /// The kernel's name or version.
    Kernel,
    /// A variable of the environment.
    Environment,
    /// A name that was drawn at random.
    RandomName,
    /// An address in memory.
    Address,
    /// The same content, compressed in another way.
    Compression,
    /// Two distributions install the file, and the last one to write it won.
    Collision,
    /// What the compiler made differs, and nothing else.
    CompilerOutput,
}

/// How much a proof shows, and so what a waiver must say to allow the difference. The weaker one is
/// the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The difference has no meaning in its format, or each side has the value that its own round
    /// is known to have had. A waiver names the cause and the path.
    Proved,
    /// What differs has the form that such a cause leaves behind, and may mean something: another
    /// value of that form can be another program. A waiver must also name the exact bytes of both
    /// sides.
    LooksLike,
}

/// The location of a path or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Debug information of an ELF file.
    Dwarf,
    /// Loaded data of an ELF file.
    ReadOnlyData,
    /// A file of another format.
    Data,
    /// Text.
    Text,
    /// `direct_url.json` of an installed distribution.
    DirectUrl,
    /// `uv_cache.json` of an installed distribution.
    UvCache,
    /// Bytecode.
    Pyc,
    /// The target of a symbolic link.
    Link,
    /// A zip's entries.
    Zip,
    /// A tar's headers.
    Tar,
    /// A gzip's header.
    Gzip,
    /// The headers of a static library's members.
    Ar,
}

/// The items that are in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ordered {
    /// Lines of a text.
    Lines,
    /// Items of lists within a line.
    Items,
    /// Lines of a `RECORD`.
    Record,
    /// `Requires-Dist` and other fields of a `METADATA`.
    RequiresDist,
    /// Lines of a section of a `requires.txt`.
    Requirements,
    /// Lines of a `SOURCES.txt`.
    Sources,
    /// A zip's entries.
    Zip,
    /// A tar's entries.
    Tar,
    /// A static library's members.
    Ar,
}

impl Cause {
    /// The name in reports, waivers and tests; it does not change.
    pub fn id(self) -> &'static str {
        match self {
            Self::BuildPath(place) => match place {
                Place::Dwarf => "build-path-in-dwarf",
                Place::ReadOnlyData => "build-path-in-read-only-data",
                Place::Text => "build-path-in-text",
                Place::DirectUrl => "build-path-in-direct-url",
                Place::Pyc => "build-path-in-pyc",
                Place::Link => "build-path-in-link",
                _ => "build-path-in-data",
            },
            Self::Timestamp(place) => match place {
                Place::UvCache => "timestamp-in-uv-cache",
                Place::Pyc => "timestamp-in-pyc",
                Place::Zip => "timestamp-in-zip",
                Place::Tar => "timestamp-in-tar",
                Place::Gzip => "timestamp-in-gzip",
                Place::Ar => "timestamp-in-ar",
                Place::Text | Place::DirectUrl => "timestamp-in-text",
                _ => "timestamp-in-data",
            },
            Self::BuildId => "build-id",
            Self::DerivedRecord => "derived-record",
            Self::BytecodeReferences => "pyc-references",
            Self::ConstantOrder => "pyc-constant-order",
            Self::Order(ordered) => match ordered {
                Ordered::Lines => "order-of-lines",
                Ordered::Items => "order-of-items",
                Ordered::Record => "order-of-record",
                Ordered::RequiresDist => "order-of-requires-dist",
                Ordered::Requirements => "order-of-requirements",
                Ordered::Sources => "order-of-sources",
                Ordered::Zip => "order-of-zip-entries",
                Ordered::Tar => "order-of-tar-entries",
                Ordered::Ar => "order-of-ar-members",
            },
            Self::HashSeed => "hash-seed",
            Self::HostName => "host-name",
            Self::User => "user",
            Self::Home => "home",
            Self::TemporaryDirectory => "temporary-directory",
            Self::Locale => "locale",
            Self::TimeZone => "time-zone",
            Self::Modes => "modes",
            Self::Cpu => "cpu",
            Self::Kernel => "kernel",
            Self::Environment => "environment",
            Self::RandomName => "random-name",
            Self::Address => "memory-address",
            Self::Compression => "compression",
            Self::Collision => "file-collision",
            Self::CompilerOutput => "compiler-output",
        }
    }

    /// Every cause; a test holds it to the names of [`Cause::id`].
    pub fn all() -> Vec<Self> {
        let places = [
            Place::Dwarf,
            Place::ReadOnlyData,
            Place::Data,
            Place::Text,
            Place::DirectUrl,
            Place::UvCache,
            Place::Pyc,
            Place::Link,
            Place::Zip,
            Place::Tar,
            Place::Gzip,
            Place::Ar,
        ];
        let ordered = [
            Ordered::Items,
            Ordered::Lines,
            Ordered::Record,
            Ordered::RequiresDist,
            Ordered::Requirements,
            Ordered::Sources,
            Ordered::Zip,
            Ordered::Tar,
            Ordered::Ar,
        ];
        let others = [
            Self::BuildId,
            Self::DerivedRecord,
            Self::BytecodeReferences,
            Self::ConstantOrder,
            Self::HashSeed,
            Self::HostName,
            Self::User,
            Self::Home,
            Self::TemporaryDirectory,
            Self::Locale,
            Self::TimeZone,
            Self::Modes,
            Self::Cpu,
            Self::Kernel,
            Self::Environment,
            Self::RandomName,
            Self::Address,
            Self::Compression,
            Self::Collision,
            Self::CompilerOutput,
        ];
        let of_places =
            places.into_iter().flat_map(|it| [Self::BuildPath(it), Self::Timestamp(it)]);
        of_places.chain(ordered.map(Self::Order)).chain(others).collect()
    }

    /// What can be done about it.
    pub fn mitigation(self) -> &'static str {
        match self {
            Self::BuildPath(Place::DirectUrl) | Self::Timestamp(Place::UvCache) => {
                "install with `UV_NO_INSTALLER_METADATA=1`"
            }
            Self::BuildPath(Place::Pyc) => "compile with `compileall -s -p`, or at a fixed prefix",
            Self::BuildPath(Place::Link) => "make the link relative",
            Self::BuildPath(_) => {
                "build at a fixed path inside the sandbox, or with `-ffile-prefix-map`"
            }
            Self::Timestamp(Place::Pyc) => "compile with `--invalidation-mode unchecked-hash`",
            Self::Timestamp(Place::Zip) => "set `SOURCE_DATE_EPOCH` to 315532800 or later",
            Self::Timestamp(Place::Tar | Place::Gzip) => {
                "repack the archive; do not hash archives made on the spot"
            }
            Self::Timestamp(Place::Ar) => {
                "make static libraries with `ar D`, which is deterministic"
            }
            Self::Timestamp(_) => "set `SOURCE_DATE_EPOCH`; pretend the version of setuptools-scm",
            Self::BuildId => "fix what it is the hash of, or link with `-Wl,--build-id=none`",
            Self::DerivedRecord => "fix the files that it lists",
            Self::BytecodeReferences => "compile each file in a fresh interpreter",
            Self::ConstantOrder | Self::HashSeed => "set `PYTHONHASHSEED=0`",
            Self::Order(_) => "sort what is listed; try with a shuffled directory order",
            Self::HostName | Self::User | Self::Kernel => "keep it constant in the sandbox",
            Self::Home | Self::TemporaryDirectory => "give it a fixed path in the sandbox",
            Self::Locale => "set `LC_ALL=C.UTF-8`",
            Self::TimeZone => "set `TZ=UTC`",
            Self::Modes => "set the umask to 022 and start from an empty cache",
            Self::Cpu => "fix the number of jobs and `-march`",
            Self::Environment => "clear the environment of the build",
            Self::RandomName => "give the tool a fixed directory, such as meson's `-Cbuild-dir`",
            Self::Address => "do not print what `id()` or `repr()` say of an object",
            Self::Compression => "compare contents, or pin the compressor",
            Self::Collision => "decide which distribution owns the file before installing",
            Self::CompilerOutput => "pin the compiler; use `-frandom-seed`, fixed LTO partitions",
        }
    }

    /// Whether it only follows from another difference, in the same file or another.
    pub fn is_derived(self) -> bool {
        matches!(self, Self::BuildId | Self::DerivedRecord)
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
