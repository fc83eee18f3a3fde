//! Memory addresses, as `repr()` of an object writes them.

use super::super::Cause;
use super::super::forms::pattern::Pattern;
use super::super::prove::Claim;
use super::super::rewrite::Rewrite;
use super::sides::Sides;

/// Any other number can be a mask or a constant.
static FORMS: [Pattern; 2] = [
    Pattern::new("memory addresses in `repr()`", r"(?-u) at (?<value>0x[0-9a-f]{6,12})>"),
    // Without the bracket, it must be where Linux gives a process room. On x86-64, programs lie
    // above 2/3 of 47 bits, libraries and stacks below the end, both as far from there as 32 random
    // bits lead (`vm.mmap_rnd_bits`); on aarch64 it is 48 bits.
    Pattern::new(
        "memory addresses",
        r"(?x-u) \b at \x20 (?<value>
            0x ( 5[5-9a-f][0-9a-f]{2} | 6[0-5f][0-9a-f]{2} | 7[0-9a-f]{3} | aaa[a-f] | ffff )
            [0-9a-f]{8} ) \b",
    ),
];

/// Claims that addresses differ.
pub(super) fn claims(sides: &Sides<'_>) -> Vec<Claim<Rewrite>> {
    let forms = FORMS.iter().filter(|form| sides.are_drawn(form));
    forms.filter_map(|form| sides.of_pattern(form, Cause::Address)).collect()
}
