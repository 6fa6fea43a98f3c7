//! Functions whose result may be much larger than their arguments, or take much longer than to read
//! them, with a bound on it.
//!
//! Before such a function is called, [`Growth`] says how many bytes a row may give at most. What is
//! longer than a value may be is refused with 54000, as PostgreSQL does; a batch that may be large is
//! computed some rows at a time, so that memory holds little more than the result. [`Work`] says how
//! many steps a row takes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use super::constants;
use super::growth::{Growth, Inputs};
use super::rows::{MAX_BATCH_BYTES, too_long, value_limit_bytes};
use super::work::Work;

/// A result up to this size is computed at once.
const AT_ONCE_BYTES: u128 = 64 << 20;

/// The functions and how they grow.
const GROWING: &[(&str, Growth)] = &[
    ("array_concat", Growth::Sum),
    ("array_repeat", Growth::ArrayRepeat),
    ("array_resize", Growth::ArrayResize),
    ("array_to_string", Growth::Joined),
    ("concat", Growth::Sum),
    ("concat_ws", Growth::Separated),
    ("generate_series", Growth::Series),
    ("lpad", Growth::Pad),
    ("range", Growth::Series),
    ("regexp_replace", Growth::Pattern),
    ("repeat", Growth::Repeat),
    ("replace", Growth::Replace),
    ("rpad", Growth::Pad),
];

/// The functions that take long.
const SLOW: &[(&str, Work)] = &[
    ("array_has_all", Work::Lists),
    ("btrim", Work::Characters),
    ("levenshtein", Work::Distance),
    ("ltrim", Work::Characters),
    ("rtrim", Work::Characters),
    ("strpos", Work::Search),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Bound {
    Growth(Growth),
    Work(Work),
}

/// Puts the bounded functions in the place of those that are registered.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    let growing = GROWING.iter().map(|(name, g)| (name, Bound::Growth(*g)));
    let slow = SLOW.iter().map(|(name, w)| (name, Bound::Work(*w)));
    for (name, bound) in growing.chain(slow) {
        if let Some(inner) = state.scalar_functions().get(*name).cloned() {
            let bounded = Bounded { inner, bound };
            state.register_udf(Arc::new(ScalarUDF::new_from_impl(bounded)))?;
        }
    }
    Ok(())
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    bound: Bound,
}

impl Bounded {
    fn call(&self, args: &ScalarFunctionArgs, from: usize, rows: usize) -> Result<ArrayRef> {
        let slice = |arg: &ColumnarValue| match arg {
            ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(from, rows)),
            ColumnarValue::Scalar(value) => ColumnarValue::Scalar(value.clone()),
        };
        let result = self.inner.invoke_with_args(ScalarFunctionArgs {
            args: args.args.iter().map(slice).collect(),
            arg_fields: args.arg_fields.clone(),
            number_rows: rows,
            return_field: Arc::clone(&args.return_field),
            config_options: Arc::clone(&args.config_options),
        })?;
        result.into_array(rows)
    }

    /// Computes as many rows at a time as fit the bound.
    fn in_slices(&self, args: &ScalarFunctionArgs, bounds: &[u128]) -> Result<ArrayRef> {
        let mut parts = Vec::new();
        let (mut from, mut total_bytes) = (0, 0);
        while from < bounds.len() {
            let mut bytes = 0;
            let fitting = bounds.iter().skip(from).take_while(|bound| {
                bytes += **bound;
                bytes <= AT_ONCE_BYTES
            });
            let rows = fitting.count().max(1);
            let part = self.call(args, from, rows)?;
            total_bytes += part.get_array_memory_size();
            if total_bytes > MAX_BATCH_BYTES {
                return Err(too_long(self.name()).into());
            }
            parts.push(part);
            from += rows;
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(concat(&parts)?)
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
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

    fn is_strict(&self) -> bool {
        self.inner.inner().is_strict()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let inputs = Inputs::of(&args)?;
        let growth = match self.bound {
            Bound::Growth(growth) => growth,
            Bound::Work(work) => {
                work.check(self.name(), &inputs)?;
                return self.inner.invoke_with_args(args);
            }
        };
        let bounds: Vec<u128> = (0..inputs.rows)
            .map(|row| growth.bytes(&inputs, row))
            .collect();
        let most = value_limit_bytes(&args.config_options) as u128;
        if bounds.iter().any(|bytes| *bytes > most) {
            return Err(too_long(self.name()).into());
        }
        if bounds.iter().sum::<u128>() <= AT_ONCE_BYTES || bounds.len() == 1 {
            let config = Arc::clone(&args.config_options);
            let result = self.inner.invoke_with_args(args)?;
            if let ColumnarValue::Scalar(value) = &result {
                constants::count(&config, value.size())?;
            }
            return Ok(result);
        }
        self.in_slices(&args, &bounds).map(ColumnarValue::Array)
    }

    /// Simplified calls of the same function stay bounded.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match self.inner.simplify(args, info)? {
            ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
                if call.func.name() == self.name() =>
            {
                let bounded = Arc::new(ScalarUDF::new_from_impl(self.clone()));
                let call = ScalarFunction::new_udf(bounded, call.args);
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
            }
            other => other,
        })
    }

    fn preimage(
        &self,
        args: &[Expr],
        value: &Expr,
        info: &SimplifyContext,
    ) -> Result<PreimageResult> {
        self.inner.preimage(args, value, info)
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

#[cfg(test)]
mod tests {
    use crate::function::testing::check;

    #[test]
    fn what_is_too_long_is_refused_before_it_is_built() {
        check(&[
            ("repeat('a', 2000000000)", "error 54000"),
            ("lpad('x', 2147483647)", "error 54000"),
            ("rpad('x', 2147483647, 'yz')", "error 54000"),
            ("array_repeat(1, 2000000000)", "error 54000"),
            ("array_resize(make_array(1), 2000000000, 0)", "error 54000"),
            (
                "cardinality(generate_series(1, 100000000000))",
                "error 54000",
            ),
            (
                "length(replace(repeat('a', 1000000), 'a', repeat('b', 1000000)))",
                "error 54000",
            ),
            (
                "length(regexp_replace(repeat('a', 1000000), 'a', repeat('b', 1000000), 'g'))",
                "error 54000",
            ),
            (
                "length(array_to_string(array_repeat('a', 100000), repeat(',', 100000)))",
                "error 54000",
            ),
        ]);
    }

    #[test]
    fn what_would_take_too_long_is_refused_before_it_begins() {
        check(&[
            (
                "levenshtein(repeat('a', 256), repeat('b', 256))",
                "error 22023",
            ),
            ("levenshtein(repeat('ä', 255), repeat('b', 255))", "255"),
            (
                "array_has_all(range(1, 300000), range(1, 300000))",
                "error 54000",
            ),
            ("range(1, 300000) @> range(1, 300000)", "error 54000"),
            ("range(1, 300000) <@ range(1, 300000)", "error 54000"),
            (
                "position(repeat('a', 1000000) IN repeat('b', 1000000))",
                "error 54000",
            ),
            (
                "jsonb_contains(to_json(array_concat(array_repeat(repeat('a', 3999) || 'b', 5000), [repeat('a', 4000)])), to_json(array_repeat(repeat('a', 4000), 5000)))",
                "error 54000",
            ),
            (
                "btrim(repeat('a', 300000), repeat('b', 300000))",
                "error 54000",
            ),
            (
                "ltrim(repeat('a', 300000), repeat('b', 300000))",
                "error 54000",
            ),
            ("to_char(1.0, repeat('9', 10000000))", "error 54000"),
            ("to_char(1.0, repeat('9', 10000))", "error 22023"),
            (
                "to_char(TIMESTAMP '2020-01-01', repeat('Y', 10000000))",
                "error 54000",
            ),
            (
                "to_char(TIMESTAMP '2020-01-01', repeat('%Y', 10000000))",
                "error 54000",
            ),
            ("to_date('2020', repeat('Y', 10000000))", "error 54000"),
            ("to_number('1', repeat('9', 10000000))", "error 54000"),
            (
                "jsonb_exists_all(to_json(array_repeat('a', 50000)), array_concat(array_repeat('a', 50000), ['b']))",
                "error 54000",
            ),
        ]);
    }

    #[test]
    fn what_fits_is_built() {
        check(&[
            ("length(repeat('a', 1000000))", "1000000"),
            ("'a' || NULL", "NULL"),
            ("'a' || 1", "a1"),
            ("lpad('x', 3, 'y')", "yyx"),
            ("btrim('  a ')", "a"),
            ("trim(both 'xy' from 'xyaxy')", "a"),
            ("position('b' in 'äb')", "2"),
            ("ARRAY[1, 2] @> ARRAY[2]", "true"),
            ("ARRAY[2] <@ ARRAY[1, 2]", "true"),
            ("array_to_string(ARRAY[1] || ARRAY[2], '+')", "1+2"),
            ("array_to_string(ARRAY[1] || 2, '+')", "1+2"),
            ("position('' IN 'ab')", "1"),
            ("jsonb_contains('[\"a\", [\"b\"]]', '[\"a\"]')", "true"),
            (
                "array_has_any(range(1, 300000), range(400000, 700000))",
                "false",
            ),
            ("levenshtein('kitten', 'sitting')", "3"),
            ("replace('aXbX', 'X', '--')", "a--b--"),
            (
                "(SELECT max(length(repeat('a', x))) FROM generate_series(20000, 28000) t(x))",
                "28000",
            ),
        ]);
    }
}
