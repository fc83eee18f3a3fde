//! Finds the lines of a file that a patch may have meant, for the message when it does not apply.
//! Files and lines are bounded: a message must not take longer than the build.

use similar::get_close_matches;

const SHOWN_MAX: usize = 3;
const LINES_MAX: usize = 20_000;
const LINE_CHARS_MAX: usize = 200;

/// The places of `content` that are most like `wanted`, best first, with line numbers; as many
/// lines each as `wanted` has.
pub fn nearest_lines(wanted: &str, content: &str) -> Vec<String> {
    let wanted: Vec<String> = wanted.lines().map(shortened).collect();
    let lines: Vec<String> = content.lines().take(LINES_MAX).map(shortened).collect();
    // The longest line says most of where the text was; comparing it alone is also much faster than
    // comparing every window of lines.
    let Some((offset, key)) = wanted.iter().enumerate().max_by_key(|(_, line)| line.len()) else {
        return Vec::new();
    };
    let mut candidates: Vec<&str> = lines.iter().map(String::as_str).collect();
    candidates.sort_unstable();
    candidates.dedup();
    let places = get_close_matches(key.as_str(), &candidates, SHOWN_MAX, 0.5);
    places
        .into_iter()
        .filter_map(|place| lines.iter().position(|line| line == place))
        .map(|found| {
            let start = found.saturating_sub(offset);
            let end = (start + wanted.len()).min(lines.len());
            let numbered = (start..end).map(|index| format!("{}: {}", index + 1, lines[index]));
            numbered.collect::<Vec<_>>().join("\n")
        })
        .collect()
}

fn shortened(line: &str) -> String {
    line.chars().take(LINE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_line_comes_first() {
        let content = "import os\n\nBASE_DIR = Path(__file__).parent.parent\nBASE = 1\n";
        let near = nearest_lines("BASE_DIR = Path(__file__).absolute().parent.parent", content);
        assert_eq!(near[0], "3: BASE_DIR = Path(__file__).parent.parent");
        let near = nearest_lines("\nBASE_DIR = Path(__file__).absolute().parent.parent", content);
        assert_eq!(near[0], "2: \n3: BASE_DIR = Path(__file__).parent.parent");
        assert_eq!(nearest_lines("nothing of this kind", content), Vec::<String>::new());
        assert_eq!(nearest_lines("", content), Vec::<String>::new());
    }
}
