//! Whether memory was flat: the rule that a run's samples are judged by.
//!
//! The first fifth is the warm-up. Then the median of the last fifth may be above that of the second by 5 % and 2 MiB:
//! medians, as a sample may fall on the moment of many large answers; the rest, as an allocator's arenas take their time
//! to settle. What grows with every connection or request goes past that in a run of minutes.

use crate::process::Sample;

/// The two medians, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// Of the second fifth.
    pub(crate) before: u64,
    /// Of the last fifth.
    pub(crate) after: u64,
}

impl Growth {
    /// Of these samples, in their order; `None` if they are too few.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let fifth = samples.len() / 5;
        let before = median(samples.get(fifth..2 * fifth)?)?;
        let after = median(&samples[samples.len() - fifth..])?;
        Some(Self { before, after })
    }

    /// Whether that is flat.
    pub(crate) fn is_flat(self) -> bool {
        self.after <= self.before + self.before / 20 + 2048
    }
}

fn median(samples: &[Sample]) -> Option<u64> {
    let mut sizes: Vec<u64> = samples.iter().map(|sample| sample.memory).collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(memory: impl Fn(u64) -> u64) -> bool {
        let sample = |second| Sample { memory: memory(second), descriptors: 0, threads: 0 };
        let samples: Vec<_> = (0..60).map(sample).collect();
        Growth::of(&samples).unwrap().is_flat()
    }

    #[test]
    fn a_warm_up_and_single_peaks_are_flat() {
        assert!(judged(|second| 20_000 + 1000 * second.min(12)));
        assert!(judged(|second| if second % 7 == 3 { 90_000 } else { 20_000 }));
    }

    #[test]
    fn slow_growth_is_not_flat() {
        assert!(!judged(|second| 20_000 + 100 * second));
    }

    #[test]
    fn too_few_samples_tell_nothing() {
        assert_eq!(Growth::of(&[Sample { memory: 1, descriptors: 1, threads: 1 }; 4]), None);
    }
}
