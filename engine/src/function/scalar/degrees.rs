//! Trigonometry in degrees, exact where PostgreSQL's is: `sind(30)` is 0.5.

use arrow::array::ArrayRef;
use arrow::datatypes::Float64Type;
use datafusion::common::Result;

use super::math::SECTION;
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Scalar, takes};
use crate::function::rows::{At, given, gives};

const ONE: &[Arg] = &[Arg::Float];

pub(crate) static FUNCTIONS: &[Scalar] = &[
    Scalar::new(
        SECTION,
        "sind",
        "sind(degrees)",
        "The sine of an angle in degrees.",
        &[takes(ONE, gives::float, |call| of(call, sind))],
    ),
    Scalar::new(
        SECTION,
        "cosd",
        "cosd(degrees)",
        "The cosine of an angle in degrees.",
        &[takes(ONE, gives::float, |call| of(call, cosd))],
    ),
    Scalar::new(
        SECTION,
        "tand",
        "tand(degrees)",
        "The tangent of an angle in degrees.",
        &[takes(ONE, gives::float, |call| of(call, tand))],
    ),
    Scalar::new(
        SECTION,
        "cotd",
        "cotd(degrees)",
        "The cotangent of an angle in degrees.",
        &[takes(ONE, gives::float, |call| of(call, cotd))],
    ),
    Scalar::new(
        SECTION,
        "asind",
        "asind(x)",
        "The angle in degrees whose sine is x.",
        &[takes(ONE, gives::float, |call| {
            inverse(call, |x| 90.0 - acosd(x))
        })],
    ),
    Scalar::new(
        SECTION,
        "acosd",
        "acosd(x)",
        "The angle in degrees whose cosine is x.",
        &[takes(ONE, gives::float, |call| inverse(call, acosd))],
    ),
    Scalar::new(
        SECTION,
        "atand",
        "atand(x)",
        "The angle in degrees whose tangent is x.",
        &[takes(ONE, gives::float, |call| {
            of(call, |x| x.atan() / 1_f64.atan() * 45.0)
        })],
    ),
    Scalar::new(
        SECTION,
        "atan2d",
        "atan2d(y, x)",
        "The angle in degrees of the point (x, y).",
        &[takes(&[Arg::Float, Arg::Float], gives::float, |call| {
            let (y, x) = (call.floats(0)?, call.floats(1)?);
            call.each::<Float64Type>(|row| {
                let (y, x) = (given!(y.at(row)), given!(x.at(row)));
                Ok(Some(y.atan2(x) / 1_f64.atan() * 45.0))
            })
        })],
    ),
];

fn of(call: &Call, f: fn(f64) -> f64) -> Result<ArrayRef> {
    let x = call.floats(0)?;
    call.each::<Float64Type>(|row| {
        let x = given!(x.at(row));
        match x.is_infinite() && call.name != "atand" {
            true => Err(Error::new(Kind::OutOfRange, "input is out of range").into()),
            false => Ok(Some(f(x))),
        }
    })
}

fn inverse(call: &Call, f: fn(f64) -> f64) -> Result<ArrayRef> {
    let x = call.floats(0)?;
    call.each::<Float64Type>(|row| match given!(x.at(row)) {
        x if x.abs() > 1.0 => Err(Error::new(Kind::OutOfRange, "input is out of range").into()),
        x => Ok(Some(f(x))),
    })
}

/// 0° to 30°, scaled so that 30° gives exactly a half.
fn sine_to_30(x: f64) -> f64 {
    x.to_radians().sin() / 30_f64.to_radians().sin() / 2.0
}

/// 0° to 60°, scaled so that 60° gives exactly a half.
fn cosine_to_60(x: f64) -> f64 {
    1.0 - (1.0 - x.to_radians().cos()) / (1.0 - 60_f64.to_radians().cos()) / 2.0
}

fn sine_to_90(x: f64) -> f64 {
    if x <= 30.0 {
        sine_to_30(x)
    } else {
        cosine_to_60(90.0 - x)
    }
}

fn sind(x: f64) -> f64 {
    let turn = x % 360.0;
    let sign = if turn < 0.0 { -1.0 } else { 1.0 };
    let turn = turn.abs();
    let (sign, turn) = if turn > 180.0 {
        (-sign, 360.0 - turn)
    } else {
        (sign, turn)
    };
    let turn = if turn > 90.0 { 180.0 - turn } else { turn };
    sign * sine_to_90(turn)
}

fn cosd(x: f64) -> f64 {
    let turn = (x % 360.0).abs();
    let turn = if turn > 180.0 { 360.0 - turn } else { turn };
    let (sign, turn) = if turn > 90.0 {
        (-1.0, 180.0 - turn)
    } else {
        (1.0, turn)
    };
    sign * sine_to_90(90.0 - turn)
}

fn tand(x: f64) -> f64 {
    // The quotient is 1 at 45° only after scaling.
    let scaled = sind(x) / cosd(x) / (sind(45.0) / cosd(45.0));
    if scaled == 0.0 { 0.0 } else { scaled }
}

fn cotd(x: f64) -> f64 {
    let scaled = cosd(x) / sind(x) / (cosd(45.0) / sind(45.0));
    if scaled == 0.0 { 0.0 } else { scaled }
}

/// Scaled so that 0.5 gives exactly 60°, and from the other side for what is near 0.
fn acosd(x: f64) -> f64 {
    if x < 0.0 {
        return 90.0 + asin_positive(-x);
    }
    90.0 - asin_positive(x)
}

fn asin_positive(x: f64) -> f64 {
    if x <= 0.5 {
        x.asin() / 0.5_f64.asin() * 30.0
    } else {
        90.0 - x.acos() / 0.5_f64.acos() * 60.0
    }
}
