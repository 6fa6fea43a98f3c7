//! Partition folders as Hive writes them: `year=2020/state=CA/` gives the columns year and state.
//!
//! Values are URL-decoded; `__HIVE_DEFAULT_PARTITION__` is NULL. A column's type is the narrowest
//! of bigint, date and text that fits every value seen when the table was made.

use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use object_store::path::Path;

use super::location;
use crate::error::{Error, Kind, Result};

const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// The keys and decoded values in a file's folders, outermost first; None is NULL.
pub fn pairs(path: &Path) -> Vec<(String, Option<String>)> {
    let text = path.as_ref();
    let folders = text.rsplit_once('/').map_or("", |(folders, _)| folders);
    folders
        .split('/')
        .filter_map(|folder| {
            let (key, value) = folder.split_once('=')?;
            let value = (value != NULL_FOLDER).then(|| decode(value));
            (!key.is_empty()).then(|| (decode(key), value))
        })
        .collect()
}

/// Decodes `%41`; what is not such an escape, or not UTF-8, stays as it is.
fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_string();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or(&[]);
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_string())
}

/// The partition columns that all files have, with the type that fits all their values.
pub fn infer<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<FieldRef> {
    let mut columns: Option<Vec<(String, Vec<Option<String>>)>> = None;
    for path in paths {
        let found = pairs(path);
        match &mut columns {
            None => columns = Some(found.into_iter().map(|(k, v)| (k, vec![v])).collect()),
            Some(columns) => columns.retain_mut(|(key, values)| {
                match found.iter().find(|(found, _)| found == key) {
                    Some((_, value)) => {
                        values.push(value.clone());
                        true
                    }
                    None => false,
                }
            }),
        }
    }
    let mut fields: Vec<FieldRef> = Vec::new();
    for (key, values) in columns.unwrap_or_default() {
        if !fields.iter().any(|f| *f.name() == key) {
            fields.push(Arc::new(Field::new(key, narrowest(&values), true)));
        }
    }
    fields
}

fn narrowest(values: &[Option<String>]) -> DataType {
    let all = |fits: fn(&str) -> bool| {
        values.iter().flatten().all(|v| fits(v)) && values.iter().any(Option::is_some)
    };
    if all(|v| i64::from_str(v).is_ok() && !v.starts_with('+')) {
        DataType::Int64
    } else if all(|v| v.len() == 10 && NaiveDate::from_str(v).is_ok()) {
        DataType::Date32
    } else {
        DataType::Utf8View
    }
}

/// The values of a file's partition columns.
pub fn values(path: &Path, columns: &[FieldRef]) -> Result<Vec<ScalarValue>> {
    let found = pairs(path);
    columns
        .iter()
        .map(|column| {
            let Some((_, value)) = found.iter().find(|(key, _)| key == column.name()) else {
                return Err(Error::new(
                    Kind::BadData,
                    format!(
                        "file \"{}\" is not in a partition folder \"{}=…\"",
                        location::shown(path),
                        column.name()
                    ),
                ));
            };
            let Some(value) = value else {
                return Ok(ScalarValue::try_from(column.data_type())?);
            };
            ScalarValue::from(value.as_str())
                .cast_to(column.data_type())
                .map_err(|_| {
                    Error::new(
                        Kind::BadData,
                        format!(
                            "partition value \"{value}\" of file \"{}\" is not of the type of column \"{}\"",
                            location::shown(path),
                            column.name()
                        ),
                    )
                    .hint("Create the table again, or declare the column as TEXT.")
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn columns_come_from_folders() {
        let paths = [
            Path::from("t/year=2020/day=2020-01-02/s=a%2520b/f.csv"),
            Path::from("t/year=2021/day=__HIVE_DEFAULT_PARTITION__/s=7/g.csv"),
        ];
        let columns = infer(&paths);
        let types: Vec<_> = columns.iter().map(|c| c.data_type().clone()).collect();
        assert_eq!(
            types,
            [DataType::Int64, DataType::Date32, DataType::Utf8View]
        );
        let values = values(&paths[1], &columns).unwrap();
        assert_eq!(values[0], ScalarValue::Int64(Some(2021)));
        assert_eq!(values[1], ScalarValue::Date32(None));
        assert_eq!(values[2], ScalarValue::Utf8View(Some("7".into())));
    }

    #[test]
    fn only_common_keys_count() {
        let paths = [Path::from("a=1/b=2/f"), Path::from("a=1/f")];
        assert_eq!(infer(&paths).len(), 1);
        assert_eq!(decode("a%20b%zz%"), "a b%zz%");
        assert_eq!(decode("%ff"), "%ff");
    }
}
