//! The check `output-hash`: what the first round built, against the ledger. Two rounds on one
//! machine can agree on what no other machine builds.

use base::vocabulary::Outcome;

use crate::check::Check;
use crate::rounds::Finished;

/// Judges the output of the first round; the others are compared with it anyway.
pub(crate) fn check(first: &Finished) -> Check {
    judge(&first.built.output_golden, &first.built.output_golden_detail)
}

/// An output that no ledger pins yet, or that was not built with what is locked, is compared with
/// none.
fn judge(word: &str, detail: &[String]) -> Check {
    let outcome = match word {
        "same" | "unknown" | "unlocked" => Outcome::Good,
        _ => Outcome::GoldenMismatch,
    };
    Check { name: "output-hash", outcome, detail: detail.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hash_than_the_golden_one_is_exit_code_4() {
        for (word, code) in [
            ("same", 0),
            ("unknown", 0),
            ("unlocked", 0),
            ("changed", 4),
            ("unexplained", 4),
            ("", 4),
        ] {
            assert_eq!(judge(word, &[]).outcome.code(), code, "{word}");
        }
    }
}
