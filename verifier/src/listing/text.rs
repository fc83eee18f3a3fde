//! A listing as a file: gzip of lines. The root in its head is that of the lines, so a torn or
//! edited listing is none.

use std::io::{Read as _, Write as _};

use base::vocabulary::digest::Sri;
use base::vocabulary::limits::LISTING_BYTES;
use base::vocabulary::{Problem, Sha256};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{Entry, Kind, Listing, Subject};

/// The first line; raised with the format.
const FIRST: &str = "lockstep listing 1";

pub(super) fn compressed(listing: &Listing) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(written(listing).as_bytes()).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn written(listing: &Listing) -> String {
    let Subject { recipe, target, prefix, nar_hash } = &listing.subject;
    let root = listing.root();
    let mut text = format!(
        "{FIRST}\nrecipe {recipe}\ntarget {target}\nprefix {prefix}\nnar-hash {nar_hash}\n\
         root {root}\n"
    );
    for name in &listing.distributions {
        text.push_str(&format!("distribution {name}\n"));
    }
    for (path, Entry { kind, mode, size, sha256, owner }) in &listing.entries {
        // Six bits a character compress better than four.
        let digest = sha256.map_or_else(|| "-".to_owned(), |it| it.to_sri().split_off(7));
        let owner = owner.map_or_else(|| "-".to_owned(), |it| it.to_string());
        let kind = kind.letter();
        text.push_str(&format!("{kind} {mode:o} {size} {owner} {digest} {path}\n"));
    }
    text
}

pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<Listing, Problem> {
    let unread = || {
        Problem::usage(format!("`{name}` is no listing of an output"))
            .hint("`lockstep listing` writes one")
    };
    let mut text = String::new();
    let mut decoder = GzDecoder::new(bytes).take(LISTING_BYTES.max + 1);
    decoder.read_to_string(&mut text).map_err(|error| unread().cause(error))?;
    LISTING_BYTES.check(text.len()).map_err(|error| unread().fact("because", error))?;
    let (root, listing) = lines(&text).ok_or_else(unread)?;
    let found = listing.root();
    if found == root {
        return Ok(listing);
    }
    Err(unread().fact("its root", root).fact("that of its lines", found))
}

fn lines(text: &str) -> Option<(Sha256, Listing)> {
    let mut lines = text.lines().peekable();
    (lines.next()? == FIRST).then_some(())?;
    let mut field =
        |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ').map(ToOwned::to_owned);
    let subject = Subject {
        recipe: field("recipe")?,
        target: field("target")?,
        prefix: field("prefix")?,
        nar_hash: Sri(Sha256::from_sri(&field("nar-hash")?).ok()?),
    };
    let root = Sha256::from_hex(&field("root")?).ok()?;
    let mut listing =
        Listing { subject, distributions: Vec::new(), entries: std::collections::BTreeMap::new() };
    while let Some(line) = lines.next_if(|line| line.starts_with("distribution ")) {
        listing.distributions.push(line.strip_prefix("distribution ")?.to_owned());
    }
    for line in lines {
        let (path, entry) = entry(line, listing.distributions.len())?;
        listing.entries.insert(path, entry);
    }
    Some((root, listing))
}

fn entry(line: &str, distributions: usize) -> Option<(String, Entry)> {
    let mut words = line.splitn(6, ' ');
    let kind = match words.next()? {
        "d" => Kind::Directory,
        "f" => Kind::File,
        "l" => Kind::Link,
        _ => return None,
    };
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let size = words.next()?.parse().ok()?;
    let owner = match words.next()? {
        "-" => None,
        index => Some(index.parse().ok().filter(|it| *it < distributions)?),
    };
    let sha256 = match words.next()? {
        "-" => None,
        digest => Some(Sha256::from_sri(&format!("sha256-{digest}")).ok()?),
    };
    Some((words.next()?.to_owned(), Entry { kind, mode, size, sha256, owner }))
}
