//! How much data the demo makes.

use clap::ValueEnum;

/// How much data to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// A few megabytes, for a first look
    Tiny,
    /// A few hundred megabytes
    Normal,
    /// A few gigabytes
    Large,
}

impl Scale {
    pub fn name(self) -> &'static str {
        match self {
            Scale::Tiny => "tiny",
            Scale::Normal => "normal",
            Scale::Large => "large",
        }
    }

    pub fn shipment_rows(self) -> u64 {
        match self {
            Scale::Tiny => 20_000,
            Scale::Normal => 20_000_000,
            Scale::Large => 200_000_000,
        }
    }

    /// TPC-H's scale factor: 1 is six million rows of `lineitem`.
    pub fn tpch(self) -> f64 {
        match self {
            Scale::Tiny => 0.002,
            Scale::Normal => 0.4,
            Scale::Large => 4.0,
        }
    }
}
