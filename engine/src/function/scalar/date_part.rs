//! `date_part` and `EXTRACT` with all of PostgreSQL's fields.
//!
//! Fields that DataFusion computes the same way stay with DataFusion, whose function also turns
//! `EXTRACT(year FROM t) = 2024` into a range that prunes chunks; the others are computed here.
//! Fields of a timestamp with time zone are those of the session's wall clock. `EXTRACT` gives
//! exact decimals where `date_part` gives doubles; whole fields are integers in both.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    PrimitiveArray,
};
use arrow::datatypes::{
    DataType, Field as ArrowField, FieldRef, Int32Type, IntervalMonthDayNanoType, IntervalUnit,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use chrono::Datelike;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::field::Field;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::function::define::{MICROS, document};
use crate::function::rows::cast_exactly;
use crate::function::types::sql_name;

pub(crate) const SECTION: &str = "Time and Date Functions";

/// `date_part` gives doubles where the value has a fraction, `extract` gives decimals.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DatePart {
    exact: bool,
    inner: Arc<ScalarUDF>,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl DatePart {
    pub(crate) fn new(exact: bool) -> Self {
        let (about, syntax) = match exact {
            true => (
                "A field of a date, time or interval; fractions are decimals.",
                "EXTRACT(field FROM source)",
            ),
            false => (
                "A field of a date, time or interval; fractions are doubles.",
                "date_part(field, source)",
            ),
        };
        Self {
            exact,
            inner: datafusion::functions::datetime::date_part(),
            signature: Signature::user_defined(Volatility::Stable),
            aliases: match exact {
                true => vec![],
                false => vec!["datepart".to_string()],
            },
            documentation: document(SECTION, about, syntax),
        }
    }

    fn result_type(&self, field: Field, source: &DataType) -> DataType {
        match (field, self.exact) {
            // The seconds and days of a date are whole.
            (Field::Epoch, true) if is_date(source) => DataType::Int64,
            (Field::Julian, true) if is_date(source) => DataType::Int64,
            (Field::Epoch, true) => DataType::Decimal128(20, 6),
            (Field::Second, true) => DataType::Decimal128(8, 6),
            (Field::Millisecond, true) => DataType::Decimal128(8, 3),
            (Field::Epoch | Field::Second | Field::Millisecond | Field::Julian, _) => {
                DataType::Float64
            }
            (Field::Date, _) => DataType::Date32,
            (Field::Nanosecond, _) => DataType::Int64,
            _ => DataType::Int32,
        }
    }

    /// Microseconds as the result type of a field says.
    fn fraction(&self, field: Field, micros: Vec<Option<i128>>) -> Result<ArrayRef> {
        Ok(match self.result_type(field, &MICROS) {
            DataType::Decimal128(precision, scale) => {
                Arc::new(Decimal128Array::from(micros).with_precision_and_scale(precision, scale)?)
            }
            _ => {
                let unit = if field == Field::Millisecond {
                    1e3
                } else {
                    1e6
                };
                let seconds = micros.into_iter().map(|m| m.map(|m| m as f64 / unit));
                Arc::new(seconds.collect::<Float64Array>())
            }
        })
    }
}

fn field_of(value: Option<&ScalarValue>) -> Result<Field> {
    match value.and_then(|v| v.try_as_str()).flatten() {
        Some(name) => Ok(Field::parse_or_error(name)?),
        None => Err(Error::new(
            Kind::InvalidParameterValue,
            "the field of date_part must be a constant string",
        )
        .into()),
    }
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        match self.exact {
            true => "extract",
            false => "date_part",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [_, source] = given else {
            return Err(Error::new(
                Kind::UndefinedFunction,
                "no function matches: date_part takes a field and a date, time or interval",
            )
            .into());
        };
        let source = match source {
            DataType::Null => MICROS,
            t if t.is_string() => MICROS,
            DataType::Dictionary(_, value) => value.as_ref().clone(),
            DataType::Date64 => DataType::Date32,
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            t if t.is_temporal() => t.clone(),
            other => {
                return Err(Error::new(
                    Kind::UndefinedFunction,
                    format!("no function matches date_part(text, {})", sql_name(other)),
                )
                .into());
            }
        };
        Ok(vec![DataType::Utf8, source])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(Error::internal("date_part's type depends on its field").into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let field = field_of(args.scalar_arguments.first().copied().flatten())?;
        let nullable = args.arg_fields.get(1).is_none_or(|f| f.is_nullable());
        let source = args.arg_fields.get(1).map(|f| f.data_type().clone());
        let result = self.result_type(field, &source.unwrap_or(MICROS));
        Ok(Arc::new(ArrowField::new(self.name(), result, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(name), source] = args.args.as_slice() else {
            return field_of(None).map(|_| ColumnarValue::Scalar(ScalarValue::Null));
        };
        let field = field_of(Some(name))?;
        let constant = matches!(source, ColumnarValue::Scalar(_));
        let array = source.to_array(if constant { 1 } else { args.number_rows })?;
        let zone = args.config_options.execution.time_zone.as_deref();
        let array = in_session_zone(array, zone)?;
        let returns = args.return_field.data_type().clone();
        let result = match self.compute(field, &array)? {
            Some(own) => cast_exactly(&own, &returns)?,
            None => self.delegate(field, array, args)?,
        };
        match constant {
            true => ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn preimage(
        &self,
        args: &[Expr],
        literal: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        // The year of an instant depends on the session's zone, its pruning range must not.
        let zoned = match args.get(1).map(|source| info.get_data_type(source)) {
            Some(Ok(DataType::Timestamp(_, Some(zone)))) => {
                info.config_options().execution.time_zone.as_deref() != Some(zone.as_ref())
            }
            Some(Ok(_)) => false,
            _ => true,
        };
        match zoned {
            true => Ok(PreimageResult::None),
            false => self.inner.preimage(args, literal, info),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn is_date(source: &DataType) -> bool {
    matches!(source, DataType::Date32 | DataType::Date64)
}

/// The same instants, shown on the session's wall clock.
pub(crate) fn in_session_zone(array: ArrayRef, zone: Option<&str>) -> Result<ArrayRef> {
    match (array.data_type(), zone) {
        (DataType::Timestamp(unit, Some(own)), Some(zone)) if own.as_ref() != zone => {
            let there = DataType::Timestamp(*unit, Some(Arc::from(zone)));
            cast_exactly(&array, &there)
        }
        _ => Ok(array),
    }
}

impl DatePart {
    fn delegate(
        &self,
        field: Field,
        array: ArrayRef,
        args: ScalarFunctionArgs,
    ) -> Result<ArrayRef> {
        let rows = array.len();
        let source = ArrowField::new("source", array.data_type().clone(), true);
        let mut arg_fields = args.arg_fields;
        if let Some(second) = arg_fields.get_mut(1) {
            *second = Arc::new(source);
        }
        let name = ScalarValue::Utf8(Some(field.name().to_string()));
        self.inner
            .invoke_with_args(ScalarFunctionArgs {
                args: vec![ColumnarValue::Scalar(name), ColumnarValue::Array(array)],
                arg_fields,
                number_rows: rows,
                return_field: args.return_field,
                config_options: args.config_options,
            })?
            .into_array(rows)
    }

    /// The fields that DataFusion lacks or computes otherwise; `None` for the rest.
    fn compute(&self, field: Field, array: &ArrayRef) -> Result<Option<ArrayRef>> {
        match array.data_type() {
            DataType::Duration(_) => {
                let micros = cast_exactly(array, &DataType::Duration(TimeUnit::Microsecond))?;
                let micros = cast_exactly(&micros, &DataType::Int64)?;
                let split: PrimitiveArray<IntervalMonthDayNanoType> = micros
                    .as_primitive::<arrow::datatypes::Int64Type>()
                    .iter()
                    .map(|m| {
                        m.map(|m| calendar::interval(0, m / DAY, m % DAY))
                            .transpose()
                    })
                    .collect::<crate::error::Result<_>>()?;
                self.of_interval(field, &split).map(Some)
            }
            DataType::Interval(_) => {
                let all = cast_exactly(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
                self.of_interval(field, all.as_primitive()).map(Some)
            }
            DataType::Time64(_) => self.of_time(field, array.as_primitive()).map(Some),
            DataType::Date32 | DataType::Timestamp(..) => self.of_timestamp(field, array),
            _ => Ok(None),
        }
    }

    fn of_timestamp(&self, field: Field, array: &ArrayRef) -> Result<Option<ArrayRef>> {
        use Field as F;
        let zone = match array.data_type() {
            DataType::Timestamp(_, Some(zone)) => Some(calendar::parse_zone(zone)?),
            _ => None,
        };
        let needs_zone = matches!(field, F::Timezone | F::TimezoneHour | F::TimezoneMinute);
        if needs_zone && zone.is_none() {
            return Err(unsupported(field, array.data_type()));
        }
        if !needs_zone
            && !matches!(
                field,
                F::Second
                    | F::Millisecond
                    | F::Epoch
                    | F::Decade
                    | F::Century
                    | F::Millennium
                    | F::Julian
                    | F::Date
            )
        {
            return Ok(None);
        }
        let naive = cast_exactly(array, &instant_type(array.data_type()))?;
        let utc = naive.as_primitive::<TimestampMicrosecondType>();
        if field == F::Epoch {
            let micros = utc.iter().map(|m| m.map(i128::from)).collect();
            return self.fraction(field, micros).map(Some);
        }
        let local: Vec<Option<i64>> = match &zone {
            None => utc.iter().collect(),
            Some(zone) => utc
                .iter()
                .map(|m| m.map(|m| calendar::to_local(m, zone)).transpose())
                .collect::<crate::error::Result<_>>()?,
        };
        match field {
            F::Second | F::Millisecond => {
                let micros = local
                    .iter()
                    .map(|m| m.map(|m| i128::from(m.rem_euclid(MINUTE))));
                self.fraction(field, micros.collect()).map(Some)
            }
            F::Julian => {
                let days = local
                    .iter()
                    .map(|m| m.map(|m| m as f64 / DAY as f64 + 2_440_588.0));
                Ok(Some(Arc::new(days.collect::<Float64Array>())))
            }
            F::Date => {
                let days = local.iter().map(|m| m.map(|m| m.div_euclid(DAY) as i32));
                Ok(Some(Arc::new(days.collect::<Date32Array>())))
            }
            _ => {
                let offsets = local.iter().zip(utc.iter());
                let values = offsets
                    .map(|(local, utc)| match (local, utc) {
                        (Some(local), Some(utc)) => {
                            whole_field(field, *local, local - utc).map(Some)
                        }
                        _ => Ok(None),
                    })
                    .collect::<Result<Int32Array>>()?;
                Ok(Some(Arc::new(values)))
            }
        }
    }

    fn of_time(
        &self,
        field: Field,
        array: &PrimitiveArray<Time64MicrosecondType>,
    ) -> Result<ArrayRef> {
        let whole = |unit: i64, per: i64| -> ArrayRef {
            let values = array.iter().map(|m| m.map(|m| (m / unit % per) as i32));
            Arc::new(values.collect::<Int32Array>())
        };
        let micros = |modulus: i64| {
            let rest = array
                .iter()
                .map(move |m| m.map(|m| i128::from(m % modulus)));
            rest.collect::<Vec<_>>()
        };
        match field {
            Field::Hour => Ok(whole(HOUR, 25)),
            Field::Minute => Ok(whole(MINUTE, 60)),
            Field::Microsecond => Ok(whole(1, MINUTE)),
            Field::Second | Field::Millisecond => self.fraction(field, micros(MINUTE)),
            Field::Epoch => self.fraction(field, micros(i64::MAX)),
            _ => Err(unsupported(field, array.data_type())),
        }
    }

    fn of_interval(
        &self,
        field: Field,
        array: &PrimitiveArray<IntervalMonthDayNanoType>,
    ) -> Result<ArrayRef> {
        let whole = |of: fn(i64, i64, i64) -> i64| -> ArrayRef {
            let values = array.iter().map(|value| {
                value.map(|v| {
                    let micros = calendar::interval_micros(v);
                    of(i64::from(v.months), i64::from(v.days), micros) as i32
                })
            });
            Arc::new(values.collect::<PrimitiveArray<Int32Type>>())
        };
        let micros = |of: fn(i64, i64, i64) -> i128| -> Vec<Option<i128>> {
            let parts = |v: arrow::datatypes::IntervalMonthDayNano| {
                let micros = calendar::interval_micros(v);
                of(i64::from(v.months), i64::from(v.days), micros)
            };
            array.iter().map(|value| value.map(parts)).collect()
        };
        Ok(match field {
            Field::Microsecond => whole(|_, _, t| t % MINUTE),
            Field::Minute => whole(|_, _, t| t / MINUTE % 60),
            Field::Hour => whole(|_, _, t| t / HOUR),
            Field::Day => whole(|_, d, _| d),
            Field::Month => whole(|m, _, _| m % 12),
            Field::Quarter => whole(|m, _, _| m % 12 / 3 + 1),
            Field::Year => whole(|m, _, _| m / 12),
            Field::Decade => whole(|m, _, _| m / 120),
            Field::Century => whole(|m, _, _| m / 1200),
            Field::Millennium => whole(|m, _, _| m / 12000),
            Field::Second | Field::Millisecond => {
                self.fraction(field, micros(|_, _, t| i128::from(t % MINUTE)))?
            }
            // PostgreSQL counts 365.25 days for a year and 30 for a month.
            Field::Epoch => self.fraction(
                field,
                micros(|m, d, t| {
                    let seconds = m / 12 * 31_557_600 + m % 12 * 2_592_000 + d * 86_400;
                    i128::from(seconds) * i128::from(SECOND) + i128::from(t)
                }),
            )?,
            _ => return Err(unsupported(field, array.data_type())),
        })
    }
}

/// Timestamps without their zone (still in UTC); dates at midnight.
pub(crate) fn instant_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Timestamp(_, Some(zone)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone)))
        }
        _ => MICROS,
    }
}

fn unsupported(field: Field, data_type: &DataType) -> datafusion::common::DataFusionError {
    Error::new(
        Kind::Unsupported,
        format!(
            "unit \"{}\" not supported for type {}",
            field.name(),
            sql_name(data_type)
        ),
    )
    .into()
}

fn whole_field(field: Field, local: i64, offset: i64) -> Result<i32> {
    let year = calendar::civil(local)?.year();
    Ok(match field {
        Field::Decade if year >= 0 => year / 10,
        Field::Decade => -((8 - (year - 1)) / 10),
        Field::Century if year > 0 => (year + 99) / 100,
        Field::Century => -((99 - (year - 1)) / 100),
        Field::Millennium if year > 0 => (year + 999) / 1000,
        Field::Millennium => -((999 - (year - 1)) / 1000),
        Field::TimezoneHour => (offset / HOUR) as i32,
        Field::TimezoneMinute => (offset % HOUR / MINUTE) as i32,
        _ => (offset / SECOND) as i32,
    })
}
