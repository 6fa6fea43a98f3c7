//! `date_trunc` with all of PostgreSQL's units, on timestamps, dates, times and intervals.
//!
//! Units that DataFusion truncates alike stay with DataFusion: those of a fixed length without a zone, and
//! timestamps in nanoseconds. It counts the others in nanoseconds, which end in 2262. The order of rows is kept.
//! A timestamp with time zone is truncated on the session's wall clock, or on the one named by the
//! third argument; the result has the type of the argument, for a date a timestamp.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Field as ArrowField, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit, TimeUnit, TimestampMicrosecondType,
};
use chrono::{Datelike, Days, NaiveDate};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use super::date_part::{SECTION, in_session_zone, instant_type};
use super::field::Field;
use crate::error::{Error, Kind};
use crate::function::calendar::{self, DAY, HOUR, MINUTE, SECOND};
use crate::function::define::{MICROS, document};
use crate::function::rows::cast_exactly;
use crate::function::types::sql_name;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct DateTrunc {
    inner: Arc<ScalarUDF>,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl DateTrunc {
    pub(crate) fn new() -> Self {
        Self {
            inner: datafusion::functions::datetime::date_trunc(),
            signature: Signature::user_defined(Volatility::Stable),
            aliases: vec!["datetrunc".to_string()],
            documentation: document(
                SECTION,
                "Truncates a timestamp, date, time or interval to a unit, in a time zone if given.",
                "date_trunc(unit, source [, zone])",
            ),
        }
    }
}

fn constant_text(value: Option<&ColumnarValue>, what: &str) -> Result<String> {
    let text = match value {
        Some(ColumnarValue::Scalar(scalar)) => scalar.try_as_str().flatten(),
        _ => None,
    };
    text.map(str::to_string).ok_or_else(|| {
        let message = format!("the {what} of date_trunc must be a constant string");
        Error::new(Kind::InvalidParameterValue, message).into()
    })
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let ([_, source] | [_, source, _]) = given else {
            let message = "no function matches: date_trunc takes a unit, a source and maybe a zone";
            return Err(Error::new(Kind::UndefinedFunction, message).into());
        };
        let source = match source {
            DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => source.clone(),
            DataType::Interval(_) | DataType::Duration(_) => {
                DataType::Interval(IntervalUnit::MonthDayNano)
            }
            DataType::Null | DataType::Date32 | DataType::Date64 => MICROS,
            t if t.is_string() => MICROS,
            other => {
                let message = format!("no function matches date_trunc(text, {})", sql_name(other));
                return Err(Error::new(Kind::UndefinedFunction, message).into());
            }
        };
        let mut types = vec![DataType::Utf8, source];
        types.resize(given.len(), DataType::Utf8);
        Ok(types)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(given.get(1).cloned().unwrap_or(MICROS))
    }

    /// A thousand years do not fit into nanoseconds.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let unit = args.scalar_arguments.first().copied().flatten();
        let unit = unit.and_then(|unit| unit.try_as_str()).flatten();
        let wide = unit.and_then(Field::parse).is_some_and(is_wide);
        let source = args.arg_fields.get(1);
        let returns = match source.map(|field| field.data_type()) {
            Some(DataType::Timestamp(_, zone)) if wide => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            Some(other) => other.clone(),
            None => MICROS,
        };
        let nullable = source.is_none_or(|field| field.is_nullable());
        Ok(Arc::new(ArrowField::new(self.name(), returns, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let unit = constant_text(args.args.first(), "unit")?;
        let field = Field::parse_or_error(&unit)?;
        let zone = match args.args.get(2) {
            None => args.config_options.execution.time_zone.clone(),
            third => Some(constant_text(third, "zone")?),
        };
        let Some(source) = args.args.get(1) else {
            return Err(Error::internal("date_trunc without a source").into());
        };
        let constant = matches!(source, ColumnarValue::Scalar(_));
        let array = source.to_array(if constant { 1 } else { args.number_rows })?;
        let source_type = array.data_type().clone();
        let returns = args.return_field.data_type().clone();
        if args.args.len() == 3 && !matches!(source_type, DataType::Timestamp(_, Some(_))) {
            return Err(Error::new(
                Kind::TypeMismatch,
                format!(
                    "date_trunc with a zone needs a timestamp with time zone, not {}",
                    sql_name(&source_type)
                ),
            )
            .into());
        }
        let array = in_session_zone(array, zone.as_deref())?;
        let truncated = match array.data_type() {
            DataType::Interval(_) => truncate_intervals(field, array.as_primitive())?,
            _ if is_own(field, array.data_type()) => truncate_instants(field, &array)?,
            _ => self.delegate(field, array, args)?,
        };
        let result = cast_exactly(&truncated, &returns)?;
        match constant {
            true => ScalarValue::try_from_array(&result, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        match inputs.len() {
            2 => self.inner.inner().output_ordering(inputs),
            _ => Ok(SortProperties::Unordered),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl DateTrunc {
    fn delegate(
        &self,
        field: Field,
        array: ArrayRef,
        args: ScalarFunctionArgs,
    ) -> Result<ArrayRef> {
        use Field as F;
        if !matches!(
            field,
            F::Nanosecond
                | F::Microsecond
                | F::Millisecond
                | F::Second
                | F::Minute
                | F::Hour
                | F::Day
                | F::Week
                | F::Month
                | F::Quarter
                | F::Year
        ) {
            return Err(not_for(field, array.data_type()));
        }
        // DataFusion truncates to a microsecond at best.
        if field == F::Nanosecond {
            return Ok(array);
        }
        let rows = array.len();
        let returns = ArrowField::new(self.name(), array.data_type().clone(), true);
        let name = ScalarValue::Utf8(Some(field.name().to_string()));
        self.inner
            .invoke_with_args(ScalarFunctionArgs {
                args: vec![ColumnarValue::Scalar(name), ColumnarValue::Array(array)],
                arg_fields: args.arg_fields.into_iter().take(2).collect(),
                number_rows: rows,
                return_field: Arc::new(returns),
                config_options: args.config_options,
            })?
            .into_array(rows)
    }
}

fn not_for(field: Field, data_type: &DataType) -> datafusion::common::DataFusionError {
    let message = format!(
        "unit \"{}\" not supported for type {}",
        field.name(),
        sql_name(data_type)
    );
    Error::new(Kind::Unsupported, message).into()
}

fn is_wide(field: Field) -> bool {
    matches!(field, Field::Decade | Field::Century | Field::Millennium)
}

/// What is not left to DataFusion.
fn is_own(field: Field, source: &DataType) -> bool {
    match source {
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Nanosecond => {
            let calendar = matches!(
                field,
                Field::Week | Field::Month | Field::Quarter | Field::Year
            );
            is_wide(field) || calendar || (zone.is_some() && fixed(field).is_some())
        }
        _ => is_wide(field),
    }
}

/// Units that are as long everywhere.
fn fixed(field: Field) -> Option<i64> {
    Some(match field {
        Field::Day => DAY,
        Field::Hour => HOUR,
        Field::Minute => MINUTE,
        Field::Second => SECOND,
        Field::Millisecond => SECOND / 1000,
        _ => return None,
    })
}

/// The first day of the week, month, …, millennium that a day is in.
fn first_day(field: Field, day: NaiveDate) -> Option<NaiveDate> {
    let (year, month) = (day.year(), day.month());
    let (year, month) = match field {
        Field::Week => {
            let since_monday = u64::from(day.weekday().num_days_from_monday());
            return day.checked_sub_days(Days::new(since_monday));
        }
        Field::Month => (year, month),
        Field::Quarter => (year, (month - 1) / 3 * 3 + 1),
        Field::Year => (year, 1),
        Field::Decade => (year.div_euclid(10) * 10, 1),
        Field::Century => ((year - 1).div_euclid(100) * 100 + 1, 1),
        _ => ((year - 1).div_euclid(1000) * 1000 + 1, 1),
    };
    NaiveDate::from_ymd_opt(year, month, 1)
}

fn truncate_instants(field: Field, array: &ArrayRef) -> Result<ArrayRef> {
    if !matches!(array.data_type(), DataType::Timestamp(..)) {
        return Err(not_for(field, array.data_type()));
    }
    let zone = match array.data_type() {
        DataType::Timestamp(_, Some(zone)) => Some(calendar::parse_zone(zone)?),
        _ => None,
    };
    let instants = cast_exactly(array, &instant_type(array.data_type()))?;
    let truncated = instants
        .as_primitive::<TimestampMicrosecondType>()
        .try_unary::<_, TimestampMicrosecondType, datafusion::common::DataFusionError>(
        |utc| {
            let local = match &zone {
                Some(zone) => calendar::to_local(utc, zone)?,
                None => utc,
            };
            let start = match fixed(field) {
                Some(length) => local.div_euclid(length) * length,
                None => {
                    let first = first_day(field, calendar::civil(local)?.date());
                    calendar::micros_of_date(first.ok_or_else(calendar::out_of_range)?)
                }
            };
            // Within a day the clock stays the same, also in the hour that there is twice.
            if fixed(field).is_some_and(|length| length < DAY) {
                return Ok(start - (local - utc));
            }
            Ok(match &zone {
                Some(zone) => calendar::to_utc(start, zone)?,
                None => start,
            })
        },
    )?;
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    Ok(Arc::new(truncated.with_timezone_opt(zone)))
}

fn truncate_intervals(
    field: Field,
    array: &PrimitiveArray<IntervalMonthDayNanoType>,
) -> Result<ArrayRef> {
    let months = |per: i32| Some((per, 0));
    let time = |per: i64| Some((1, per));
    let (month_step, time_step) = match field {
        Field::Millennium => months(12_000),
        Field::Century => months(1_200),
        Field::Decade => months(120),
        Field::Year => months(12),
        Field::Quarter => months(3),
        Field::Month => months(1),
        Field::Day => time(DAY),
        Field::Hour => time(HOUR),
        Field::Minute => time(MINUTE),
        Field::Second => time(SECOND),
        Field::Millisecond => time(SECOND / 1000),
        Field::Microsecond => time(1),
        _ => None,
    }
    .ok_or_else(|| not_for(field, array.data_type()))?;
    let result: PrimitiveArray<IntervalMonthDayNanoType> = array.unary(|v| {
        let kept_nanos = match (time_step, field) {
            (0, _) | (_, Field::Day) => 0,
            (step, _) => v.nanoseconds / (step * 1000) * (step * 1000),
        };
        let days = if time_step == 0 { 0 } else { v.days };
        IntervalMonthDayNano::new(v.months / month_step * month_step, days, kept_nanos)
    });
    Ok(Arc::new(result))
}
