//! Permission bits, and what a umask does to them.

/// Read, write and execute of the owner, the group and others.
const PERMISSIONS: u32 = 0o777;

/// No umask that anybody sets gives it.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Returns whether two modes can be one mode under two umasks: the owner has the same bits in both,
/// and nobody has a bit that the owner lacks. A umask never changes other bits (setuid, the kind of
/// file).
pub(crate) fn are_of_umasks(a: u32, b: u32) -> bool {
    let owner = |mode: u32| mode >> 6 & 7;
    let is_masked = |mode: u32| (mode >> 3 & 7 | mode & 7) & !owner(mode) == 0;
    let steady = !PERMISSIONS | WRITABLE_BY_ALL;
    a & steady == b & steady && owner(a) == owner(b) && is_masked(a) && is_masked(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_takes_from_group_and_others_only() {
        for (a, b, expected) in [
            (0o644, 0o664, true),
            (0o600, 0o644, true),
            (0o755, 0o700, true),
            (0o100_644, 0o100_664, true),
            (0o644, 0o755, false),
            (0o755, 0o4755, false),
            (0o400, 0o600, false),
            (0o444, 0o464, false),
            (0o644, 0o666, false),
            (0o120_777, 0o100_644, false),
        ] {
            assert_eq!(are_of_umasks(a, b), expected, "{a:o}, {b:o}");
        }
    }
}
