//! `text_of(value)`: what CAST to text gives, for the types whose text Arrow writes its own way.
//!
//! The planner puts it in the place of such casts, so that a value reads the same in a text as in a
//! result.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;
use crate::value_text::{TextColumn, TextStyle};

pub const NAME: &str = "text_of";

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextOf {
    signature: Signature,
}

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(TextOf {
        signature: Signature::any(1, Volatility::Stable),
    })
}

/// Whether a cast of this type to text is ours to write.
pub fn writes(data_type: &DataType) -> bool {
    data_type.is_floating()
        || data_type.is_nested()
        || data_type.is_binary()
        || matches!(
            data_type,
            DataType::Interval(_)
                | DataType::Duration(_)
                | DataType::Timestamp(..)
                | DataType::Time32(_)
                | DataType::Time64(_)
        )
}

impl ScalarUDFImpl for TextOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else {
            return Err(Error::internal("text_of takes one value").into());
        };
        let zone = args.config_options.execution.time_zone.as_deref();
        let array = value.to_array(args.number_rows)?;
        let text = texts(&array, &TextStyle::new(zone.unwrap_or("UTC")));
        match value {
            ColumnarValue::Array(_) => Ok(ColumnarValue::Array(text)),
            ColumnarValue::Scalar(_) => Ok(ColumnarValue::Scalar(
                datafusion::common::ScalarValue::try_from_array(&text, 0)?,
            )),
        }
    }
}

fn texts(array: &ArrayRef, style: &TextStyle) -> ArrayRef {
    let column = TextColumn::new(array, style);
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for row in 0..array.len() {
        text.clear();
        match column.write(row, &mut text) {
            true => builder.append_value(&text),
            false => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}
