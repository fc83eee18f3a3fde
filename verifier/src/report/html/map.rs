//! The output as a map: one tile per distribution, sized by its files. Squarified tree maps: Bruls,
//! Huizing, van Wijk, 2000.

use std::collections::BTreeMap;

use super::markup::Html;

/// The map's height, of a width of 1.
const HEIGHT: f64 = 0.3;
/// More tiles are one.
const MOST_TILES: usize = 64;
/// A distribution that differs gets so much of the map, however small it is.
const LEAST_SHARE: f64 = 0.004;

/// What is known of a distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Share {
    pub(super) bytes: u64,
    /// How many of its paths differ.
    pub(super) differing: u64,
    /// Whether one of them has no cause.
    pub(super) open: bool,
}

struct Tile<'n> {
    name: &'n str,
    title: String,
    class: &'static str,
    area: f64,
}

/// A rectangle in units of the map's width.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The map of distributions by name.
pub(super) fn map(shares: &BTreeMap<&str, Share>) -> Html {
    let tiles = tiles(shares);
    let places = squarified(&tiles.iter().map(|tile| tile.area).collect::<Vec<_>>());
    let drawn = tiles.iter().zip(places).map(|(tile, place)| {
        Html::default()
            .raw("<div class=\"")
            .raw(tile.class)
            .raw("\" title=\"")
            .text(&tile.title)
            .raw("\" style=\"left:")
            .number(place.x * 100.0)
            .raw("%;top:")
            .number(place.y / HEIGHT * 100.0)
            .raw("%;width:")
            .number(place.width * 100.0)
            .raw("%;height:")
            .number(place.height / HEIGHT * 100.0)
            .raw("%\">")
            // Where no name fits, none is written.
            .text(if place.width > 0.035 && place.height > 0.018 { tile.name } else { "" })
            .raw("</div>")
    });
    Html::default().raw("<div class=map>").all(drawn).raw("</div>")
}

#[expect(clippy::cast_precision_loss, reason = "a tile's area need not be exact")]
fn tiles<'n>(shares: &BTreeMap<&'n str, Share>) -> Vec<Tile<'n>> {
    let mut largest: Vec<(&str, Share)> =
        shares.iter().map(|(name, share)| (*name, *share)).collect();
    // Those that differ are never among the rest, as long as there is room.
    largest.sort_by_key(|(_, share)| std::cmp::Reverse((share.differing > 0, share.bytes)));
    let rest = largest.split_off(largest.len().min(MOST_TILES));
    let total: u64 = shares.values().map(|share| share.bytes).fold(0, u64::saturating_add);
    let least = LEAST_SHARE * total as f64;
    let mut tiles: Vec<Tile<'_>> = largest
        .into_iter()
        .filter(|(_, share)| share.bytes > 0 || share.differing > 0)
        .map(|(name, share)| {
            let size = megabytes(share.bytes);
            let (class, title) = match share {
                Share { differing: 0, .. } => ("same", format!("{name}: {size}, equal")),
                Share { open: true, .. } => ("open", format!("{name}: {size}, UNEXPLAINED")),
                Share { differing, .. } => {
                    ("differs", format!("{name}: {size}, {differing} differ"))
                }
            };
            let area = share.bytes as f64;
            let area = if share.differing > 0 { area.max(least) } else { area };
            Tile { name, title, class, area }
        })
        .collect();
    let bytes = rest.iter().map(|(_, share)| share.bytes).fold(0, u64::saturating_add);
    if bytes > 0 {
        let title = format!("{} smaller distributions: {}", rest.len(), megabytes(bytes));
        tiles.push(Tile { name: "others", title, class: "rest", area: bytes as f64 });
    }
    tiles.sort_by(|a, b| b.area.total_cmp(&a.area).then_with(|| a.name.cmp(b.name)));
    tiles
}

/// Places for areas that are sorted, the largest first.
fn squarified(areas: &[f64]) -> Vec<Place> {
    let total: f64 = areas.iter().sum();
    let scale = if total == 0.0 { 0.0 } else { HEIGHT / total };
    let areas: Vec<f64> = areas.iter().map(|area| area * scale).collect();
    let mut free = Place { x: 0.0, y: 0.0, width: 1.0, height: HEIGHT };
    let mut places = Vec::new();
    let mut rest = &areas[..];
    while !rest.is_empty() {
        let side = free.width.min(free.height);
        let mut count = 1;
        while count < rest.len() && worst(&rest[..=count], side) <= worst(&rest[..count], side) {
            count += 1;
        }
        let (row, others) = rest.split_at(count);
        free = placed(row, free, &mut places);
        rest = others;
    }
    places
}

/// How far from a square the worst of a row's tiles is.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let ratios = row.iter().map(|area| {
        let ratio = side * side * area / (sum * sum);
        ratio.max(1.0 / ratio)
    });
    ratios.fold(0.0, f64::max)
}

/// Places a row along the shorter side, and returns the remaining free area.
fn placed(row: &[f64], free: Place, places: &mut Vec<Place>) -> Place {
    let Place { x, y, width, height } = free;
    let upright = width >= height;
    let side = if upright { height } else { width };
    let depth = row.iter().sum::<f64>() / side;
    let mut done = 0.0;
    for area in row {
        let length = area / depth;
        places.push(if upright {
            Place { x, y: y + done, width: depth, height: length }
        } else {
            Place { x: x + done, y, width: length, height: depth }
        });
        done += length;
    }
    if upright {
        Place { x: x + depth, width: width - depth, ..free }
    } else {
        Place { y: y + depth, height: height - depth, ..free }
    }
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{} kB", bytes.div_ceil(1000)),
        bytes => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_have_their_areas_and_fill_the_map() {
        let areas = [6.0, 6.0, 4.0, 3.0, 2.0, 2.0, 1.0];
        let places = squarified(&areas);
        for (area, place) in areas.iter().zip(&places) {
            let expected = area / 24.0 * HEIGHT;
            assert!((place.width * place.height - expected).abs() < 1e-9, "{place:?}");
            let within =
                |start: f64, length: f64, end: f64| start >= 0.0 && start + length < end + 1e-9;
            assert!(within(place.x, place.width, 1.0), "{place:?}");
            assert!(within(place.y, place.height, HEIGHT), "{place:?}");
        }
        assert_eq!(squarified(&[]), []);
    }

    #[test]
    fn what_differs_is_seen_however_small() {
        let share = |bytes, differing| Share { bytes, differing, open: false };
        let shares = BTreeMap::from([("large", share(1_000_000, 0)), ("small", share(1, 1))]);
        let tiles = tiles(&shares);
        assert_eq!((tiles[1].name, tiles[1].class), ("small", "differs"));
        assert!(tiles[1].area > 1000.0);
    }
}
