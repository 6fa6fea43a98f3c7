//! JSON functions of PostgreSQL. JSON is text here; what these functions build is written as
//! `jsonb` writes it. The operators `->` and `->>` are those of datafusion-functions-json.

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::Int32Type;
use datafusion::common::Result;
use serde_json::{Map, Value};

use super::text::each_list;
use crate::error::{Error, Kind};
use crate::function::define::{Arg, Call, Overload, Scalar, takes, variadic};
use crate::function::json;
use crate::function::rows::{At, given, gives};
use crate::function::show::Shown;

const SECTION: &str = "JSON Functions";
const ONE: &[Arg] = &[Arg::Text];
const TWO: &[Arg] = &[Arg::Text, Arg::Text];
const KEYS: &[Arg] = &[Arg::Text, Arg::TextList];

const fn function(
    name: &'static str,
    syntax: &'static str,
    about: &'static str,
    overloads: &'static [Overload],
) -> Scalar {
    Scalar::new(SECTION, name, syntax, about, overloads)
}

pub(crate) static FUNCTIONS: &[Scalar] = &[
    function(
        "to_json",
        "to_json(value)",
        "The value as JSON.",
        &[takes(&[Arg::Any], gives::text, of_value)],
    )
    .or(&["to_jsonb", "array_to_json", "row_to_json", "json_array"]),
    function(
        "json_build_array",
        "json_build_array(value, …)",
        "A JSON array of the arguments.",
        &[variadic(&[], Arg::Any, gives::text, |call| {
            call.each_text(|row| {
                let items = call.arrays.iter().map(|array| json::of_sql(array, row));
                let items = items.collect::<crate::error::Result<_>>()?;
                Ok(Some(json::to_text(&Value::Array(items))))
            })
        })],
    )
    .or(&["jsonb_build_array"]),
    function(
        "json_build_object",
        "json_build_object(key, value, …)",
        "A JSON object of keys and values in turn.",
        &[variadic(&[], Arg::Any, gives::text, build_object)],
    )
    .or(&["jsonb_build_object"]),
    function(
        "json_object",
        "json_object(keys, values)",
        "A JSON object of two arrays.",
        &[takes(&[Arg::List, Arg::List], gives::text, |call| {
            let (keys, values) = (call.lists(0)?, call.lists(1)?);
            call.each_text(|row| {
                let (keys, values) = (given!(keys.at(row)), given!(values.at(row)));
                if keys.len() != values.len() {
                    return Err(refuse("mismatched array dimensions"));
                }
                object(&keys, |i| json::of_sql(&values, i)).map(Some)
            })
        })],
    )
    .or(&["jsonb_object"]),
    function(
        "json_typeof",
        "json_typeof(json)",
        "object, array, string, number, boolean or null.",
        &[takes(ONE, gives::text, |call| {
            each(call, |v| Some(json::type_name(&v).to_string()))
        })],
    )
    .or(&["jsonb_typeof"]),
    function(
        "json_array_length",
        "json_array_length(json)",
        "The number of elements.",
        &[takes(ONE, gives::int32, |call| {
            let texts = call.text(0)?;
            call.each::<Int32Type>(|row| {
                let items = array_of(given!(texts.at(row)), "get array length of")?;
                Ok(Some(items.len() as i32))
            })
        })],
    )
    .or(&["jsonb_array_length"]),
    function(
        "json_extract_path",
        "json_extract_path(json, key, …)",
        "The value at a path, as json #> path gives it.",
        &[variadic(ONE, Arg::Text, gives::text, |call| {
            path(call, |v| Some(json::to_text(v)))
        })],
    )
    .or(&["jsonb_extract_path"]),
    function(
        "json_extract_path_text",
        "json_extract_path_text(json, key, …)",
        "The value at a path as text, as json #>> path gives it.",
        &[variadic(ONE, Arg::Text, gives::text, |call| {
            path(call, json::as_text)
        })],
    )
    .or(&["jsonb_extract_path_text"]),
    function(
        "json_extract_path_array",
        "json #> path",
        "The value at a path.",
        &[
            takes(TWO, gives::text, |call| {
                path(call, |v| Some(json::to_text(v)))
            }),
            takes(KEYS, gives::text, |call| {
                path(call, |v| Some(json::to_text(v)))
            }),
        ],
    ),
    function(
        "json_extract_path_text_array",
        "json #>> path",
        "The value at a path as text.",
        &[
            takes(TWO, gives::text, |call| path(call, json::as_text)),
            takes(KEYS, gives::text, |call| path(call, json::as_text)),
        ],
    ),
    function(
        "json_strip_nulls",
        "json_strip_nulls(json)",
        "Without the keys whose value is null.",
        &[takes(ONE, gives::text, |call| {
            each(call, |v| Some(json::to_text(&json::strip_nulls(v))))
        })],
    )
    .or(&["jsonb_strip_nulls"]),
    function(
        "jsonb_pretty",
        "jsonb_pretty(json)",
        "With a line for each item.",
        &[takes(ONE, gives::text, |call| {
            each(call, |v| {
                let mut out = String::new();
                json::write_pretty(&v, 0, &mut out);
                Some(out)
            })
        })],
    ),
    function(
        "jsonb_contains",
        "json @> json",
        "Whether the first contains the second.",
        &[takes(TWO, gives::boolean, |call| {
            let (whole, part) = (call.text(0)?, call.text(1)?);
            let mut steps = json::Steps::new();
            call.each_bool(|row| {
                let whole = json::parse(given!(whole.at(row)))?;
                let part = json::parse(given!(part.at(row)))?;
                Ok(Some(json::contains(&whole, &part, &mut steps)?))
            })
        })],
    ),
    function(
        "jsonb_exists",
        "json ? key",
        "Whether the key or the array's string exists.",
        &[takes(TWO, gives::boolean, |call| {
            let (texts, keys) = (call.text(0)?, call.text(1)?);
            call.each_bool(|row| {
                let value = json::parse(given!(texts.at(row)))?;
                Ok(Some(json::exists(&value, given!(keys.at(row)))))
            })
        })],
    ),
    function(
        "jsonb_exists_any",
        "json ?| keys",
        "Whether any of the keys exists.",
        &[takes(KEYS, gives::boolean, |call| {
            exists(call, |value, keys| {
                keys.iter().any(|key| json::exists(value, key))
            })
        })],
    ),
    function(
        "jsonb_exists_all",
        "json ?& keys",
        "Whether all of the keys exist.",
        &[takes(KEYS, gives::boolean, |call| {
            exists(call, |value, keys| {
                keys.iter().all(|key| json::exists(value, key))
            })
        })],
    ),
    function(
        "json_elements",
        "json_elements(json)",
        "The elements of a JSON array.",
        &[takes(ONE, gives::text_list, |call| {
            elements(call, |v| Some(json::to_text(v)))
        })],
    ),
    function(
        "json_elements_text",
        "json_elements_text(json)",
        "The elements as text.",
        &[takes(ONE, gives::text_list, |call| {
            elements(call, json::as_text)
        })],
    ),
    function(
        "json_keys",
        "json_keys(json)",
        "The keys of a JSON object.",
        &[takes(ONE, gives::text_list, |call| {
            entries(call, |key, _| Some(key.clone()))
        })],
    ),
    function(
        "json_values",
        "json_values(json)",
        "The values of a JSON object.",
        &[takes(ONE, gives::text_list, |call| {
            entries(call, |_, v| Some(json::to_text(v)))
        })],
    ),
    function(
        "json_values_text",
        "json_values_text(json)",
        "The values as text.",
        &[takes(ONE, gives::text_list, |call| {
            entries(call, |_, v| json::as_text(v))
        })],
    ),
];

fn refuse(message: impl Into<String>) -> datafusion::common::DataFusionError {
    Error::new(Kind::InvalidParameterValue, message).into()
}

fn of_value(call: &Call) -> Result<ArrayRef> {
    let values = call.array(0)?;
    call.each_text(
        |row| match values.is_null(row) || values.data_type().is_null() {
            true => Ok(None),
            false => Ok(Some(json::to_text(&json::of_sql(values, row)?))),
        },
    )
}

/// An object whose keys are the elements of an array.
fn object(keys: &ArrayRef, value: impl Fn(usize) -> crate::error::Result<Value>) -> Result<String> {
    let shown = Shown::of(keys)?;
    let mut object = Map::new();
    for i in 0..keys.len() {
        let key = shown.at(i)?;
        let key = key.ok_or_else(|| refuse("field name must not be null"))?;
        object.insert(key, value(i)?);
    }
    Ok(json::to_text(&Value::Object(object)))
}

fn build_object(call: &Call) -> Result<ArrayRef> {
    if call.arrays.len() % 2 == 1 {
        return Err(refuse("argument list must have even number of elements"));
    }
    call.each_text(|row| {
        let mut object = Map::new();
        for pair in call.arrays.chunks_exact(2) {
            let key = Shown::of(&pair[0])?.at(row)?;
            let key = key.ok_or_else(|| refuse("argument of a key must not be null"))?;
            object.insert(key, json::of_sql(&pair[1], row)?);
        }
        Ok(Some(json::to_text(&Value::Object(object))))
    })
}

/// A text made of each JSON value.
fn each(call: &Call, of: fn(Value) -> Option<String>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    call.each_text(|row| Ok(of(json::parse(given!(texts.at(row)))?)))
}

fn array_of(text: &str, what: &str) -> Result<Vec<Value>> {
    match json::parse(text)? {
        Value::Array(items) => Ok(items),
        Value::Object(_) => Err(refuse(format!("cannot {what} a non-array"))),
        _ => Err(refuse(format!("cannot {what} a scalar"))),
    }
}

fn elements(call: &Call, of: fn(&Value) -> Option<String>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    each_list(call, |row| {
        let items = array_of(given!(texts.at(row)), "extract elements from")?;
        Ok(Some(items.iter().map(of).collect()))
    })
}

fn entries(call: &Call, of: fn(&String, &Value) -> Option<String>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    each_list(call, |row| match json::parse(given!(texts.at(row)))? {
        Value::Object(object) => {
            let entries = json::keys(&object).into_iter();
            Ok(Some(entries.map(|(key, value)| of(key, value)).collect()))
        }
        _ => Err(refuse(
            "cannot deconstruct a value that is not a JSON object",
        )),
    })
}

/// A path is an array of texts, its text `{a,b}`, or the remaining arguments.
fn path(call: &Call, of: fn(&Value) -> Option<String>) -> Result<ArrayRef> {
    let texts = call.text(0)?;
    let literal = call.name.ends_with("_array");
    call.each_text(|row| {
        let value = json::parse(given!(texts.at(row)))?;
        let mut steps = vec![];
        for array in call.arrays.iter().skip(1) {
            let shown = Shown::of(array)?;
            let step = given!(shown.at(row)?);
            match literal {
                true => steps.extend(json::read_path(&step)),
                false => steps.push(step),
            }
        }
        Ok(json::at_path(&value, &steps).and_then(of))
    })
}

fn exists(call: &Call, holds: fn(&Value, &[String]) -> bool) -> Result<ArrayRef> {
    let (texts, lists) = (call.text(0)?, call.lists(1)?);
    let mut steps = json::Steps::new();
    call.each_bool(|row| {
        let value = json::parse(given!(texts.at(row)))?;
        let keys = given!(lists.at(row));
        let shown = Shown::of(&keys)?;
        let keys = (0..keys.len()).map(|i| shown.at(i));
        let keys: Vec<_> = keys
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        let items = value.as_array().map_or(1, Vec::len);
        steps.take(keys.len().saturating_mul(items))?;
        Ok(Some(holds(&value, &keys)))
    })
}
