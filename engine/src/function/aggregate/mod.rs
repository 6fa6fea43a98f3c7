//! Aggregate functions that DataFusion lacks, other names of those it has, and calls that are
//! planned as other aggregates ([`plan::Aggregates`]).

mod avg;
pub(super) mod metric;
mod mode;
mod percentile_disc;
pub(super) mod plan;
mod planned_only;
mod single_value;
mod sum;

use std::sync::Arc;

use datafusion::functions_aggregate as builtin;
use datafusion::logical_expr::AggregateUDF;

/// Every aggregate function of ours, and DataFusion's with further names.
pub(crate) fn all() -> Vec<AggregateUDF> {
    let also = |function: Arc<AggregateUDF>, names: &'static [&'static str]| {
        Arc::unwrap_or_clone(function).with_aliases(names.iter().copied())
    };
    let mut functions = vec![
        also(builtin::bool_and_or::bool_and_udaf(), &["every"]),
        also(builtin::variance::var_samp_udaf(), &["variance"]),
        also(
            builtin::approx_percentile_cont::approx_percentile_cont_udaf(),
            &["approx_quantile"],
        ),
        also(
            builtin::approx_distinct::approx_distinct_udaf(),
            &["approx_count_distinct"],
        ),
        AggregateUDF::new_from_impl(mode::Mode::new()),
        AggregateUDF::new_from_impl(percentile_disc::PercentileDisc::new()),
        AggregateUDF::new_from_impl(single_value::SingleValue::new()),
        avg::Avg::udaf(),
        sum::Sum::udaf(),
    ];
    functions.extend(metric::Metric::all());
    functions.extend(planned_only::PlannedOnly::all());
    functions
}
