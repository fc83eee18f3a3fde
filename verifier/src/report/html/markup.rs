//! HTML as a value. Markup is static text of this program; all other text is escaped, because file
//! names, excerpts and reasons are foreign text.

use base::vocabulary::shown_bytes;

/// Longer texts are cut: a path may have thousands of characters.
const MOST_CHARACTERS: usize = 240;

/// A piece of a page.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup.
    pub(super) fn raw(mut self, markup: &'static str) -> Self {
        self.0.push_str(markup);
        self
    }

    /// Text, with its control characters made visible and cut where it is too long.
    pub(super) fn text(mut self, text: &str) -> Self {
        let shown = shown_bytes(text.as_bytes());
        let (head, cut) = match shown.char_indices().nth(MOST_CHARACTERS) {
            Some((end, _)) => (&shown[..end], "…"),
            None => (shown.as_str(), ""),
        };
        for character in head.chars().chain(cut.chars()) {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                character => self.0.push(character),
            }
        }
        self
    }

    /// A sentence with code between backticks.
    pub(super) fn prose(self, text: &str) -> Self {
        text.split('`').enumerate().fold(self, |html, (index, part)| match index % 2 {
            0 => html.text(part),
            _ => html.raw("<code>").text(part).raw("</code>"),
        })
    }

    /// A number of a style, with two digits after the point.
    pub(super) fn number(mut self, number: f64) -> Self {
        self.0.push_str(&format!("{number:.2}"));
        self
    }

    /// Another piece.
    pub(super) fn add(mut self, piece: &Html) -> Self {
        self.0.push_str(&piece.0);
        self
    }

    /// Other pieces.
    pub(super) fn all(self, pieces: impl IntoIterator<Item = Html>) -> Self {
        pieces.into_iter().fold(self, |html, piece| html.add(&piece))
    }

    /// How many bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// A page under construction: what is always shown, and listings that get the room that is left.
#[derive(Debug, Default)]
pub(super) struct Page(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Shown(Html),
    /// Items, and how many there are with those that were not even made.
    Listing(Vec<Html>, usize),
}

/// So many items of a listing are made at all.
const MOST_ITEMS: usize = 400;

impl Page {
    pub(super) fn show(&mut self, html: Html) {
        self.0.push(Piece::Shown(html));
    }

    /// Items of which as many are shown as fit.
    pub(super) fn list(&mut self, items: impl ExactSizeIterator<Item = Html>) {
        let total = items.len();
        self.0.push(Piece::Listing(items.take(MOST_ITEMS).collect(), total));
    }

    /// The page in about `most` bytes: listings share what the rest leaves of them, and say what
    /// they left out.
    pub(super) fn assemble(self, most: usize) -> String {
        let needed = |piece: &Piece| match piece {
            Piece::Shown(html) => (html.len(), 0),
            Piece::Listing(items, _) => (0, items.iter().map(Html::len).sum()),
        };
        let (shown, listed): (Vec<usize>, Vec<usize>) = self.0.iter().map(needed).unzip();
        let share = share(most.saturating_sub(shown.iter().sum()), listed);
        let mut page = Html::default();
        for piece in self.0 {
            page = match piece {
                Piece::Shown(html) => page.add(&html),
                Piece::Listing(items, total) => listing(page, &items, total, share),
            };
        }
        page.into_string()
    }
}

/// How much each listing may take, so that small ones leave what they do not need to large ones.
fn share(mut room: usize, mut needed: Vec<usize>) -> usize {
    needed.retain(|needed| *needed > 0);
    needed.sort_unstable();
    let mut left = needed.len();
    for needed in needed {
        if needed > room / left {
            return room / left;
        }
        room -= needed;
        left -= 1;
    }
    usize::MAX
}

fn listing(mut page: Html, items: &[Html], total: usize, room: usize) -> Html {
    let mut used = 0;
    let fitting = items.iter().take_while(|item| {
        used += item.len();
        used <= room
    });
    let count = fitting.count();
    for item in &items[..count] {
        page = page.add(item);
    }
    if count < total {
        let left = super::thousands((total - count) as u64);
        page = page.raw("<li class=more>and ").text(&left);
        page = page.raw(" more; <code>--json</code> has all</li>");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_listings_leave_room_to_large_ones() {
        for (room, needed, expected) in [
            (100, vec![10, 20, 30], usize::MAX),
            (100, vec![10, 90, 90], 45),
            (100, vec![0, 200], 100),
            (0, vec![5, 5], 0),
            (5, vec![], usize::MAX),
        ] {
            assert_eq!(share(room, needed.clone()), expected, "{needed:?}");
        }
    }
}
