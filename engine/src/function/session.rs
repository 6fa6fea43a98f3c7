//! Functions that tell of the session: `current_user`, `current_schema`, `current_setting(name)`,
//! `version()` and their kin. Each statement gets them with its session's values.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};

use crate::error::Error;
use crate::settings::Settings;

/// What `version()` says; tools look for the first word and the number.
pub const VERSION: &str = concat!(
    "PostgreSQL 14.19 (Quern ",
    env!("CARGO_PKG_VERSION"),
    ") on DataFusion, 64-bit"
);

/// The functions with the values of one session. `database` is the catalog's name.
pub fn functions(user: &str, database: &str, settings: &Settings) -> Vec<ScalarUDF> {
    let schema = settings
        .search_path()
        .into_iter()
        .next()
        .unwrap_or_default();
    let constants = [
        ("current_user", user),
        ("session_user", user),
        ("user", user),
        ("current_role", user),
        ("current_schema", schema.as_str()),
        ("current_database", database),
        ("current_catalog", database),
        ("version", VERSION),
    ];
    let constants = constants.map(|(name, value)| {
        let signature = Signature::nullary(Volatility::Stable);
        ScalarUDF::new_from_impl(Constant {
            name,
            value: value.to_string(),
            signature,
        })
    });
    let values = crate::settings::SETTINGS
        .iter()
        .map(|s| (s.name, settings.value(s).to_string()));
    let setting = CurrentSetting {
        values: values.collect(),
        signature: Signature::one_of(
            vec![TypeSignature::String(1), TypeSignature::Any(2)],
            Volatility::Stable,
        ),
    };
    constants
        .into_iter()
        .chain([ScalarUDF::new_from_impl(setting)])
        .collect()
}

/// A function without arguments that gives one text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: String,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::from(
            self.value.as_str(),
        )))
    }
}

/// `current_setting(name)`: the value of a setting, as SHOW gives it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting {
    values: Vec<(&'static str, String)>,
    signature: Signature,
}

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let may_miss = match args.args.get(1) {
            None => false,
            Some(ColumnarValue::Scalar(may_miss)) => *may_miss == ScalarValue::Boolean(Some(true)),
            Some(ColumnarValue::Array(_)) => {
                return Err(Error::unsupported("missing_ok from a column").into());
            }
        };
        let Some(names) = args.args.first() else {
            return Err(Error::internal("current_setting without a name").into());
        };
        match names.cast_to(&DataType::Utf8, None)? {
            ColumnarValue::Scalar(name) => {
                let value = self.value(name.try_as_str().flatten(), may_miss)?;
                Ok(ColumnarValue::Scalar(ScalarValue::Utf8(value)))
            }
            ColumnarValue::Array(names) => {
                let names = names.as_string::<i32>().iter();
                let values = names.map(|name| self.value(name, may_miss));
                let values = values.collect::<Result<StringArray>>()?;
                Ok(ColumnarValue::Array(Arc::new(values)))
            }
        }
    }
}

impl CurrentSetting {
    fn value(&self, name: Option<&str>, may_miss: bool) -> Result<Option<String>> {
        let Some(name) = name else {
            return Ok(None);
        };
        let name = match Settings::declaration(name) {
            Ok(declared) => declared.name,
            Err(_) if may_miss => return Ok(None),
            Err(unknown) => return Err(unknown.into()),
        };
        let mut values = self.values.iter();
        let found = values.find(|(known, _)| *known == name);
        Ok(found.map(|(_, value)| value.clone()))
    }
}
