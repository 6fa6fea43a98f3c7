//! DataFusion's own scalar functions with more overloads ([`Extended`]) or with PostgreSQL's errors
//! where the result is not a number ([`Checked`]). All that is not ours stays DataFusion's.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use super::define::Scalar;
use crate::error::{Error, Kind};

/// A function of DataFusion that gives way to overloads of ours when their types fit better.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extended {
    inner: Arc<ScalarUDF>,
    ours: Arc<ScalarUDF>,
    overloads: Overloads,
    signature: Signature,
    aliases: Vec<String>,
}

/// The declaration of our overloads; one function, one declaration.
#[derive(Debug, Clone, Copy)]
struct Overloads(&'static Scalar);

impl PartialEq for Overloads {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Overloads {}

impl std::hash::Hash for Overloads {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl Extended {
    pub(crate) fn udf(inner: Arc<ScalarUDF>, ours: &'static Scalar) -> ScalarUDF {
        let also = ours.aliases.iter().map(|a| a.to_string());
        ScalarUDF::new_from_impl(Self {
            signature: Signature::user_defined(inner.signature().volatility),
            aliases: inner.aliases().iter().cloned().chain(also).collect(),
            inner,
            ours: Arc::new(ours.udf()),
            overloads: Overloads(ours),
        })
    }

    /// The types that DataFusion's function casts its arguments to.
    fn inner_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let field = |t: &DataType| Arc::new(Field::new("argument", t.clone(), true));
        let fields: Vec<_> = given.iter().map(field).collect();
        let coerced = fields_with_udf(&fields, self.inner.as_ref())?;
        Ok(coerced.iter().map(|f| f.data_type().clone()).collect())
    }

    fn is_ours(&self, given: &[DataType]) -> bool {
        self.overloads.0.fits(given)
    }
}

impl ScalarUDFImpl for Extended {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match self.is_ours(given) {
            true => self.ours.coerce_types(given),
            false => match self.inner_types(given) {
                Ok(types) => Ok(types),
                // What neither takes, ours may take with a cast.
                Err(error) => self.ours.coerce_types(given).map_err(|_| error),
            },
        }
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        match self.is_ours(given) {
            true => self.ours.return_type(given),
            false => self.inner.return_type(given),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args
            .arg_fields
            .iter()
            .map(|f| f.data_type().clone())
            .collect();
        match self.is_ours(&types) {
            true => self.ours.return_field_from_args(args),
            false => self.inner.return_field_from_args(args),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        match self.is_ours(&types) {
            true => self.ours.invoke_with_args(args),
            false => self.inner.invoke_with_args(args),
        }
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let types = args.iter().map(|arg| info.get_data_type(arg));
        match types.collect::<Result<Vec<_>>>() {
            Ok(types) if !self.is_ours(&types) => self.inner.simplify(args, info),
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn preimage(
        &self,
        args: &[Expr],
        literal: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        let types = args.iter().map(|arg| info.get_data_type(arg));
        match types.collect::<Result<Vec<_>>>() {
            Ok(types) if !self.is_ours(&types) => self.inner.preimage(args, literal, info),
            _ => Ok(PreimageResult::None),
        }
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.inner().output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.ours.documentation()
    }
}

/// A function of doubles whose infinities and NaNs are errors unless they were given.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Checked {
    inner: Arc<ScalarUDF>,
    /// What to say when the arguments are outside of the function's domain.
    domain: &'static str,
    aliases: Vec<String>,
}

impl Checked {
    pub(crate) fn udf(
        inner: Arc<ScalarUDF>,
        domain: &'static str,
        also: &'static [&'static str],
    ) -> ScalarUDF {
        let also = also.iter().map(|a| a.to_string());
        ScalarUDF::new_from_impl(Self {
            aliases: inner.aliases().iter().cloned().chain(also).collect(),
            inner,
            domain,
        })
    }

    fn check(&self, result: &ArrayRef, args: &[ArrayRef]) -> Result<()> {
        let strange = |array: &ArrayRef, row: usize| match array.data_type() {
            DataType::Float64 => {
                let array = array.as_primitive::<Float64Type>();
                array.is_valid(row) && !array.value(row).is_finite()
            }
            DataType::Float32 => {
                let array = array.as_primitive::<Float32Type>();
                array.is_valid(row) && !array.value(row).is_finite()
            }
            _ => false,
        };
        let bad = (0..result.len())
            .find(|row| strange(result, *row) && !args.iter().any(|arg| strange(arg, *row)));
        match bad {
            None => Ok(()),
            Some(_) => Err(Error::new(Kind::OutOfRange, self.domain)
                .hint("Guard the argument with CASE or NULLIF.")
                .into()),
        }
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(given)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given = args.args.clone();
        let rows = args.number_rows;
        let result = self.inner.invoke_with_args(args)?;
        let constant = matches!(result, ColumnarValue::Scalar(_));
        let rows = if constant { 1 } else { rows };
        let array = result.to_array(rows)?;
        let given = given
            .iter()
            .map(|arg| arg.to_array(rows))
            .collect::<Result<Vec<_>>>()?;
        self.check(&array, &given)?;
        Ok(result)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.inner().output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}
