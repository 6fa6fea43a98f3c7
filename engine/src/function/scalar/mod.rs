//! Scalar functions: one file per family, each with its table of [`Scalar`]s.

mod array;
pub(super) mod checked;
mod date_part;
mod date_trunc;
mod degrees;
pub(super) mod divide;
mod field;
mod format;
mod interval;
mod json;
mod make;
mod math;
mod named_part;
mod pattern;
pub(crate) mod pg;
mod quote;
mod random;
mod regexp;
mod system;
mod text;
mod timestamp_arithmetic;
mod to_char;
mod to_char_number;
mod to_date;

use datafusion::logical_expr::ScalarUDF;

use super::define::Scalar;

/// Every table of functions.
fn tables() -> Vec<&'static [Scalar]> {
    vec![
        timestamp_arithmetic::FUNCTIONS,
        interval::FUNCTIONS,
        make::FUNCTIONS,
        system::FUNCTIONS,
        array::FUNCTIONS,
        math::FUNCTIONS,
        text::FUNCTIONS,
        regexp::FUNCTIONS,
        json::FUNCTIONS,
        to_char::FUNCTIONS,
        to_char_number::FUNCTIONS,
    ]
}

/// Every scalar function of ours.
pub(crate) fn all() -> Vec<ScalarUDF> {
    let mut functions: Vec<ScalarUDF> = tables().into_iter().flatten().map(Scalar::udf).collect();
    functions.extend(pg::tables().into_iter().flatten().map(Scalar::udf));
    functions.extend(pg::waiting());
    functions.extend(named_part::NamedPart::all());
    functions.push(ScalarUDF::new_from_impl(date_part::DatePart::new(false)));
    functions.push(ScalarUDF::new_from_impl(date_part::DatePart::new(true)));
    functions.push(ScalarUDF::new_from_impl(date_trunc::DateTrunc::new()));
    functions.push(divide::udf());
    functions.extend(make::StatementClock::all());
    functions.extend(array::changed());
    functions.extend(math::changed());
    functions.extend(text::changed());
    functions.extend(to_date::ByPattern::all());
    functions
}

/// Whether a bare word is the name of a date or time unit.
pub(super) fn is_unit(word: &str) -> bool {
    field::Field::parse(word).is_some()
}
