//! `iso_time(text)`: a date or a timestamp in the form that Arrow reads. The planner puts it below casts.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;
use crate::sql::iso_time;

pub const NAME: &str = "iso_time";

#[derive(Debug, PartialEq, Eq, Hash)]
struct IsoTime {
    signature: Signature,
}

pub(super) fn function() -> ScalarUDF {
    ScalarUDF::new_from_impl(IsoTime {
        signature: Signature::any(1, Volatility::Immutable),
    })
}

impl ScalarUDFImpl for IsoTime {
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
        let [text] = args.args.as_slice() else {
            return Err(Error::internal("iso_time takes one text").into());
        };
        let texts = cast(&text.to_array(args.number_rows)?, &DataType::Utf8)?;
        let texts = in_iso(texts);
        match text {
            ColumnarValue::Array(_) => Ok(ColumnarValue::Array(texts)),
            ColumnarValue::Scalar(_) => {
                let value = ScalarValue::try_from_array(&texts, 0)?;
                Ok(ColumnarValue::Scalar(value))
            }
        }
    }
}

/// Most columns are in the form already, and are not copied.
fn in_iso(texts: ArrayRef) -> ArrayRef {
    let given = texts.as_string::<i32>();
    let changes = |text: &str| match iso_time(text) {
        Cow::Borrowed(same) => same.len() != text.len(),
        Cow::Owned(_) => true,
    };
    if !given.iter().flatten().any(changes) {
        return texts;
    }
    let written: StringArray = given.iter().map(|text| text.map(iso_time)).collect();
    Arc::new(written)
}
