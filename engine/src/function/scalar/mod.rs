//! Scalar functions: one file per family, each with its table of [`Scalar`]s.

mod array;
pub(super) mod checked;
mod date_part;
mod date_trunc;
mod degrees;
pub(super) mod divide;
mod field;
mod format;
mod make;
mod math;
mod named_part;
mod quote;
mod random;
mod regexp;
mod text;
mod timestamp_arithmetic;

use datafusion::logical_expr::ScalarUDF;

use super::define::Scalar;

/// Every table of functions.
fn tables() -> Vec<&'static [Scalar]> {
    vec![
        timestamp_arithmetic::FUNCTIONS,
        make::FUNCTIONS,
        array::FUNCTIONS,
        math::FUNCTIONS,
        text::FUNCTIONS,
        regexp::FUNCTIONS,
    ]
}

/// Every scalar function of ours.
pub(crate) fn all() -> Vec<ScalarUDF> {
    let mut functions: Vec<ScalarUDF> = tables().into_iter().flatten().map(Scalar::udf).collect();
    functions.extend(named_part::NamedPart::all());
    functions.push(ScalarUDF::new_from_impl(date_part::DatePart::new(false)));
    functions.push(ScalarUDF::new_from_impl(date_part::DatePart::new(true)));
    functions.push(ScalarUDF::new_from_impl(date_trunc::DateTrunc::new()));
    functions.push(divide::udf());
    functions.extend(make::StatementClock::all());
    functions.extend(math::changed());
    functions.extend(text::changed());
    functions
}

/// Whether a bare word is the name of a date or time unit.
pub(super) fn is_unit(word: &str) -> bool {
    field::Field::parse(word).is_some()
}
