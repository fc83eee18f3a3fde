//! From a corpus, a seed and a number to an input: one of the corpus with some changes, as
//! dumb fuzzers make them. The same three give the same input on every machine.

/// `SplitMix64`: small, and good enough for choosing changes.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Mostly few, at most two to the power of `bits`.
    fn times(&mut self, bits: usize) -> usize {
        let end = 1 << self.below(bits);
        1 + self.below(end)
    }

    /// A number below `end`, which must not be 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }
}

/// No input is longer: what a length can do, a test of its limit does.
const BYTES_MAX: usize = 1 << 20;

/// Numbers that readers of binary formats get wrong.
const NUMBERS: [u64; 9] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0xffff_ffff_ffff_fff0];

/// What texts are made of.
const SIGNS: &[u8] = b"()[]{}<>'\"\\/\0\n,;=.&#";

/// The input of a run. Run 0 and its next ones are the corpus as it is.
pub(crate) fn input(corpus: &[Vec<u8>], seed: u64, number: u64) -> Vec<u8> {
    let index = usize::try_from(number % corpus.len() as u64).expect("it is below a usize");
    let mut bytes = corpus[index].clone();
    if number < corpus.len() as u64 {
        return bytes;
    }
    let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ number);
    for _ in 0..=random.below(8) {
        let other = &corpus[random.below(corpus.len())];
        change(&mut bytes, other, &mut random);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    let at = random.below(bytes.len());
    let length = 1 + random.below(64.min(bytes.len() - at));
    match random.below(9) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next().to_le_bytes()[0],
        2 => {
            let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&number[..width]);
        }
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let part = bytes[at..at + length].to_vec();
            let times = random.times(10);
            let repeated = part.repeat(times);
            drop(bytes.splice(at..at, repeated));
        }
        5 => bytes.truncate(at),
        6 if !other.is_empty() => {
            let from = random.below(other.len());
            let part = other[from..(from + length).min(other.len())].to_vec();
            drop(bytes.splice(at..at, part));
        }
        7 => {
            // The same byte elsewhere: keywords, quotes and parentheses move.
            let to = random.below(bytes.len());
            bytes.swap(at, to);
        }
        _ => {
            let sign = SIGNS[random.below(SIGNS.len())];
            let times = random.times(12);
            drop(bytes.splice(at..at, std::iter::repeat_n(sign, times)));
        }
    }
}
