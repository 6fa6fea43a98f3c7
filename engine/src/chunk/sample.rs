//! TABLESAMPLE: which chunks, or which rows of them, are in.
//!
//! The choice is a hash of the seed and the place, so that it is the same in each run, for any
//! number of threads, and on any executor.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub method: SampleMethod,
    pub percent: f64,
    pub seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SampleMethod {
    /// Whole chunks.
    System,
    /// Each row by itself.
    Bernoulli,
}

impl Sample {
    /// Whether the chunk is in the sample (of chunks).
    pub fn keeps_chunk(&self, location: &str, offset_bytes: u64) -> bool {
        self.keeps(self.chunk_hash(location, offset_bytes))
    }

    /// What [`Self::keeps_row`] needs of the row's chunk.
    pub fn chunk_hash(&self, location: &str, offset_bytes: u64) -> u64 {
        let text = location
            .bytes()
            .fold(mix(self.seed), |hash, byte| mix(hash ^ u64::from(byte)));
        mix(text ^ offset_bytes)
    }

    /// Whether a row, counted from the start of its chunk, is in the sample (of rows).
    pub fn keeps_row(&self, chunk_hash: u64, row: u64) -> bool {
        self.keeps(mix(chunk_hash ^ row))
    }

    fn keeps(&self, hash: u64) -> bool {
        const STEPS: f64 = (1_u64 << 53) as f64;
        ((hash >> 11) as f64 / STEPS) * 100.0 < self.percent
    }

    /// How many of so many rows are likely to be in.
    pub fn expected(&self, rows: usize) -> usize {
        (rows as f64 * self.percent.clamp(0.0, 100.0) / 100.0).round() as usize
    }
}

/// Spreads the bits: neighbours come out unrelated (the finisher of the SplitMix64 generator).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(percent: f64, seed: u64) -> Sample {
        Sample {
            method: SampleMethod::Bernoulli,
            percent,
            seed,
        }
    }

    #[test]
    fn shares_are_as_asked() {
        for percent in [0.0, 1.0, 10.0, 50.0, 100.0] {
            let sample = sample(percent, 7);
            let chunk = sample.chunk_hash("/a", 0);
            let kept = (0..100_000)
                .filter(|row| sample.keeps_row(chunk, *row))
                .count() as f64;
            assert!((kept / 1000.0 - percent).abs() < 0.5, "{percent} {kept}");
            let chunks = (0..20_000)
                .filter(|offset| sample.keeps_chunk("/a", *offset))
                .count() as f64;
            assert!((chunks / 200.0 - percent).abs() < 1.5, "{percent} {chunks}");
        }
    }

    #[test]
    fn seeds_and_places_matter() {
        let kept = |seed, location: &str| -> Vec<u64> {
            let sample = sample(50.0, seed);
            let chunk = sample.chunk_hash(location, 3);
            (0..64)
                .filter(|row| sample.keeps_row(chunk, *row))
                .collect()
        };
        assert_eq!(kept(1, "/a"), kept(1, "/a"));
        assert_ne!(kept(1, "/a"), kept(2, "/a"));
        assert_ne!(kept(1, "/a"), kept(1, "/b"));
    }
}
