//! `TABLESAMPLE {SYSTEM|BERNOULLI} (percent) [REPEATABLE (seed)]`.
//!
//! SYSTEM keeps whole chunks, BERNOULLI keeps rows. Both decide by a hash of the seed and the place
//! of the chunk or row in its file, so the same seed gives the same rows wherever the query runs.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    Expr, TableSampleKind, TableSampleMethod, TableSampleUnit, Value,
};

use crate::error::{Error, Kind, Result};
use crate::source::FileTable;

pub(super) fn sampled(table: &FileTable, kind: &TableSampleKind) -> Result<Arc<FileTable>> {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) =
        kind;
    let quantity = sample
        .quantity
        .as_ref()
        .ok_or_else(|| Error::unsupported("TABLESAMPLE without a percentage"))?;
    if sample.bucket.is_some()
        || sample.offset.is_some()
        || matches!(quantity.unit, Some(TableSampleUnit::Rows))
    {
        return Err(Error::unsupported("this form of TABLESAMPLE")
            .hint("Write TABLESAMPLE SYSTEM (10) or BERNOULLI (10)."));
    }
    let percent = number(&quantity.value)
        .filter(|p| (0.0..=100.0).contains(p))
        .ok_or_else(|| {
            Error::new(
                Kind::InvalidParameterValue,
                "sample percentage must be between 0 and 100",
            )
        })?;
    let seed = match &sample.seed {
        Some(seed) => value_number(&seed.value.value).map(f64::to_bits),
        None => Some(rand_seed()),
    };
    let seed = seed.ok_or_else(|| {
        Error::new(
            Kind::InvalidParameterValue,
            "the seed of REPEATABLE must be a number",
        )
    })?;
    match sample.name {
        Some(TableSampleMethod::System | TableSampleMethod::Block) => {
            Ok(Arc::new(table.sampled_system(percent, seed)))
        }
        Some(TableSampleMethod::Bernoulli | TableSampleMethod::Row) => {
            Ok(Arc::new(table.sampled_bernoulli(percent, seed)))
        }
        None => Err(Error::new(Kind::Syntax, "TABLESAMPLE needs a method")
            .hint("Write TABLESAMPLE SYSTEM (10) or BERNOULLI (10).")),
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Value(value) => value_number(&value.value),
        _ => None,
    }
}

fn value_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    }
}

/// A seed of the moment, for samples that need not repeat.
fn rand_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::Instant::now())
}
