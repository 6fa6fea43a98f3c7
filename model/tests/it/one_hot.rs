//! `OneHotEncoder` over columns of all types, which are surveyed and encoded as a statement does it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Float64Type};
use quern_model::class::{self, Training};
use quern_model::feature::{
    Column, Columns, Counts, Encoder, Encoding, NullPolicy, Plan, Survey, Unknown,
};
use quern_model::model::{Definition, Model};
use quern_model::parameter::Value;
use quern_model::statistic::Collected;
use quern_model::train::{self, Setup};

use crate::common::{golden, numbers, parameters, shuffled};

/// SQL types and values of the columns `colour`, `flag`, `size` and `half`.
fn columns(given: &serde_json::Value) -> Vec<(&'static str, ArrayRef)> {
    let column = |name: &str| given[name].as_array().unwrap().clone();
    let texts: StringArray = column("colour").iter().map(|v| v.as_str()).collect();
    let flags: BooleanArray = column("flag").iter().map(|v| v.as_bool()).collect();
    let sizes: Int32Array = (column("size").iter().map(|v| v.as_i64()))
        .map(|v| v.map(|v| v as i32))
        .collect();
    let halves: Float64Array = column("half").iter().map(|v| v.as_f64()).collect();
    vec![
        ("text", Arc::new(texts)),
        ("boolean", Arc::new(flags)),
        ("integer", Arc::new(sizes)),
        ("double precision", Arc::new(halves)),
    ]
}

fn as_columns(features: &[ArrayRef]) -> Columns<'_> {
    Columns {
        features,
        target: None,
        weight: None,
        fold: None,
    }
}

/// Trains over the rows, cut after each of `cuts`.
fn trained(
    given: &[(String, Value)],
    nulls: NullPolicy,
    columns: &[(&str, ArrayRef)],
    cuts: &[usize],
) -> quern_model::Result<Model> {
    let class = class::find("OneHotEncoder")?;
    let names = ["colour", "flag", "size", "half"];
    let parts = cuts.windows(2).map(|cut| {
        let slice = |(_, array): &(&str, ArrayRef)| array.slice(cut[0], cut[1] - cut[0]);
        columns.iter().map(slice).collect::<Vec<_>>()
    });
    let parts: Vec<Vec<ArrayRef>> = parts.collect();
    let survey = Survey {
        columns: names.map(str::to_string).to_vec(),
        texts: vec![true; names.len()],
        labels: None,
    };
    let mut found = survey.start();
    for part in parts.iter().rev() {
        let mut own = survey.start();
        survey.update(&mut own, &as_columns(part), part[0].len())?;
        survey.merge(&mut found, &own)?;
    }
    let mut encoding = Encoding {
        nulls,
        unknown: Unknown::Ignore,
        ..Encoding::default()
    };
    for (at, (name, (sql_type, array))) in names.iter().zip(columns).enumerate() {
        let mut column = Column::new(name, sql_type, class.form(array.data_type()));
        found.complete(at, &mut column, nulls == NullPolicy::Impute, false);
        encoding.columns.push(column);
    }
    let parameters = class.parameters(given)?.0;
    let setup = Setup::of(&parameters, &encoding, None);
    let encoder = Encoder::new(Plan {
        encoding: encoding.clone(),
        ..Plan::default()
    });
    let Training::Chunks(trainer) = class.training else {
        panic!("OneHotEncoder does not train over chunks")
    };
    let fitted = train::run(trainer(&setup)?.as_mut(), |tasks| {
        let mut collected = Collected::start(tasks);
        for part in &parts {
            let mut counts = Counts::of(names.len());
            encoder.rows(&as_columns(part), part[0].len(), &mut counts, |rows| {
                collected.update(tasks, rows);
            })?;
        }
        Ok(collected)
    })?;
    let definition = Definition {
        parameters,
        encoding,
        target: None,
        fitted,
    };
    Model::new(class, definition)
}

/// Row by row.
fn transformed(model: &Model, columns: &[ArrayRef]) -> Vec<Option<f64>> {
    let found = model.transform(columns, columns[0].len()).unwrap();
    assert_eq!(found.len(), model.outputs().len());
    let at = |row: usize, column: &ArrayRef| {
        let values = column.as_primitive::<Float64Type>();
        values.is_valid(row).then(|| values.value(row))
    };
    (0..columns[0].len())
        .flat_map(|row| found.iter().map(move |column| at(row, column)))
        .collect()
}

fn arrays(columns: &[(&str, ArrayRef)]) -> Vec<ArrayRef> {
    columns.iter().map(|(_, array)| Arc::clone(array)).collect()
}

#[test]
fn outputs_are_those_of_scikit_learn() {
    let golden = golden("one_hot");
    let (known, unknown) = (columns(&golden["columns"]), columns(&golden["unknown"]));
    let rows = known[0].1.len();
    for case in golden["cases"].as_array().unwrap() {
        let given = parameters(&case["parameters"]);
        let cuts = [0, 1, 5, 5, 20, 30, 58, rows];
        let model = trained(&given, NullPolicy::Error, &known, &cuts).unwrap();
        let whole = trained(&given, NullPolicy::Error, &known, &[0, rows]).unwrap();
        assert_eq!(model.definition, whole.definition);
        let order = shuffled(rows, 7).into_iter().map(|at| at as u32);
        let order = arrow::array::UInt32Array::from_iter_values(order);
        let mixed = known.iter().map(|(sql_type, array)| {
            let mixed = arrow::compute::take(array, &order, None).unwrap();
            (*sql_type, mixed)
        });
        let mixed = trained(&given, NullPolicy::Error, &mixed.collect::<Vec<_>>(), &cuts);
        assert_eq!(model.definition, mixed.unwrap().definition);

        let names: Vec<&str> = (case["names"].as_array().unwrap().iter())
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(model.outputs(), names);
        for (columns, outputs) in [(&known, &case["outputs"]), (&unknown, &case["unknown"])] {
            let expected: Vec<_> = numbers(outputs).into_iter().map(Some).collect();
            assert_eq!(transformed(&model, &arrays(columns)), expected, "{given:?}");
        }
    }
}

#[test]
fn numbers_are_known_by_their_value_and_nulls_by_the_policy() {
    let mut known = columns(&golden("one_hot")["columns"]);
    let rows = known[0].1.len();
    let model = trained(&[], NullPolicy::Error, &known, &[0, rows]).unwrap();
    let mut others = arrays(&known);
    // Another type of number at PREDICT.
    others[2] = arrow::compute::cast(&others[2], &DataType::Float64).unwrap();
    others[3] = arrow::compute::cast(&others[3], &DataType::Decimal128(10, 3)).unwrap();
    assert_eq!(
        transformed(&model, &others),
        transformed(&model, &arrays(&known))
    );

    let gaps = (0..rows).map(|row| (row % 4 > 0).then_some("red"));
    known[0].1 = Arc::new(gaps.collect::<StringArray>());
    let width = model.outputs().len();
    let found = transformed(&model, &arrays(&known));
    assert!(found[..width].iter().all(Option::is_none));
    let model = trained(&[], NullPolicy::Impute, &known, &[0, rows]).unwrap();
    assert_eq!(transformed(&model, &arrays(&known))[0], Some(1.0));
}

#[test]
fn what_cannot_be_encoded() {
    let known = columns(&golden("one_hot")["columns"]);
    let fails = |given: serde_json::Value, cuts: &[usize]| {
        let found = trained(&parameters(&given), NullPolicy::Error, &known, cuts);
        found.unwrap_err().message
    };
    assert_eq!(
        fails(serde_json::json!({"drop": "last"}), &[0, 60]),
        "invalid value for parameter \"drop\" of OneHotEncoder: 'last'"
    );
    assert_eq!(
        fails(serde_json::json!({"min_frequency": 1.5}), &[0, 60]),
        "invalid value for parameter \"min_frequency\" of OneHotEncoder: 1.5"
    );
    assert_eq!(
        fails(serde_json::json!({}), &[0, 0]),
        "there are no rows to learn from"
    );
    let class = class::find("OneHotEncoder").unwrap();
    let given = parameters(&serde_json::json!({"sparse_output": false}));
    assert_eq!(class.parameters(&given).unwrap().1, ["sparse_output"]);
}
