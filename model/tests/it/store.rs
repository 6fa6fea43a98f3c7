//! Models as bytes: they read back, damaged ones are refused, and nothing in a file is trusted.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use arrow::datatypes::DataType;
use quern_model::class;
use quern_model::feature::{Column, Encoding, Form, NullPolicy, Target, Unknown};
use quern_model::model::{Definition, Model};
use quern_model::parameter::Value;
use quern_model::rows::mix;
use quern_model::store::{self, Origin, Pass, Source};
use serde_json::json;

use crate::common::{self, Data, data, numbers, parameters, train_once};

const LIMIT: usize = 1 << 30;
const ROWS: usize = 5;

/// A trained model of a data set's numbers.
fn trained(class: &str, data: &Data, given: &serde_json::Value) -> (&'static str, Definition) {
    let given = parameters(given);
    let fitted = train_once(class, &given, data);
    let class = class::find(class).unwrap();
    let columns = data.names.iter();
    let columns = columns.map(|name| Column::new(name, "double precision", Form::Number));
    let labels = data.setup(class, &given).labels;
    let target = class.purpose.needs_target().then(|| Target {
        name: "y".into(),
        sql_type: if labels.is_empty() {
            "double precision"
        } else {
            "text"
        }
        .into(),
        labels,
    });
    let definition = Definition {
        parameters: class.parameters(&given).unwrap().0,
        encoding: Encoding {
            columns: columns.collect(),
            nulls: NullPolicy::Error,
            unknown: Unknown::Error,
        },
        target,
        fitted,
    };
    (class.name, definition)
}

fn origin() -> Origin {
    Origin {
        metrics: [("r2".to_string(), 0.1 + 0.2)].into(),
        sql: "SELECT \"x\", 'é' FROM t -- 1.5e3".into(),
        sources: vec![Source {
            table: "s.t".into(),
            version: Some(7),
        }],
        engine: "0.1.0".into(),
        seed: u64::MAX,
        created: "2026-11-21 10:00:00".into(),
        log: vec![
            Pass {
                pass: 1,
                loss: Some(1.0 / 3.0),
                rows: 150,
            },
            Pass {
                pass: 2,
                loss: None,
                rows: 150,
            },
        ],
        experiment: json!({"name": "e", "scores": [0.1, 2, null]}),
    }
}

/// What the golden files hold, by name.
fn models() -> Vec<(&'static str, (&'static str, Definition))> {
    let (iris, wine) = (data("iris"), data("wine"));
    let centers = json!({"n_clusters": 2, "init": [[0.1, 0.2, 0.3, 1.0 / 3.0], [7, 3, 6, 2]]});
    let mut categories = trained("LinearRegression", &iris, &json!({}));
    // One of two numbers stands for text.
    categories.1.encoding.columns.truncate(3);
    let text = Form::Categories(vec!["no".into(), "yes".into()]);
    categories.1.encoding.columns[2] = Column::new("ready", "text", text);
    vec![
        ("linear", trained("LinearRegression", &iris, &json!({}))),
        ("categories", categories),
        ("bayes", trained("GaussianNB", &wine, &json!({}))),
        ("kmeans", trained("KMeans", &iris, &centers)),
        ("pca", trained("PCA", &wine, &json!({"n_components": 3}))),
        (
            "scaler",
            trained(
                "RobustScaler",
                &wine,
                &json!({"quantile_range": [10, 90.5]}),
            ),
        ),
        (
            "imputer",
            trained("SimpleImputer", &iris, &json!({"strategy": "median"})),
        ),
        ("svc", trained("SVC", &iris, &json!({"gamma": "auto"}))),
        (
            "one_class",
            trained(
                "OneClassSVM",
                &wine,
                &json!({"nu": 0.1, "kernel": "linear"}),
            ),
        ),
    ]
}

fn bytes(class: &str, definition: &Definition) -> Vec<u8> {
    store::write(class::find(class).unwrap(), definition, &origin()).unwrap()
}

/// Answers to a few rows, whatever the model is for.
fn answers(model: &Model) -> Vec<f64> {
    let columns = &model.definition.encoding.columns;
    let arrays = columns
        .iter()
        .enumerate()
        .map(|(at, column)| match &column.form {
            Form::Number => {
                let values =
                    (0..ROWS).map(|row| (mix((row * 100 + at) as u64) % 1000) as f64 / 100.0);
                Arc::new(Float64Array::from_iter_values(values)) as ArrayRef
            }
            Form::Categories(categories) => {
                let first = categories.first().map_or("", String::as_str);
                Arc::new(StringArray::from_iter_values((0..ROWS).map(|_| first)))
            }
        });
    let arrays: Vec<ArrayRef> = arrays.collect();
    let transformed = model.transform(&arrays, ROWS);
    let predicted = model.predict(&arrays, ROWS, &DataType::Float64);
    let answers = transformed.into_iter().flatten().chain(predicted);
    let answers = answers.filter_map(|array| {
        let numbers = arrow::compute::cast(&array, &DataType::Float64).ok()?;
        let numbers = numbers.as_any().downcast_ref::<Float64Array>()?;
        Some(numbers.iter().flatten().collect::<Vec<_>>())
    });
    answers.flatten().collect()
}

#[test]
fn models_read_back() {
    for (name, (class, definition)) in models() {
        let (model, origin_read) = store::read(&bytes(class, &definition), LIMIT).unwrap();
        assert_eq!(model.definition, definition, "{name}");
        assert_eq!(model.class.name, class);
        assert_eq!(origin_read, origin());
        let direct = Model::new(class::find(class).unwrap(), definition).unwrap();
        assert_eq!(answers(&model), answers(&direct), "{name}");
    }
}

#[test]
fn maps_and_nulls_in_parameters_read_back() {
    let map = Value::Map(vec![
        ("z".into(), Value::Number(0.1 + 0.2)),
        (
            "a".into(),
            Value::List(vec![Value::Null, Value::Bool(true)]),
        ),
    ]);
    let text = serde_json::to_string(&map).unwrap();
    assert_eq!(text, r#"{"z":0.30000000000000004,"a":[null,true]}"#);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), map);
}

#[test]
fn the_hash_is_of_what_the_model_says() {
    let (name, definition) = trained("Ridge", &data("diabetes"), &json!({"alpha": 0.3}));
    let class = class::find(name).unwrap();
    let hash = |definition: &Definition| store::hash(class, definition).unwrap();
    let own = hash(&definition);
    assert_eq!(own.len(), 64);
    let mut same = definition.clone();
    same.fitted.facts.numbers.insert("seconds".into(), 2.0);
    assert_eq!(hash(&same), own);
    let changes: [fn(&mut Definition); 4] = [
        |d| d.parameters = d.parameters.clone().with("alpha", Value::Number(0.4)),
        |d| d.encoding.columns[0].name.push('x'),
        |d| d.fitted.arrays.get_mut("coef").unwrap().data[3] += 1e-9,
        |d| d.target.as_mut().unwrap().sql_type = "integer".into(),
    ];
    for change in changes {
        let mut other = definition.clone();
        change(&mut other);
        assert_ne!(hash(&other), own);
    }
    // A parameter that is given as it is by default anyway.
    let mut default = definition.clone();
    default.parameters = default.parameters.with("fit_intercept", Value::Bool(true));
    assert_eq!(hash(&default), own);
}

#[test]
fn damaged_models_are_refused() {
    let (class, definition) = trained("KMeans", &data("iris"), &json!({"n_clusters": 2}));
    let good = bytes(class, &definition);
    let error = |bytes: &[u8]| store::read(bytes, LIMIT).unwrap_err().message;
    assert_eq!(error(b""), "these bytes are not a model");
    assert_eq!(error(b"QUERNMDL"), "the model is damaged: it is cut off");
    assert_eq!(
        error(&good[..good.len() - 1]),
        "the model is damaged: its hash is another"
    );
    let mut newer = good.clone();
    newer[8] = 2;
    assert_eq!(
        error(&newer),
        "the model has format version 2, which is not known"
    );
    assert_eq!(
        store::read(&good, 100).unwrap_err().message,
        format!(
            "the model has {} bytes, and at most 100 are read",
            good.len()
        )
    );
}

#[test]
fn headers_that_are_wrong_are_refused() {
    let (class, definition) = trained("KMeans", &data("iris"), &json!({"n_clusters": 2}));
    let good = bytes(class, &definition);
    let error = |bytes: &[u8]| store::read(bytes, LIMIT).unwrap_err().message;
    for (from, to, message) in [
        (
            "\"KMeans\"",
            "\"KMoans\"",
            "the model is damaged: its class is not known",
        ),
        (
            "\"clustering\"",
            "\"regression\"",
            "the model is damaged: its purpose is not that of its class",
        ),
        (
            "\"n_clusters\":2.0",
            "\"n_clusters\":2.5",
            "the model is damaged: invalid value for parameter \"n_clusters\" of KMeans: 2.5",
        ),
        (
            "\"n_clusters\":2.0",
            "\"n_klusters\":2.0",
            "the model is damaged: KMeans has no parameter \"n_klusters\"",
        ),
        (
            "\"encoding\"",
            "\"encodino\"",
            "the model is damaged: its header lacks something: missing field `encoding`",
        ),
        (
            "\"class\":",
            "\"class\"!",
            "the model is damaged: its header is not JSON",
        ),
    ] {
        let at = good
            .windows(from.len())
            .position(|w| w == from.as_bytes())
            .unwrap();
        let mut bad = good.clone();
        bad[at..at + to.len()].copy_from_slice(to.as_bytes());
        assert_eq!(error(&sealed(bad)), message);
    }
    let mut shape = definition.clone();
    shape
        .fitted
        .arrays
        .get_mut("cluster_centers")
        .unwrap()
        .shape = vec![4, 2];
    assert_eq!(
        store::write(class::find(class).unwrap(), &shape, &origin())
            .unwrap_err()
            .message,
        "the model cannot be stored: the model's array \"cluster_centers\" has the wrong shape"
    );
}

/// With the hash that the bytes should have.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let hashed = bytes.len().saturating_sub(32);
    bytes.truncate(hashed);
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    bytes
}

/// Changes a few places: bits, whole numbers, pieces that are left out or doubled, the end.
fn mutated(good: &[u8], chance: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=chance(3) {
        let at = chance(bytes.len().max(1));
        match chance(7) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance(8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, b'9', b'"'][chance(7)];
                }
            }
            3 => {
                // An aligned number of Arrow's, or the length of the header.
                let value = [0, 1, u64::MAX, 1 << 62, 1 << 31, 0x7fff_ffff_ffff_ffff][chance(6)];
                let width = [4, 8][chance(2)];
                let at = if chance(10) == 0 { 12 } else { at / 4 * 4 };
                if let Some(place) = bytes.get_mut(at..at + width) {
                    place.copy_from_slice(&value.to_le_bytes()[..width]);
                }
            }
            4 => bytes.truncate(at),
            5 => {
                let end = (at + chance(40)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            _ => {
                let end = (at + chance(40)).min(bytes.len());
                let piece = bytes[at.min(end)..end].to_vec();
                bytes.splice(at.min(end)..at.min(end), piece);
            }
        }
    }
    bytes
}

#[test]
fn no_bytes_are_too_hostile() {
    let mut state = 20_261_121u64;
    let mut chance = move |below: usize| {
        state = mix(state);
        (state % below.max(1) as u64) as usize
    };
    // More of them: `QUERN_FUZZ_ROUNDS=100000 cargo test -p quern-model hostile`.
    let rounds = std::env::var("QUERN_FUZZ_ROUNDS").map_or(6000, |rounds| rounds.parse().unwrap());
    let (mut read, mut refused) = (0, 0);
    for (_, (class, definition)) in models() {
        let good = bytes(class, &definition);
        for round in 0..rounds {
            let mut bad = mutated(&good, &mut chance);
            if round % 4 != 0 {
                bad = sealed(bad);
            }
            match store::read(&bad, LIMIT) {
                Ok((model, origin)) => {
                    answers(&model);
                    store::write(model.class, &model.definition, &origin).unwrap();
                    read += 1;
                }
                Err(error) => {
                    assert_ne!(error.kind, quern_model::Kind::Internal, "{error}");
                    refused += 1;
                }
            }
        }
    }
    // Both happen: texts may change, structures may not.
    assert!(read > 1000 && refused > 10_000, "{read} {refused}");
}

fn folder() -> PathBuf {
    common::folder().join("golden/models")
}

/// Files that were written once stay readable for ever, with the same answers and hashes. A new
/// version of the format gets files of its own: `QUERN_RECORD_MODELS=1` writes those that are missing,
/// under `v` and the version.
#[test]
fn files_of_all_versions_are_readable() {
    let mut list: serde_json::Value = match std::fs::read(folder().join("models.json")) {
        Ok(text) => serde_json::from_slice(&text).unwrap(),
        Err(_) => json!({}),
    };
    if std::env::var_os("QUERN_RECORD_MODELS").is_some() {
        for (name, (class, definition)) in models() {
            let name = format!("v{}_{name}.qm", store::VERSION);
            if list.get(&name).is_none() {
                let bytes = bytes(class, &definition);
                let (model, _) = store::read(&bytes, LIMIT).unwrap();
                list[&name] = json!({
                    "hash": store::hash(model.class, &model.definition).unwrap(),
                    "answers": answers(&model),
                });
                std::fs::write(folder().join(name), bytes).unwrap();
            }
        }
        let text = serde_json::to_string(&list).unwrap().replace("},", "},\n");
        std::fs::write(folder().join("models.json"), text + "\n").unwrap();
    }
    let list = list.as_object().unwrap();
    assert!(list.len() >= 9);
    for (name, expected) in list {
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let (model, read) = store::read(&bytes, LIMIT).unwrap();
        assert_eq!(read, origin(), "{name}");
        let hash = store::hash(model.class, &model.definition).unwrap();
        assert_eq!(hash, expected["hash"].as_str().unwrap(), "{name}");
        let found = answers(&model);
        crate::common::assert_close(name, &found, &numbers(&expected["answers"]), 1e-12);
    }
}
