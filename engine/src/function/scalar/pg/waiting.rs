//! Functions that wait: `pg_sleep`, and the sizes of tables, which are read from where they are.
//!
//! They hold no thread while they wait, and end with their query.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use async_trait::async_trait;
use datafusion::common::Result;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

use super::{Objects, SECTION};
use crate::error::{Error, Kind};
use crate::function::define::document;
use crate::function::directory::{Class, directory};
use crate::function::rows::Text;

/// The longest sleep.
const MAX_SLEEP_S: f64 = 7.0 * 24.0 * 3600.0;

pub(crate) fn all() -> Vec<ScalarUDF> {
    let wait = |name, about, syntax| {
        let function = Waiting {
            name,
            signature: Signature::one_of(
                vec![TypeSignature::Any(1), TypeSignature::Any(2)],
                Volatility::Volatile,
            ),
            documentation: document(SECTION, about, syntax),
        };
        AsyncScalarUDF::new(Arc::new(function)).into_scalar_udf()
    };
    let size = "What the table takes where it is stored, in bytes.";
    vec![
        wait(
            "pg_sleep",
            "Waits a number of seconds.",
            "pg_sleep(seconds)",
        ),
        wait("pg_relation_size", size, "pg_relation_size(table)"),
        wait("pg_table_size", size, "pg_table_size(table)"),
        wait(
            "pg_total_relation_size",
            size,
            "pg_total_relation_size(table)",
        ),
        wait(
            "pg_indexes_size",
            "What the indexes of a table take: 0.",
            "pg_indexes_size(table)",
        ),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Waiting {
    name: &'static str,
    signature: Signature,
    documentation: Documentation,
}

impl ScalarUDFImpl for Waiting {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.name {
            "pg_sleep" => DataType::Utf8,
            _ => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(Error::unsupported(format!("{} in this place", self.name)).into())
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Waiting {
    async fn invoke_async_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let Some(argument) = args.args.first() else {
            return Err(Error::new(Kind::UndefinedFunction, self.name).into());
        };
        let argument = argument.to_array(rows)?;
        let result = match self.name {
            "pg_sleep" => sleep(&argument).await?,
            name => sizes(name, &argument, &args).await?,
        };
        Ok(ColumnarValue::Array(result))
    }
}

async fn sleep(seconds: &ArrayRef) -> Result<ArrayRef> {
    let seconds = cast(seconds, &DataType::Float64)?;
    let seconds = seconds.as_primitive::<Float64Type>();
    let mut out = Vec::with_capacity(seconds.len());
    for at in 0..seconds.len() {
        let wait = seconds.is_valid(at).then(|| seconds.value(at));
        if let Some(wait) = wait.filter(|wait| *wait > 0.0) {
            tokio::time::sleep(Duration::from_secs_f64(wait.min(MAX_SLEEP_S))).await;
        }
        out.push(wait.map(|_| ""));
    }
    Ok(Arc::new(StringArray::from(out)))
}

async fn sizes(name: &str, tables: &ArrayRef, args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    let mut waiting = Vec::with_capacity(tables.len());
    {
        let known = directory(&args.config_options);
        let objects = match tables.data_type() {
            DataType::Null => Objects::None,
            t if t.is_string() => Objects::Names(Text::of(tables.as_ref())?),
            _ => Objects::Numbers(cast(tables, &DataType::Int64)?.as_primitive().clone()),
        };
        for row in 0..tables.len() {
            let oid = objects.oid(row, Class::Relation, known);
            waiting.push(oid.zip(known).map(|(oid, known)| known.bytes(oid)));
        }
    }
    let mut out = Vec::with_capacity(waiting.len());
    for one in waiting {
        let bytes = match one {
            Some(bytes) => bytes.await?,
            None => None,
        };
        out.push(bytes.map(|bytes| if name == "pg_indexes_size" { 0 } else { bytes }));
    }
    Ok(Arc::new(Int64Array::from(out)))
}
