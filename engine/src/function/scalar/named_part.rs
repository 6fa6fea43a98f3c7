//! `year(t)`, `month(t)` … of dask-sql and DuckDB: functions named after one field of `date_part`.
//!
//! The optimizer turns them into `date_part`, so that `year(t) = 2024` prunes chunks as well.

use std::sync::Arc;

use arrow::array::{AsArray, Int32Array};
use arrow::datatypes::{DataType, Field as ArrowField, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use super::date_part::{DatePart, SECTION};
use crate::error::{Error, Kind};
use crate::function::define::document;

/// `year(t)`, `month(t)` … of dask-sql: one field each, an integer.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct NamedPart {
    name: &'static str,
    field: &'static str,
    inner: Arc<ScalarUDF>,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl NamedPart {
    pub(crate) fn all() -> Vec<ScalarUDF> {
        const NAMES: &[(&str, &str, &[&str], &str)] = &[
            ("year", "year", &[], "The year."),
            ("quarter", "quarter", &[], "The quarter, 1 to 4."),
            ("month", "month", &[], "The month, 1 to 12."),
            ("week", "week", &["weekofyear"], "The ISO week, 1 to 53."),
            ("dayofyear", "doy", &[], "The day of the year, 1 to 366."),
            (
                "dayofmonth",
                "day",
                &["day"],
                "The day of the month, 1 to 31.",
            ),
            (
                "dayofweek",
                "dow",
                &["weekday"],
                "The day of the week; Sunday is 0.",
            ),
            (
                "isodow",
                "isodow",
                &[],
                "The ISO day of the week; Monday is 1.",
            ),
            ("hour", "hour", &[], "The hour, 0 to 23."),
            ("minute", "minute", &[], "The minute, 0 to 59."),
            ("second", "second", &[], "The whole seconds, 0 to 59."),
            ("decade", "decade", &[], "The year divided by 10."),
            (
                "century",
                "century",
                &[],
                "The century; the 21st began in 2001.",
            ),
            (
                "millennium",
                "millennium",
                &[],
                "The millennium; the third began in 2001.",
            ),
        ];
        NAMES
            .iter()
            .map(|(name, field, aliases, about)| {
                ScalarUDF::new_from_impl(Self {
                    name,
                    field,
                    inner: Arc::new(ScalarUDF::new_from_impl(DatePart::new(false))),
                    signature: Signature::user_defined(Volatility::Stable),
                    aliases: aliases.iter().map(|a| a.to_string()).collect(),
                    documentation: document(SECTION, about, &format!("{name}(source)")),
                })
            })
            .collect()
    }
}

impl ScalarUDFImpl for NamedPart {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [source] = given else {
            let message = format!("no function matches: {} takes one argument", self.name);
            return Err(Error::new(Kind::UndefinedFunction, message).into());
        };
        let types = self.inner.coerce_types(&[DataType::Utf8, source.clone()])?;
        Ok(types.into_iter().skip(1).collect())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = ScalarValue::Utf8(Some(self.field.to_string()));
        args.args.insert(0, ColumnarValue::Scalar(name));
        let field = ArrowField::new("field", DataType::Utf8, false);
        args.arg_fields.insert(0, Arc::new(field));
        if self.field == "second" {
            let field = ArrowField::new(self.name, DataType::Float64, true);
            args.return_field = Arc::new(field);
        }
        let rows = args.number_rows;
        match self.inner.invoke_with_args(args)? {
            whole if whole.data_type() == DataType::Int32 => Ok(whole),
            fraction => {
                let constant = matches!(fraction, ColumnarValue::Scalar(_));
                let seconds = fraction.to_array(if constant { 1 } else { rows })?;
                let whole: Int32Array = seconds
                    .as_primitive::<Float64Type>()
                    .unary(|s| s.trunc() as i32);
                match constant {
                    true => ScalarValue::try_from_array(&whole, 0).map(ColumnarValue::Scalar),
                    false => Ok(ColumnarValue::Array(Arc::new(whole))),
                }
            }
        }
    }

    /// Becomes `date_part`, which prunes chunks.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if self.name == "second" {
            return Ok(ExprSimplifyResult::Original(args));
        }
        let args = std::iter::once(lit(self.field)).chain(args).collect();
        let call = ScalarFunction::new_udf(Arc::clone(&self.inner), args);
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(call)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
