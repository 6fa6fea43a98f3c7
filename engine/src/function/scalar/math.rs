//! Mathematics that DataFusion lacks, and PostgreSQL's rounding and errors for what it has.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int32Type, Int64Type};
use datafusion::common::Result;
use datafusion::functions::math;
use datafusion::logical_expr::{ScalarUDF, Volatility};

use super::degrees;
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, takes, variadic};
use crate::function::extend::{Checked, Extended};
use crate::function::rows::{At, given, gives};

pub(super) const SECTION: &str = "Math Functions";
const TWO_FLOATS: &[Arg] = &[Arg::Float, Arg::Float];

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "mod",
        "mod(x, y)",
        "The remainder of x / y, with the sign of x; the same as x % y.",
        &[
            takes(&[Arg::Int, Arg::Int], gives::int, |call| {
                integers(call, i64::checked_rem)
            }),
            takes(&[Arg::Decimal, Arg::Decimal], remainder_type, |call| {
                let rest = arrow::compute::kernels::numeric::rem(call.array(0)?, call.array(1)?)?;
                Ok(cast(&rest, &call.returns)?)
            }),
            takes(TWO_FLOATS, gives::float, |call| {
                let (x, y) = (call.floats(0)?, call.floats(1)?);
                call.each::<Float64Type>(|row| {
                    let (x, y) = (given!(x.at(row)), given!(y.at(row)));
                    if y == 0.0 {
                        Err(division_by_zero())
                    } else {
                        Ok(Some(x % y))
                    }
                })
            }),
        ],
    ),
    Scalar::new(
        SECTION,
        "div",
        "div(x, y)",
        "The whole part of x / y, towards zero.",
        &[
            takes(&[Arg::Int, Arg::Int], gives::int, |call| {
                integers(call, i64::checked_div)
            }),
            takes(
                &[Arg::Decimal, Arg::Decimal],
                |_| DataType::Decimal128(38, 0),
                quotient,
            ),
            takes(TWO_FLOATS, gives::float, |call| {
                let (x, y) = (call.floats(0)?, call.floats(1)?);
                call.each::<Float64Type>(|row| {
                    let (x, y) = (given!(x.at(row)), given!(y.at(row)));
                    if y == 0.0 {
                        Err(division_by_zero())
                    } else {
                        Ok(Some((x / y).trunc()))
                    }
                })
            }),
        ],
    ),
    Scalar::new(
        SECTION,
        "width_bucket",
        "width_bucket(x, low, high, count) or width_bucket(x, thresholds)",
        "The number of the bucket that x is in; 0 below the first, count + 1 above the last.",
        &[
            takes(
                &[Arg::Float, Arg::Float, Arg::Float, Arg::Int],
                gives::int32,
                width_bucket,
            ),
            takes(&[Arg::Float, Arg::FloatList], gives::int32, |call| {
                let (x, lists) = (call.floats(0)?, call.lists(1)?);
                call.each::<Int32Type>(|row| {
                    let (x, list) = (given!(x.at(row)), given!(lists.at(row)));
                    let bounds = list.as_primitive::<Float64Type>().values().to_vec();
                    Ok(Some(bounds.partition_point(|bound| *bound <= x) as i32))
                })
            }),
        ],
    ),
    Scalar::new(
        SECTION,
        "scale",
        "scale(decimal)",
        "The number of digits after the point.",
        &[takes(&[Arg::Decimal], gives::int32, |call| {
            scale(call, |_, scale| scale)
        })],
    ),
    Scalar::new(
        SECTION,
        "min_scale",
        "min_scale(decimal)",
        "The number of digits after the point that are needed.",
        &[takes(&[Arg::Decimal], gives::int32, |call| {
            scale(call, |mut digits, mut scale| {
                while scale > 0 && digits % 10 == 0 {
                    (digits, scale) = (digits / 10, scale - 1);
                }
                scale
            })
        })],
    ),
    Scalar::new(
        SECTION,
        "bit_not",
        "~ x",
        "All bits turned round.",
        &[takes(&[Arg::Int], gives::int, |call| {
            let x = call.ints(0)?;
            call.each::<Int64Type>(|row| Ok(x.at(row).map(|x| !x)))
        })],
    ),
    Scalar::new(
        SECTION,
        "bit_count",
        "bit_count(integer | bytea)",
        "How many bits are set.",
        &[
            takes(&[Arg::Int], gives::int, |call| {
                let x = call.ints(0)?;
                call.each::<Int64Type>(|row| Ok(x.at(row).map(|x| i64::from(x.count_ones()))))
            }),
            takes(&[Arg::Bytes], gives::int, |call| {
                let bytes = call.bytes(0)?;
                call.each::<Int64Type>(|row| {
                    let set = |b: &[u8]| b.iter().map(|b| i64::from(b.count_ones())).sum();
                    Ok(bytes.at(row).map(set))
                })
            }),
        ],
    ),
    Scalar::new(
        "Conditional Functions",
        "num_nulls",
        "num_nulls(value, …)",
        "How many of the arguments are NULL.",
        &[variadic(&[Arg::Any], Arg::Any, gives::int32, |call| {
            count_nulls(call, true)
        })],
    ),
    Scalar::new(
        "Conditional Functions",
        "num_nonnulls",
        "num_nonnulls(value, …)",
        "How many of the arguments are not NULL.",
        &[variadic(&[Arg::Any], Arg::Any, gives::int32, |call| {
            count_nulls(call, false)
        })],
    ),
    Scalar::new(
        SECTION,
        "rand_integer",
        "rand_integer(n)",
        "A random integer from 0 to n - 1.",
        &[takes(&[Arg::Int], gives::int, |call| {
            let bounds = call.ints(0)?;
            let mut random = super::random::Random::new();
            call.each::<Int64Type>(|row| match given!(bounds.at(row)) {
                n if n > 0 => Ok(Some(random.below(n.unsigned_abs()) as i64)),
                _ => Err(out_of_range("the bound of rand_integer must be positive")),
            })
        })],
    )
    .that_is(Volatility::Volatile),
];

static ROUND: Scalar = Scalar::new(
    SECTION,
    "round",
    "round(x [, digits])",
    "The nearest whole number, or to a number of digits. Halves of decimals go away from zero, \
     halves of doubles to the even neighbour.",
    &[takes(&[Arg::Float], gives::float, |call| {
        let x = call.floats(0)?;
        call.each::<Float64Type>(|row| Ok(x.at(row).map(f64::round_ties_even)))
    })],
);

static CEIL: Scalar = Scalar::new(
    SECTION,
    "ceil",
    "ceil(x)",
    "The smallest whole number that is not less.",
    &[takes(&[Arg::Decimal], whole_type, |call| {
        whole(call, |value, unit| {
            value.div_euclid(unit) + i128::from(value.rem_euclid(unit) > 0)
        })
    })],
)
.or(&["ceiling"]);

static FLOOR: Scalar = Scalar::new(
    SECTION,
    "floor",
    "floor(x)",
    "The largest whole number that is not greater.",
    &[takes(&[Arg::Decimal], whole_type, |call| {
        whole(call, i128::div_euclid)
    })],
);

static TRUNC: Scalar = Scalar::new(
    SECTION,
    "trunc",
    "trunc(x [, digits])",
    "Without the digits after the point, or after a number of digits.",
    &[takes(&[Arg::Decimal], whole_type, |call| {
        whole(call, |value, unit| value / unit)
    })],
)
.or(&["truncate"]);

/// Whole numbers of a decimal's type, with room for a carry.
fn whole_type(types: &[DataType]) -> DataType {
    match types {
        [DataType::Decimal128(p, s)] => {
            let digits = (i16::from(*p) - i16::from(*s) + 1).clamp(1, 38);
            DataType::Decimal128(digits.unsigned_abs() as u8, 0)
        }
        _ => DataType::Decimal128(38, 0),
    }
}

fn whole(call: &Call, by: fn(i128, i128) -> i128) -> Result<ArrayRef> {
    let values = call.array(0)?.as_primitive::<Decimal128Type>();
    let unit = 10_i128.pow(u32::from(values.scale().max(0).unsigned_abs()));
    call.each::<Decimal128Type>(|row| Ok(values.at(row).map(|value| by(value, unit))))
}

/// DataFusion's functions under further names or with PostgreSQL's errors.
pub(crate) fn changed() -> Vec<ScalarUDF> {
    let also = |function: Arc<ScalarUDF>, name: &'static str| {
        Arc::unwrap_or_clone(function).with_aliases([name])
    };
    let out = "input is out of range";
    let logarithm = "cannot take logarithm of zero or of a negative number";
    let mut functions = vec![
        also(math::signum(), "sign"),
        Extended::udf(math::ceil(), &CEIL),
        Extended::udf(math::floor(), &FLOOR),
        Extended::udf(math::trunc(), &TRUNC),
        Extended::udf(math::round(), &ROUND),
        Checked::udf(math::ln(), logarithm, &[]),
        Checked::udf(math::log(), logarithm, &[]),
        Checked::udf(math::log2(), logarithm, &[]),
        Checked::udf(math::log10(), logarithm, &[]),
        Checked::udf(math::exp(), "value out of range: overflow", &[]),
        Checked::udf(
            math::power(),
            "the power is not a real number or is out of range",
            &[],
        ),
    ];
    for function in [math::asin(), math::acos(), math::acosh(), math::atanh()] {
        functions.push(Checked::udf(function, out, &[]));
    }
    functions.extend(degrees::FUNCTIONS.iter().map(Scalar::udf));
    functions
}

fn out_of_range(message: &str) -> datafusion::common::DataFusionError {
    Error::new(Kind::OutOfRange, message).into()
}

fn division_by_zero() -> datafusion::common::DataFusionError {
    Error::new(Kind::DivisionByZero, "division by zero")
        .hint("Guard the divisor: x / NULLIF(y, 0).")
        .into()
}

fn integers(call: &Call, op: fn(i64, i64) -> Option<i64>) -> Result<ArrayRef> {
    let (x, y) = (call.ints(0)?, call.ints(1)?);
    call.each::<Int64Type>(|row| match (given!(x.at(row)), given!(y.at(row))) {
        (_, 0) => Err(division_by_zero()),
        (x, y) => match op(x, y) {
            Some(result) => Ok(Some(result)),
            // Only the smallest integer divided by -1 does not fit; its remainder is 0.
            None if call.name == "mod" => Ok(Some(0)),
            None => Err(out_of_range("bigint out of range")),
        },
    })
}

/// The type that Arrow gives to a remainder of decimals.
fn remainder_type(types: &[DataType]) -> DataType {
    match types {
        [DataType::Decimal128(p, s), DataType::Decimal128(q, t)] => {
            let scale = *s.max(t);
            let whole = (*p as i8 - s).min(*q as i8 - t);
            DataType::Decimal128((whole + scale).clamp(1, 38) as u8, scale)
        }
        _ => DataType::Decimal128(38, 10),
    }
}

fn quotient(call: &Call) -> Result<ArrayRef> {
    let (x, y) = (
        call.array(0)?.as_primitive::<Decimal128Type>(),
        call.array(1)?.as_primitive::<Decimal128Type>(),
    );
    let scale = x.scale().max(y.scale());
    let lift = |value: i128, from: i8| {
        let power = u32::from((scale - from).unsigned_abs());
        10_i128
            .checked_pow(power)
            .and_then(|factor| value.checked_mul(factor))
            .ok_or_else(|| out_of_range("numeric out of range"))
    };
    call.each::<Decimal128Type>(|row| {
        let (a, b) = (given!(x.at(row)), given!(y.at(row)));
        if b == 0 {
            return Err(division_by_zero());
        }
        Ok(Some(lift(a, x.scale())? / lift(b, y.scale())?))
    })
}

fn width_bucket(call: &Call) -> Result<ArrayRef> {
    let (x, low) = (call.floats(0)?, call.floats(1)?);
    let (high, count) = (call.floats(2)?, call.ints(3)?);
    call.each::<Int32Type>(|row| {
        let (x, low) = (given!(x.at(row)), given!(low.at(row)));
        let (high, count) = (given!(high.at(row)), given!(count.at(row)));
        let refuse = |message: &str| Err(Error::new(Kind::InvalidParameterValue, message).into());
        let Some(count) = i32::try_from(count)
            .ok()
            .filter(|n| (1..i32::MAX).contains(n))
        else {
            return refuse("count must be greater than zero");
        };
        if !low.is_finite() || !high.is_finite() || x.is_nan() {
            return refuse("operand, lower bound, and upper bound cannot be NaN");
        }
        if low == high {
            return refuse("lower bound cannot equal upper bound");
        }
        // A descending range counts from its upper end.
        let (x, low, high) = if low < high {
            (x, low, high)
        } else {
            (-x, -low, -high)
        };
        Ok(Some(if x < low {
            0
        } else if x >= high {
            count + 1
        } else {
            let share = (x - low) / (high - low) * f64::from(count);
            (share.floor() as i32 + 1).min(count)
        }))
    })
}

fn scale(call: &Call, of: fn(i128, i32) -> i32) -> Result<ArrayRef> {
    let values: &Decimal128Array = call.array(0)?.as_primitive();
    let scale = i32::from(values.scale().max(0));
    call.each::<Int32Type>(|row| Ok(values.at(row).map(|digits| of(digits, scale))))
}

fn count_nulls(call: &Call, nulls: bool) -> Result<ArrayRef> {
    let logical: Vec<_> = call.arrays.iter().map(|a| a.logical_nulls()).collect();
    call.each::<Int32Type>(|row| {
        let is_null = |n: &Option<arrow::buffer::NullBuffer>| {
            n.as_ref().is_some_and(|nulls| nulls.is_null(row))
        };
        Ok(Some(
            logical.iter().filter(|n| is_null(n) == nulls).count() as i32
        ))
    })
}
