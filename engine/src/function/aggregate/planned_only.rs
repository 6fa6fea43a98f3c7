//! Aggregates that exist as names only: [`super::plan::Aggregates`] plans each call as another
//! aggregate, so none of these is ever executed.

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};

use crate::error::Error;
use crate::function::define::document;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlannedOnly {
    name: &'static str,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl PlannedOnly {
    pub(crate) fn all() -> Vec<AggregateUDF> {
        const NAMES: &[(&str, &[&str], &str, &str)] = &[
            (
                "json_agg",
                &["jsonb_agg"],
                "json_agg(expression [ORDER BY …])",
                "The values as a JSON array, NULLs included.",
            ),
            (
                "json_object_agg",
                &["jsonb_object_agg"],
                "json_object_agg(key, value [ORDER BY …])",
                "Keys and values as a JSON object.",
            ),
            (
                "count_if",
                &["countif"],
                "count_if(condition)",
                "The number of rows for which the condition is true.",
            ),
            (
                "arg_max",
                &["max_by"],
                "arg_max(expression, key)",
                "The expression's value in the row with the largest key.",
            ),
            (
                "arg_min",
                &["min_by"],
                "arg_min(expression, key)",
                "The expression's value in the row with the smallest key.",
            ),
        ];
        NAMES
            .iter()
            .map(|(name, aliases, syntax, about)| {
                AggregateUDF::new_from_impl(Self {
                    name,
                    signature: Signature::variadic_any(Volatility::Immutable),
                    aliases: aliases.iter().map(|a| a.to_string()).collect(),
                    documentation: document("General Functions", about, syntax),
                })
            })
            .collect()
    }
}

impl AggregateUDFImpl for PlannedOnly {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Err(Error::unsupported(format!("{} OVER (…)", self.name)).into())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
