//! [`Random`]: the fleet's only chance, seeded from outside, so that a run can be repeated. For jitter, not for secrets.
//!
//! The generator is `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).

/// A seeded generator.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to `most`, both included.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match most.checked_add(1) {
            Some(bound) => mixed % bound,
            None => mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_within_the_bound() {
        let mut one = Random::new(7);
        let mut other = Random::new(7);
        let numbers: Vec<u64> = (0..200).map(|_| one.up_to(9)).collect();
        assert!(numbers.iter().all(|number| *number <= 9));
        assert!((0..=9).all(|number| numbers.contains(&number)));
        assert!(numbers.iter().all(|number| *number == other.up_to(9)));
        assert_eq!(one.up_to(0), 0);
    }
}
