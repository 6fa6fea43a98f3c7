//! The options of CREATE MODEL: those of the model's class, and those of how it is trained.

use quern_model::class::{self, Class};
use quern_model::feature::{NullPolicy, Unknown};
use quern_model::hold_out::HoldOut;
use quern_model::parameter::{Parameters, Value};

use super::Notice;
use crate::error::{Error, Kind, Result};
use crate::options::{OptionValue, Options};

/// What is asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub class: &'static Class,
    pub parameters: Parameters,
    pub target: Option<String>,
    pub weight: Option<String>,
    pub fold: Option<String>,
    pub nulls: NullPolicy,
    pub unknown: Unknown,
    pub standardize: bool,
    pub hold_out: Option<HoldOut>,
    /// What was asked for in vain.
    pub notices: Vec<Notice>,
}

impl Request {
    pub fn of(mut options: Options) -> Result<Self> {
        let class = options.take_text("model_class")?.ok_or_else(|| {
            Error::new(
                Kind::InvalidParameterValue,
                "CREATE MODEL needs a model_class",
            )
            .hint("Write WITH (model_class = 'LinearRegression', …).")
        })?;
        let class = class::find(&class)?;
        let column = |text: Option<String>| text.filter(|name| !name.is_empty());
        let target = column(options.take_text("target_column")?);
        let weight = column(options.take_text("weight_column")?);
        let fold = column(options.take_text("fold_column")?);
        let nulls = match options.take_text("null_policy")?.as_deref() {
            None => None,
            Some("error") => Some(NullPolicy::Error),
            Some("drop") => Some(NullPolicy::Drop),
            Some("impute") => Some(NullPolicy::Impute),
            Some("missing") => Some(NullPolicy::Missing),
            Some(other) => {
                return Err(wrong(
                    "null_policy",
                    other,
                    "'error', 'drop', 'impute' or 'missing'",
                ));
            }
        };
        let unknown = match options.take_text("handle_unknown")?.as_deref() {
            None | Some("error") => Unknown::Error,
            Some("ignore") => Unknown::Ignore,
            Some(other) => return Err(wrong("handle_unknown", other, "'error' or 'ignore'")),
        };
        let standardize = options.take_boolean("standardize")?.unwrap_or(false);
        let hold_out = match options.take("data_split") {
            None => None,
            Some(given) => Some(hold_out(class, &given)?),
        };
        let given: Vec<(String, Value)> = options
            .entries()
            .iter()
            .map(|(n, v)| (n.clone(), value(v)))
            .collect();
        let (parameters, ignored) = class.parameters(&given)?;
        let notices = ignored
            .iter()
            .map(|name| Notice::info(format!("{name} has no effect")));
        Ok(Self {
            class,
            parameters,
            target,
            weight,
            fold,
            nulls: class.null_policy(nulls)?,
            unknown,
            standardize,
            hold_out,
            notices: notices.collect(),
        })
    }
}

/// The share of rows that is held out.
fn hold_out(class: &Class, given: &OptionValue) -> Result<HoldOut> {
    let share = value(given).as_number();
    let may_be = "a number of at least 0 and below 1: the share that is held out";
    let share = share.ok_or_else(|| wrong("data_split", &given.to_string(), may_be))?;
    Ok(HoldOut::of(class, share)?)
}

pub(super) fn wrong(name: &str, given: &str, may_be: &str) -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        format!("invalid value for option \"{name}\": {given}"),
    )
    .hint(format!("It takes {may_be}."))
}

/// A value of SQL as a parameter.
pub(super) fn value(value: &OptionValue) -> Value {
    match value {
        OptionValue::Text(text) => Value::Text(text.clone().into()),
        OptionValue::Number(digits) => match digits.parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::Text(digits.clone().into()),
        },
        OptionValue::Boolean(flag) => Value::Bool(*flag),
        OptionValue::Null => Value::Null,
        OptionValue::Array(values) => Value::List(values.iter().map(self::value).collect()),
        OptionValue::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(name, v)| (name.clone(), self::value(v)));
            Value::Map(entries.collect())
        }
    }
}
