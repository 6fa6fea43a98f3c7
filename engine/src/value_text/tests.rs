//! Texts of values, compared with what PostgreSQL prints for the same values.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, RunArray,
    StringArray, StructArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, IntervalMonthDayNano};

use super::{JsonColumn, TextColumn, TextStyle};

fn texts(array: impl Into<ArrayRef>, style: &TextStyle) -> Vec<String> {
    let array = array.into();
    let column = TextColumn::new(&array, style);
    let value = |row| {
        let mut text = String::new();
        if column.write(row, &mut text) {
            text
        } else {
            "-".to_string()
        }
    };
    (0..array.len()).map(value).collect()
}

fn jsons(array: impl Into<ArrayRef>) -> Vec<String> {
    let array = array.into();
    let column = JsonColumn::new(&array, &TextStyle::default());
    let value = |row| {
        let mut text = String::new();
        column.write(row, &mut text);
        text
    };
    (0..array.len()).map(value).collect()
}

fn plain<A: arrow::array::Array + 'static>(array: A) -> Vec<String> {
    texts(Arc::new(array) as ArrayRef, &TextStyle::default())
}

#[test]
fn doubles_have_the_shortest_digits_that_read_back() {
    let values = [
        0.1,
        -0.0,
        1e14,
        1e15,
        123456789012345.6,
        1e-4,
        1e-5,
        1.5e300,
        -2.5,
        100.0,
        f64::NAN,
        f64::NEG_INFINITY,
    ];
    assert_eq!(
        plain(Float64Array::from(values.to_vec())),
        [
            "0.1",
            "-0",
            "100000000000000",
            "1e+15",
            "123456789012345.6",
            "0.0001",
            "1e-05",
            "1.5e+300",
            "-2.5",
            "100",
            "NaN",
            "-Infinity"
        ]
    );
    assert_eq!(
        plain(Float32Array::from(vec![0.1, 123456.0, 1234567.0, 3.4e38])),
        ["0.1", "123456", "1.234567e+06", "3.4e+38"]
    );
}

#[test]
fn decimals_keep_their_scale() {
    let array = Decimal128Array::from(vec![Some(12345), Some(-5), Some(0), None]);
    let array = array.with_precision_and_scale(38, 2).unwrap();
    assert_eq!(plain(array), ["123.45", "-0.05", "0.00", "-"]);
    let array = Decimal128Array::from(vec![12, 0]);
    let array = array.with_precision_and_scale(5, -2).unwrap();
    assert_eq!(plain(array), ["1200", "0"]);
}

#[test]
fn dates_and_timestamps_are_iso_in_all_eras() {
    assert_eq!(
        plain(Date32Array::from(vec![
            0, 19_782, -719_162, -719_163, 2_932_897, 11_016
        ])),
        [
            "1970-01-01",
            "2024-02-29",
            "0001-01-01",
            "0001-12-31 BC",
            "10000-01-01",
            "2000-02-29"
        ]
    );
    assert_eq!(
        plain(TimestampMicrosecondArray::from(vec![
            1_704_164_645_000_000,
            -1,
            i64::MAX
        ])),
        [
            "2024-01-02 03:04:05",
            "1969-12-31 23:59:59.999999",
            "294247-01-10 04:00:54.775807"
        ]
    );
    assert_eq!(
        plain(TimestampNanosecondArray::from(vec![1_500_000_001])),
        ["1970-01-01 00:00:01.500000001"]
    );
}

#[test]
fn instants_are_shown_in_the_zone_of_the_session() {
    let array = |ms: i64| {
        let array = TimestampMicrosecondArray::from(vec![ms * 1000]).with_timezone("UTC");
        Arc::new(array) as ArrayRef
    };
    let july = 1_720_000_000_000;
    assert_eq!(
        texts(array(july), &TextStyle::default()),
        ["2024-07-03 09:46:40+00"]
    );
    assert_eq!(
        texts(array(july), &TextStyle::new("Europe/Berlin")),
        ["2024-07-03 11:46:40+02"]
    );
    assert_eq!(
        texts(array(july), &TextStyle::new("Asia/Kolkata")),
        ["2024-07-03 15:16:40+05:30"]
    );
}

#[test]
fn intervals_read_as_in_postgresql() {
    let of = IntervalMonthDayNano::new;
    let values = vec![
        of(14, 3, 14_706_789_000_000),
        of(-14, 3, -1_000_000_000),
        of(0, 0, 0),
        of(1, 0, 0),
        of(0, -1, 3_600_000_000_000),
        of(0, 0, 100 * 3_600_000_000_000),
    ];
    assert_eq!(
        plain(IntervalMonthDayNanoArray::from(values)),
        [
            "1 year 2 mons 3 days 04:05:06.789",
            "-1 years -2 mons +3 days -00:00:01",
            "00:00:00",
            "1 mon",
            "-1 days +01:00:00",
            "100:00:00"
        ]
    );
}

#[test]
fn arrays_quote_what_would_read_as_something_else() {
    let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None, Some(3)]),
        Some(vec![]),
        None,
    ]);
    assert_eq!(plain(numbers), ["{1,NULL,3}", "{}", "-"]);
    let items = StringArray::from(vec!["a b", "null", "", "x", "\"\\", "{}"]);
    let field = Arc::new(Field::new("item", DataType::Utf8, true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([6]);
    let list = ListArray::new(field, offsets, Arc::new(items), None);
    assert_eq!(plain(list), [r#"{"a b","null","",x,"\"\\","{}"}"#]);
}

#[test]
fn json_nests_and_quotes() {
    let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
    let columns: Vec<(_, ArrayRef)> = vec![
        (
            field("n", DataType::Int64),
            Arc::new(Int64Array::from(vec![Some(1), None])),
        ),
        (
            field("t", DataType::Utf8),
            Arc::new(StringArray::from(vec!["a\"b", "c\nd"])),
        ),
    ];
    let array = Arc::new(StructArray::from(columns)) as ArrayRef;
    let expected = [r#"{"n":1,"t":"a\"b"}"#, r#"{"n":null,"t":"c\nd"}"#];
    assert_eq!(jsons(Arc::clone(&array)), expected);
    assert_eq!(texts(array, &TextStyle::default()), expected);
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1e20, f64::NAN, f64::INFINITY]));
    assert_eq!(jsons(floats), ["1e+20", "null", "null"]);
    let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"]));
    assert_eq!(jsons(bytes), [r#""\\x00ff""#]);
}

#[test]
fn encodings_do_not_show() {
    let dictionary: DictionaryArray<Int32Type> = [Some("a"), None, Some("b")].into_iter().collect();
    assert_eq!(plain(dictionary), ["a", "-", "b"]);
    let runs = RunArray::try_new(
        &Int32Array::from(vec![2, 3]),
        &StringArray::from(vec![Some("x"), None]),
    );
    assert_eq!(plain(runs.unwrap()), ["x", "x", "-"]);
}
