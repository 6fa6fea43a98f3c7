//! The tables of the TPC-H benchmark, as `tpchgen` makes them.
//!
//! Rows are those of the benchmark's own generator but for the comments, which are cut from a
//! smaller pool of text: the original needs 300 MB of memory for it.

use std::fs::File;
use std::io;
use std::sync::OnceLock;

use tpchgen::distribution::Distributions;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen::text::TextPool;
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow,
    RecordBatchIterator, RegionArrow, SupplierArrow,
};

use super::parquet_file;
use super::work::Watch;

const TEXT_POOL_BYTES: i32 = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    Region,
    Nation,
    Supplier,
    Customer,
    Part,
    PartSupp,
    Orders,
    LineItem,
}

/// Smallest first.
pub const TABLES: &[Table] = &[
    Table::Region,
    Table::Nation,
    Table::Supplier,
    Table::Customer,
    Table::Part,
    Table::PartSupp,
    Table::Orders,
    Table::LineItem,
];

impl Table {
    pub fn name(self) -> &'static str {
        match self {
            Table::Region => "region",
            Table::Nation => "nation",
            Table::Supplier => "supplier",
            Table::Customer => "customer",
            Table::Part => "part",
            Table::PartSupp => "partsupp",
            Table::Orders => "orders",
            Table::LineItem => "lineitem",
        }
    }

    /// Files that the table is written as.
    pub fn files(self) -> i32 {
        match self {
            Table::LineItem => 4,
            Table::Orders | Table::PartSupp => 2,
            _ => 1,
        }
    }

    /// About how many rows there are, for progress.
    pub fn rows(self, scale_factor: f64) -> u64 {
        let rows = |at_one: f64| (at_one * scale_factor) as u64;
        match self {
            Table::Region => 5,
            Table::Nation => 25,
            Table::Supplier => rows(10_000.0),
            Table::Customer => rows(150_000.0),
            Table::Part => rows(200_000.0),
            Table::PartSupp => rows(800_000.0),
            Table::Orders => rows(1_500_000.0),
            Table::LineItem => rows(6_000_000.0),
        }
    }

    /// Writes file `part` (from 1) of the table.
    pub fn write(self, file: File, scale_factor: f64, part: i32, watch: &Watch) -> io::Result<()> {
        let (sf, of) = (scale_factor, self.files());
        let (words, text) = (Distributions::static_default(), text_pool());
        macro_rules! save {
            ($arrow:ident, $generator:ident :: $new:ident ( $($argument:expr),* )) => {
                save($arrow::new($generator::$new($($argument),*)), file, watch)
            };
            ($arrow:ident, $generator:ident) => {
                save!($arrow, $generator::new_with_distributions_and_text_pool(sf, part, of, words, text))
            };
        }
        match self {
            Table::Region => {
                save!(
                    RegionArrow,
                    RegionGenerator::new_with_distributions_and_text_pool(words, text)
                )
            }
            Table::Nation => {
                save!(
                    NationArrow,
                    NationGenerator::new_with_distributions_and_text_pool(words, text)
                )
            }
            Table::PartSupp => {
                save!(
                    PartSuppArrow,
                    PartSuppGenerator::new_with_text_pool(sf, part, of, text)
                )
            }
            Table::Supplier => save!(SupplierArrow, SupplierGenerator),
            Table::Customer => save!(CustomerArrow, CustomerGenerator),
            Table::Part => save!(PartArrow, PartGenerator),
            Table::Orders => save!(OrderArrow, OrderGenerator),
            Table::LineItem => save!(LineItemArrow, LineItemGenerator),
        }
    }
}

fn save(batches: impl RecordBatchIterator, file: File, watch: &Watch) -> io::Result<()> {
    let schema = batches.schema().clone();
    parquet_file::write(file, &schema, batches.map(Ok), watch)
}

fn text_pool() -> &'static TextPool {
    static POOL: OnceLock<TextPool> = OnceLock::new();
    POOL.get_or_init(|| TextPool::new(TEXT_POOL_BYTES, Distributions::static_default()))
}
