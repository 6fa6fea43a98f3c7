//! DataFusion's functions that give one of their arguments, with texts that take the type of dates, times and
//! booleans beside them: `coalesce(day, '2024-01-01')` is a date.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

const NAMES: &[&str] = &["coalesce", "greatest", "least"];

/// Puts these functions in the place of those that are registered.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    for name in NAMES {
        let inner = state.udf(name)?;
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(Alternatives { inner })))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Alternatives {
    inner: Arc<ScalarUDF>,
}

fn is_read_from_text(data_type: &DataType) -> bool {
    *data_type == DataType::Boolean || data_type.is_temporal()
}

impl ScalarUDFImpl for Alternatives {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let has_type = |t: &&DataType| !t.is_string() && !t.is_null();
        let typed: Vec<DataType> = given.iter().filter(has_type).cloned().collect();
        if typed.is_empty() || !typed.iter().all(is_read_from_text) {
            return self.inner.coerce_types(given);
        }
        let one = self.inner.coerce_types(&typed)?.into_iter().next();
        Ok(one.map_or_else(Vec::new, |one| vec![one; given.len()]))
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        self.inner.return_type(given)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }

    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, info)
    }

    fn conditional_arguments<'a>(
        &self,
        args: &'a [Expr],
    ) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.conditional_arguments(args)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use crate::function::testing::check;

    #[test]
    fn texts_take_the_type_of_the_others() {
        check(&[
            (
                "pg_typeof(coalesce(NULL, '2024-01-02', DATE '2024-01-01'))",
                "date",
            ),
            ("coalesce(DATE '2024-01-01', '2024-01-02')", "2024-01-01"),
            (
                "coalesce(NULL::timestamp, '2024-01-02 10:00:00')",
                "2024-01-02 10:00:00",
            ),
            ("coalesce(NULL::boolean, 'f')", "false"),
            ("coalesce(NULL::time, '10:30')", "10:30:00"),
            ("greatest(DATE '2024-01-01', '2024-01-02')", "2024-01-02"),
            ("least('3', 20)", "3"),
            ("coalesce(NULL, 'a', 'b')", "a"),
            ("coalesce(NULL::integer, 'a')", "error 22P02"),
            ("coalesce(NULL::bytea, 'a')", "error 42883"),
            ("coalesce(1, 1 / 0)", "1"),
        ]);
    }
}
