//! How an upload is told right by who sent it and who got it, without either keeping it.
//!
//! Next: `bin/behind.rs`, which gets it.

/// Goes on with a sum in which the order of the bytes counts.
#[must_use]
pub fn sum(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_however_the_bytes_are_cut() {
        let bytes = b"some bytes in this order";
        for cut in 0..bytes.len() {
            assert_eq!(sum(sum(0, &bytes[..cut]), &bytes[cut..]), sum(0, bytes));
        }
        assert_ne!(sum(0, b"ab"), sum(0, b"ba"));
    }
}
