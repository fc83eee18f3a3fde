//! Shows evidence: text and bytes of both sides, with the differences marked.

use base::vocabulary::shown_bytes;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::markup::Html;
use crate::explain::Evidence;

/// Bytes in a row of the hex view, and rows.
const COLUMNS: usize = 16;
const MOST_ROWS: usize = 6;

/// Both sides as text, and as bytes.
pub(super) fn full(evidence: &Evidence) -> Html {
    let masks = masks(&evidence.a, &evidence.b);
    let sides = [(&evidence.a, &masks[0], "a"), (&evidence.b, &masks[1], "b")];
    let columns = sides.map(|(bytes, mask, side)| {
        let html = Html::default().raw("<div class=side><b>").text(side).raw("</b>");
        if bytes.is_empty() {
            return html.raw("<p class=none>nothing</p></div>");
        }
        html.raw("<pre class=text>")
            .add(&text(bytes, mask))
            .raw("</pre><pre class=hex>")
            .add(&hex(bytes, mask))
            .raw("</pre></div>")
    });
    Html::default()
        .raw("<figure><figcaption>")
        .text(&evidence.at)
        .raw("</figcaption><div class=sides>")
        .all(columns)
        .raw("</div></figure>")
}

/// Both sides as text, one below the other.
pub(super) fn short(evidence: &Evidence) -> Html {
    let masks = masks(&evidence.a, &evidence.b);
    Html::default()
        .raw("<div class=short><i>")
        .text(&evidence.at)
        .raw("</i><pre>")
        .add(&text(&evidence.a, &masks[0]))
        .raw("\n")
        .add(&text(&evidence.b, &masks[1]))
        .raw("</pre></div>")
}

/// Which bytes differ: of excerpts of one length those at one place, else the words that the other
/// has not.
fn masks(a: &[u8], b: &[u8]) -> [Vec<bool>; 2] {
    if a.len() == b.len() {
        let mask: Vec<bool> = a.iter().zip(b).map(|(a, b)| a != b).collect();
        return [mask.clone(), mask];
    }
    let [words_a, words_b] = [words(a), words(b)];
    let mut masks = [Vec::new(), Vec::new()];
    for operation in capture_diff_slices(Algorithm::Myers, &words_a, &words_b) {
        let differs = !matches!(operation, DiffOp::Equal { .. });
        let length = |words: &[&[u8]]| words.iter().map(|word| word.len()).sum();
        let of_a: usize = length(&words_a[operation.old_range()]);
        let of_b: usize = length(&words_b[operation.new_range()]);
        masks[0].extend(vec![differs; of_a]);
        masks[1].extend(vec![differs; of_b]);
    }
    masks
}

/// Names and numbers, and every other byte alone.
fn words(bytes: &[u8]) -> Vec<&[u8]> {
    let is_word =
        |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"_-".contains(byte);
    bytes.chunk_by(|a, b| is_word(a) && is_word(b)).collect()
}

/// Runs of bytes with one mark, in order.
fn runs<'b>(bytes: &'b [u8], mask: &'b [bool]) -> impl Iterator<Item = (&'b [u8], bool)> {
    let mut done = 0;
    mask.chunk_by(|a, b| a == b).map(move |run| {
        let part = &bytes[done..done + run.len()];
        done += run.len();
        (part, run[0])
    })
}

fn marked(html: Html, text: &str, is_marked: bool) -> Html {
    if is_marked { html.raw("<mark>").text(text).raw("</mark>") } else { html.text(text) }
}

fn text(bytes: &[u8], mask: &[bool]) -> Html {
    // A character of several bytes must not be torn: it differs if one of them does.
    let mut mask = mask.to_vec();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let place = at..at + character.len_utf8();
            let differs = mask[place.clone()].contains(&true);
            mask[place.clone()].fill(differs);
            at = place.end;
        }
        at += chunk.invalid().len();
    }
    runs(bytes, &mask).fold(Html::default(), |html, (part, is_marked)| {
        marked(html, &shown_bytes(part), is_marked)
    })
}

/// From the row on in which the first byte differs.
fn hex(bytes: &[u8], mask: &[bool]) -> Html {
    let first = mask.iter().position(|differs| *differs).unwrap_or_default() / COLUMNS;
    let last = bytes.len().div_ceil(COLUMNS);
    let first = first.min(last.saturating_sub(MOST_ROWS));
    let mut html = Html::default();
    let rows = bytes.chunks(COLUMNS).zip(mask.chunks(COLUMNS)).enumerate();
    for (row, (bytes, mask)) in rows.skip(first).take(MOST_ROWS) {
        html = html.raw("<i>").text(&format!("{:02x}", row * COLUMNS)).raw("</i> ");
        for (part, is_marked) in runs(bytes, mask) {
            let digits: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
            html = marked(html, &digits.join(" "), is_marked).raw(" ");
        }
        html = html.text(&"   ".repeat(COLUMNS - bytes.len())).raw(" ");
        for (part, is_marked) in runs(bytes, mask) {
            let dots =
                |byte: &u8| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '·' };
            html = marked(html, &part.iter().map(dots).collect::<String>(), is_marked);
        }
        html = html.raw("\n");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_marked() {
        for (a, b, expected) in [
            ("at /one/x", "at /two/x", "at /<mark>one</mark>/x"),
            ("at /one/x/y", "at /a/x/z", "at /<mark>one</mark>/x/<mark>y</mark>"),
            ("at /one/x", "at /a/bc/x", "at /<mark>one</mark>/x"),
            ("é<", "è<", "<mark>é</mark>&lt;"),
            ("same", "same and more", "same"),
            ("a\u{1b}[1m", "b\u{1b}[1m", "<mark>a</mark>\\u{1b}[1m"),
        ] {
            let masks = masks(a.as_bytes(), b.as_bytes());
            assert_eq!(text(a.as_bytes(), &masks[0]).into_string(), expected);
        }
    }

    #[test]
    fn bytes_stand_in_rows_with_what_reads_as_text() {
        let masks = masks(b"0123456789abcdef\0z", b"0123456789abcdef\0y");
        let rows = hex(b"0123456789abcdef\0z", &masks[0]).into_string();
        let rows: Vec<&str> = rows.lines().collect();
        assert!(rows[0].starts_with("<i>00</i> 30 31 32 "), "{rows:?}");
        assert!(rows[1].starts_with("<i>10</i> 00 <mark>7a</mark> "), "{rows:?}");
        assert!(rows[1].ends_with("·<mark>z</mark>"), "{rows:?}");
    }
}
