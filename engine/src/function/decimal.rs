//! Division of decimals with as many digits as PostgreSQL shows, for `/` and for `avg`.
//!
//! PostgreSQL gives a quotient at least 16 significant digits; a column here has one scale for all
//! its rows, so a quotient has at least 16 digits after the point. It rounds half away from zero.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeTypeOp, DataType, Decimal128Type, i256};
use datafusion::common::Result;

use crate::error::{Error, Kind};

const PRECISION: u8 = 38;
const DIGITS_AFTER_POINT: i8 = 16;

/// An integer or decimal type as the decimal that holds all its values.
pub(super) fn as_decimal(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            Some(DataType::Decimal128(*p, *s))
        }
        t if t.is_integer() => Some(DataType::Decimal128(20, 0)),
        DataType::Null => Some(DataType::Decimal128(1, 0)),
        _ => None,
    }
}

/// The type of a quotient.
pub(super) fn quotient_type(dividend: &DataType, divisor: &DataType) -> Option<DataType> {
    let (DataType::Decimal128(_, a), DataType::Decimal128(_, b)) = (dividend, divisor) else {
        return None;
    };
    Some(DataType::Decimal128(
        PRECISION,
        DIGITS_AFTER_POINT.max(*a).max(*b),
    ))
}

/// Divides row by row; 22012 where a divisor is zero.
pub(super) fn divide(
    dividends: &ArrayRef,
    divisors: &ArrayRef,
    wanted: &DataType,
) -> Result<ArrayRef> {
    let (dividends, divisors) = (decimals(dividends)?, decimals(divisors)?);
    let DataType::Decimal128(precision, scale) = wanted else {
        return Err(Error::internal(format!("a quotient of type {wanted}")).into());
    };
    let shift = i32::from(*scale) - i32::from(dividends.scale()) + i32::from(divisors.scale());
    let factor = u32::try_from(shift)
        .ok()
        .and_then(|shift| 10_i128.checked_pow(shift));
    let one = |x: i128, y: i128| quotient(x, y, factor, shift);
    let result: PrimitiveArray<Decimal128Type> =
        arrow::compute::try_binary(&dividends, &divisors, |x, y| {
            one(x, y).map_err(|e| arrow::error::ArrowError::ExternalError(Box::new(e)))
        })?;
    Ok(std::sync::Arc::new(
        result.with_precision_and_scale(*precision, *scale)?,
    ))
}

fn decimals(array: &ArrayRef) -> Result<Decimal128Array> {
    let wanted = as_decimal(array.data_type());
    let wanted =
        wanted.ok_or_else(|| Error::internal(format!("{} is no decimal", array.data_type())))?;
    Ok(cast(array, &wanted)?
        .as_primitive::<Decimal128Type>()
        .clone())
}

fn quotient(x: i128, y: i128, factor: Option<i128>, shift: i32) -> Result<i128, Error> {
    if y == 0 {
        return Err(Error::new(Kind::DivisionByZero, "division by zero")
            .hint("Guard the divisor: x / NULLIF(y, 0)."));
    }
    if let Some(x) = factor.and_then(|factor| x.checked_mul(factor)) {
        return rounded(x, y);
    }
    wide_quotient(x, y, shift)
}

/// Half away from zero.
fn rounded(x: i128, y: i128) -> Result<i128, Error> {
    let (whole, rest) = (
        x.checked_div(y).ok_or_else(overflow)?,
        x.checked_rem(y).ok_or_else(overflow)?,
    );
    let up = rest.unsigned_abs() >= y.unsigned_abs() - rest.unsigned_abs();
    let step = if (x < 0) == (y < 0) { 1 } else { -1 };
    Ok(if up { whole + step } else { whole })
}

/// With 256 bits, for dividends whose shifted value does not fit 128.
fn wide_quotient(x: i128, y: i128, shift: i32) -> Result<i128, Error> {
    let (mut x, mut y) = (i256::from_i128(x), i256::from_i128(y));
    let power = i256::from_i128(10)
        .pow_checked(shift.unsigned_abs())
        .map_err(|_| overflow())?;
    let shifted = if shift >= 0 { &mut x } else { &mut y };
    *shifted = shifted.mul_checked(power).map_err(|_| overflow())?;
    let whole = x.div_checked(y).map_err(|_| overflow())?;
    let rest = x.mod_checked(y).map_err(|_| overflow())?.wrapping_abs();
    let up = rest >= y.wrapping_abs().wrapping_sub(rest);
    let step = if x.is_negative() == y.is_negative() {
        i256::ONE
    } else {
        i256::MINUS_ONE
    };
    let whole = if up { whole.wrapping_add(step) } else { whole };
    whole.to_i128().ok_or_else(overflow)
}

fn overflow() -> Error {
    Error::new(Kind::OutOfRange, "numeric field overflow")
        .hint("Cast an operand to DOUBLE PRECISION.")
}

#[cfg(test)]
mod tests {
    use crate::function::testing::check;

    /// The values are PostgreSQL's, to 16 digits after the point.
    #[test]
    fn quotients_have_digits_enough() {
        check(&[
            ("1.0::numeric(10,1) / 3", "0.3333333333333333"),
            ("-1.0::numeric(10,1) / 3", "-0.3333333333333333"),
            ("2 / 3.0::numeric(10,1)", "0.6666666666666667"),
            ("10.00::numeric(10,2) / 4", "2.5000000000000000"),
            ("1 / 0.0::numeric(10,1)", "error 22012"),
            (
                "'99999999999999999999999999999999'::numeric(38,0) / 0.00000001::numeric(10,8)",
                "error 22003",
            ),
            (
                "'99999999999999999999'::numeric(38,2) / 3",
                "33333333333333333333.0000000000000000",
            ),
            ("CAST(NULL AS DECIMAL(10, 2)) / 2", "NULL"),
        ]);
    }

    #[test]
    fn means_of_decimals_are_exact() {
        let values = "(1, 1.00), (1, 2.00), (2, 2.00), (2, NULL), (3, NULL)";
        let of = |what: &str| {
            format!(
                "(SELECT {what} FROM (SELECT g, x::numeric(10,2) AS x FROM (VALUES {values}) v(g, x)) t)"
            )
        };
        let groups = format!(
            "(SELECT string_agg(a::text, ',' ORDER BY g) FROM {} s)",
            of("g, avg(x) AS a").replace("t)", "t GROUP BY g)")
        );
        let moving = "(SELECT max(a) FROM (SELECT avg(x) OVER (ORDER BY x ROWS 1 PRECEDING) AS a \
                      FROM (SELECT x::numeric(10,1) AS x FROM (VALUES (1), (2), (4)) v(x)) t) s)";
        check(&[
            (&of("avg(x)"), "1.6666666666666667"),
            (&of("avg(DISTINCT x)"), "1.5000000000000000"),
            (&of("avg(x) FILTER (WHERE g = 3)"), "NULL"),
            (&groups, "1.5000000000000000,2.0000000000000000"),
            (moving, "3.0000000000000000"),
        ]);
    }
}
