//! The part of marshal that bytecode consists of, for CPython 3.8 to 3.14: a list of objects in
//! file order, with marks (`FLAG_REF`) and references between them.

use std::collections::BTreeSet;

use base::vocabulary::Sha256;

/// More objects are not read: a bytecode file of the largest modules has a tenth of that.
const MOST_OBJECTS: usize = 200_000;
/// CPython itself rejects nesting deeper than 2000.
const DEEPEST: usize = 500;

/// Magic numbers: the first of 3.8 with positional-only parameters, and the first of 3.11, whose
/// code objects have other fields (`Include/internal/pycore_magic_number.h`).
const FIRST: u16 = 3410;
const FIRST_OF_3_11: u16 = 3450;

/// The fewest strings of a tuple that may come from a set.
const LEAST_NAMES: usize = 3;

/// The value of an object.
pub(super) type Digest = Sha256;

/// In which constants the order of items does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sorted {
    Nothing,
    /// Sets.
    Sets,
    /// Sets, and tuples that may come from one: several strings, each once.
    SetsAndNames,
}

/// All objects of a body; two bodies are equal here exactly if their bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marshal {
    objects: Vec<Object>,
    /// Objects that are marked, by the number with which they are referred to.
    marked: Vec<usize>,
    /// The source's path of each code, that of the outermost last.
    source_paths: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    /// The type without the mark.
    kind: u8,
    marked: bool,
    content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// Numbers and constants, as they are written.
    Plain(Vec<u8>),
    /// Bytes or text.
    Text(Vec<u8>),
    /// Other objects.
    Items(Vec<usize>),
    /// A code object: numbers and other objects in the order of their fields.
    Code(Vec<Field>),
    /// The number of a marked object.
    Reference(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Number([u8; 4]),
    Object(usize),
}

impl Marshal {
    /// Reads a body; `None` if it is broken, of another version, or has bytes after its end.
    pub(super) fn parse(bytes: &[u8], magic: u16) -> Option<Self> {
        (magic >= FIRST).then_some(())?;
        let marshal = Self { objects: Vec::new(), marked: Vec::new(), source_paths: Vec::new() };
        let mut reader = Reader { bytes, is_3_11: magic >= FIRST_OF_3_11, marshal };
        reader.object(0)?;
        reader.bytes.is_empty().then_some(reader.marshal)
    }

    /// Bytes and texts in the order in which they are written.
    pub(super) fn texts(&self) -> Vec<&[u8]> {
        let texts = self.objects.iter().filter_map(|object| match &object.content {
            Content::Text(text) => Some(text.as_slice()),
            _ => None,
        });
        texts.collect()
    }

    /// `co_filename` of the outermost code.
    pub(super) fn source_path(&self) -> Option<&[u8]> {
        match &self.objects[self.resolved(*self.source_paths.last()?)?].content {
            Content::Text(path) => Some(path),
            _ => None,
        }
    }

    /// Changes every text; one that changes may change its kind, which depends on its length.
    pub(super) fn rewrite(&mut self, change: impl Fn(Vec<u8>) -> Vec<u8>) {
        for object in &mut self.objects {
            if let Content::Text(text) = &mut object.content {
                let changed = change(text.clone());
                if changed != *text {
                    *text = changed;
                    object.kind = value_kind(object.kind);
                }
            }
        }
    }

    /// Drops the strings that are only the `co_filename` of code objects: a string that also occurs
    /// elsewhere may be used by the program.
    pub(super) fn forget_source_paths(&mut self) {
        let fields: BTreeSet<usize> = self.source_paths.iter().copied().collect();
        let paths: BTreeSet<usize> = fields.iter().filter_map(|at| self.resolved(*at)).collect();
        let used_elsewhere: BTreeSet<usize> = (0..self.objects.len())
            .filter(|at| !fields.contains(at))
            .filter(|at| matches!(self.objects[*at].content, Content::Reference(_)))
            .filter_map(|at| self.resolved(at))
            .collect();
        for path in paths.into_iter().filter(|at| fields.contains(at)) {
            if let Content::Text(text) = &mut self.objects[path].content
                && !used_elsewhere.contains(&path)
            {
                text.clear();
                let kind = &mut self.objects[path].kind;
                *kind = value_kind(*kind);
            }
        }
    }

    /// The object that one stands for.
    fn resolved(&self, at: usize) -> Option<usize> {
        match self.objects[at].content {
            Content::Reference(number) => self.marked.get(number).copied(),
            _ => Some(at),
        }
    }

    /// How many objects are marked, and how many references there are.
    pub(super) fn marks(&self) -> (usize, usize) {
        let is_reference = |object: &&Object| matches!(object.content, Content::Reference(_));
        (self.marked.len(), self.objects.iter().filter(is_reference).count())
    }

    /// The value that the body loads to, independent of marks and sharing, and of the order of the
    /// constants in `sorted`; `None` if it refers to itself.
    pub(super) fn digest(&self, sorted: Sorted) -> Option<Digest> {
        let mut values = Values { marshal: self, sorted, known: vec![None; self.objects.len()] };
        values.of(0, 0)
    }
}

/// The values of objects, each computed once: with references, a small file can mean a huge tree.
struct Values<'m> {
    marshal: &'m Marshal,
    sorted: Sorted,
    known: Vec<Option<Digest>>,
}

impl Values<'_> {
    fn of(&mut self, at: usize, depth: usize) -> Option<Digest> {
        // A reference to something that is not finished leads in circles, and ends here.
        (depth <= 2 * DEEPEST).then_some(())?;
        if let Some(known) = self.known[at] {
            return Some(known);
        }
        let object = &self.marshal.objects[at];
        let mut bytes = vec![value_kind(object.kind)];
        match &object.content {
            Content::Plain(plain) => bytes.extend(plain),
            Content::Text(text) => bytes.extend(text),
            Content::Items(items) => {
                let mut values = self.items(items, depth)?;
                if self.is_unordered(object.kind, items, &values) {
                    values.sort_unstable();
                }
                bytes.extend(values.as_flattened());
            }
            Content::Code(fields) => {
                for field in fields {
                    match field {
                        Field::Number(number) => bytes.extend(number),
                        Field::Object(object) => {
                            bytes.extend(self.field(*object, depth + 1)?.as_bytes());
                        }
                    }
                }
            }
            Content::Reference(number) => {
                let target = *self.marshal.marked.get(*number)?;
                // Only what was written before it can be referred to.
                return if target < at { self.of(target, depth + 1) } else { None };
            }
        }
        let digest = Digest::of(bytes);
        self.known[at] = Some(digest);
        Some(digest)
    }

    /// Instructions refer to names, variables and constants by number, so in the fields of a code
    /// object the order always counts; within a constant it may be that of a set.
    fn field(&mut self, at: usize, depth: usize) -> Option<Digest> {
        let object = &self.marshal.objects[at];
        match &object.content {
            Content::Items(items) => {
                let items = self.items(items, depth)?;
                Some(Digest::of([&[value_kind(object.kind)], items.as_flattened()].concat()))
            }
            Content::Reference(number) => {
                let target = *self.marshal.marked.get(*number)?;
                if target < at { self.field(target, depth + 1) } else { None }
            }
            _ => self.of(at, depth),
        }
    }

    fn items(&mut self, items: &[usize], depth: usize) -> Option<Vec<[u8; 32]>> {
        items.iter().map(|item| Some(*self.of(*item, depth + 1)?.as_bytes())).collect()
    }

    /// Whether the order of the items of an object of this kind does not count.
    fn is_unordered(&self, kind: u8, items: &[usize], values: &[[u8; 32]]) -> bool {
        let is_set = matches!(kind, b'<' | b'>');
        match self.sorted {
            Sorted::Nothing => false,
            Sorted::Sets => is_set,
            Sorted::SetsAndNames => {
                is_set
                    || value_kind(kind) == b'(' && {
                        let different: BTreeSet<&[u8; 32]> = values.iter().collect();
                        different.len() == items.len()
                            && items.len() >= LEAST_NAMES
                            && items.iter().all(|item| self.is_text(*item))
                    }
            }
        }
    }

    fn is_text(&self, at: usize) -> bool {
        let Marshal { objects, marked, .. } = self.marshal;
        let object = match objects[at].content {
            Content::Reference(number) => marked.get(number).map(|target| &objects[*target]),
            _ => Some(&objects[at]),
        };
        object.is_some_and(|object| value_kind(object.kind) == b'u')
    }
}

/// One kind for all ways to write the same type: interned or not, short or long, ASCII or not.
fn value_kind(kind: u8) -> u8 {
    match kind {
        b't' | b'u' | b'a' | b'A' | b'z' | b'Z' => b'u',
        b')' | b'(' => b'(',
        kind => kind,
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    is_3_11: bool,
    marshal: Marshal,
}

impl Reader<'_> {
    /// Reads an object and returns its position.
    fn object(&mut self, depth: usize) -> Option<usize> {
        let at = self.marshal.objects.len();
        (depth <= DEEPEST && at < MOST_OBJECTS).then_some(())?;
        let [kind] = self.array()?;
        let (kind, marked) = (kind & 0x7f, kind & 0x80 != 0);
        if marked {
            self.marshal.marked.push(at);
        }
        let content = Content::Plain(Vec::new());
        self.marshal.objects.push(Object { kind, marked, content });
        let content = match kind {
            b'0' | b'N' | b'F' | b'T' | b'S' | b'.' => Content::Plain(Vec::new()),
            b'i' => Content::Plain(self.take(4)?),
            b'g' => Content::Plain(self.take(8)?),
            b'y' => Content::Plain(self.take(16)?),
            b'l' => {
                let digits = i32::from_le_bytes(self.array()?);
                let mut long = digits.to_le_bytes().to_vec();
                long.extend(self.take(2 * digits.unsigned_abs() as usize)?);
                Content::Plain(long)
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = self.length()?;
                Content::Text(self.take(length)?)
            }
            b'z' | b'Z' => {
                let [length] = self.array()?;
                Content::Text(self.take(usize::from(length))?)
            }
            b')' => {
                let [count] = self.array()?;
                Content::Items(self.objects(usize::from(count), depth)?)
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.length()?;
                Content::Items(self.objects(count, depth)?)
            }
            b'{' => Content::Items(self.dictionary(depth)?),
            b':' => Content::Items(self.objects(3, depth)?),
            b'r' => Content::Reference(self.length()?),
            b'c' => Content::Code(self.code(depth)?),
            _ => return None,
        };
        self.marshal.objects[at].content = content;
        Some(at)
    }

    /// Fields as `marshal.c` writes them; since 3.11 with other ones for variables and exceptions.
    fn code(&mut self, depth: usize) -> Option<Vec<Field>> {
        let (numbers, objects, path) = if self.is_3_11 { (5, 8, 5) } else { (6, 8, 6) };
        let mut fields = Vec::new();
        for _ in 0..numbers {
            fields.push(Field::Number(self.array()?));
        }
        for index in 0..objects {
            let object = self.object(depth + 1)?;
            if index == path {
                self.marshal.source_paths.push(object);
            }
            fields.push(Field::Object(object));
        }
        fields.push(Field::Number(self.array()?));
        let last = if self.is_3_11 { 2 } else { 1 };
        for _ in 0..last {
            fields.push(Field::Object(self.object(depth + 1)?));
        }
        Some(fields)
    }

    fn objects(&mut self, count: usize, depth: usize) -> Option<Vec<usize>> {
        (count <= self.bytes.len()).then_some(())?;
        (0..count).map(|_| self.object(depth + 1)).collect()
    }

    /// Keys and values in turn, up to a `NULL`, which counts as an item.
    fn dictionary(&mut self, depth: usize) -> Option<Vec<usize>> {
        let mut items = Vec::new();
        loop {
            let item = self.object(depth + 1)?;
            items.push(item);
            if self.marshal.objects[item].kind == b'0' {
                return Some(items);
            }
        }
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(i32::from_le_bytes(self.array()?)).ok()
    }

    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        Some(taken.to_vec())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*taken)
    }
}
