//! Rows that are held out, as a statement does it: by an encoder over columns, cut in several ways.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use quern_model::class::{self, Class, Purpose, Training};
use quern_model::error::Kind;
use quern_model::feature::{
    Column, Columns, Counts, Encoder, Encoding, Form, Plan, Survey, Target,
};
use quern_model::hold_out::{HoldOut, Scores};
use quern_model::model::Definition;
use quern_model::rows::Owned;
use quern_model::statistic::{Collected, Split, Task};
use quern_model::train::{self, Setup};

use crate::common::{Data, assert_close, data, golden, shuffled};

/// Rows with a weight for each.
#[derive(Clone)]
struct Table {
    data: Data,
    weight: Option<Vec<f64>>,
}

impl Table {
    fn of(data: Data, weighted: bool) -> Self {
        let weight = (0..data.rows()).map(|row| 0.5 + (row % 3) as f64);
        Self {
            weight: weighted.then(|| weight.collect()),
            data,
        }
    }

    fn take(&self, order: &[usize]) -> Self {
        let weight = self.weight.as_ref();
        Self {
            data: self.data.take(order),
            weight: weight.map(|weight| order.iter().map(|at| weight[*at]).collect()),
        }
    }

    /// As one part, as seven uneven ones of which one is empty, and shuffled.
    fn ways(&self) -> [Vec<Table>; 3] {
        let n = self.data.rows();
        let cuts = [0, 1, n / 9, n / 9, n / 4, n / 2, n - 2, n];
        let cut = |order: &[usize]| -> Vec<Table> {
            let parts = cuts.windows(2).map(|w| self.take(&order[w[0]..w[1]]));
            parts.collect()
        };
        let in_order: Vec<usize> = (0..n).collect();
        [vec![self.clone()], cut(&in_order), cut(&shuffled(n, 7))]
    }

    /// Calls `with` with the columns.
    fn columns<T>(&self, with: impl FnOnce(&Columns<'_>, usize) -> T) -> T {
        let column = |values: &Vec<f64>| Arc::new(Float64Array::from(values.clone())) as ArrayRef;
        let features: Vec<ArrayRef> = self.data.features.iter().map(column).collect();
        let (target, weight) = (column(&self.data.target), self.weight.as_ref().map(column));
        let columns = Columns {
            features: &features,
            target: Some(&target),
            weight: weight.as_ref(),
            fold: None,
        };
        with(&columns, self.data.rows())
    }
}

fn collect(parts: &[Table], plan: &Plan, tasks: &[Task]) -> (Counts, Collected) {
    let encoder = Encoder::new(plan.clone());
    let (mut counts, mut merged) = (
        Counts::of(plan.encoding.columns.len()),
        Collected::start(tasks),
    );
    for part in parts.iter().rev() {
        let mut collected = Collected::start(tasks);
        part.columns(|columns, count| {
            encoder.rows(columns, count, &mut counts, |rows| {
                collected.update(tasks, rows)
            })
        })
        .unwrap();
        let collected = Collected::from_bytes(&collected.to_bytes()).unwrap();
        merged.merge(&collected).unwrap();
    }
    (counts, merged)
}

/// Class and plan of a statement.
fn prepared(class: &Class, parts: &[Table]) -> (Plan, Setup) {
    let names = &parts[0].data.names;
    let columns = names
        .iter()
        .map(|name| Column::new(name, "double precision", Form::Number));
    let survey = Survey {
        columns: names.clone(),
        texts: vec![false; names.len()],
        labels: Some("y".to_string()),
    };
    let mut labels = Vec::new();
    if class.purpose == Purpose::Classification {
        let mut found = survey.start();
        for part in parts {
            part.columns(|columns, rows| survey.update(&mut found, columns, rows))
                .unwrap();
        }
        labels = found.labels(&DataType::Float64);
    }
    let target = Target {
        name: "y".to_string(),
        sql_type: "double precision".to_string(),
        labels,
    };
    let encoding = Encoding {
        columns: columns.collect(),
        ..Encoding::default()
    };
    let parameters = class.parameters(&[]).unwrap().0;
    let setup = Setup::of(&parameters, &encoding, Some(&target));
    let plan = Plan {
        encoding,
        target: Some(target),
        draws: true,
        ..Plan::default()
    };
    (plan, setup)
}

/// What a statement does: which rows are held out, how the model does, and rows of the training.
fn trained(
    name: &str,
    parts: &[Table],
    share: f64,
) -> quern_model::Result<(Option<Split>, Scores, u64)> {
    let class = class::find(name)?;
    let hold_out = HoldOut::of(class, share)?;
    let (mut plan, setup) = prepared(class, parts);
    let tasks = hold_out.strata(setup.labels.len());
    if !tasks.is_empty() {
        let (_, collected) = collect(parts, &plan, &tasks);
        plan.held_out = Some(hold_out.split(collected)?);
    }
    let mut counts = Counts::of(0);
    let fitted = match class.training {
        Training::Chunks(trainer) => train::run(trainer(&setup)?.as_mut(), |tasks| {
            let (counted, collected) = collect(parts, &plan, tasks);
            counts = counted;
            Ok(collected)
        })?,
        Training::Memory { train, .. } => {
            let (encoder, mut rows) = (Encoder::new(plan.clone()), Owned::default());
            counts = Counts::of(setup.features.len());
            for part in parts {
                part.columns(|columns, count| {
                    encoder.rows(columns, count, &mut counts, |part| rows.extend(part))
                })?;
            }
            train(&setup, &rows)?
        }
    };
    let definition = Definition {
        parameters: setup.parameters,
        encoding: plan.encoding.clone(),
        target: plan.target.clone(),
        fitted,
    };
    let split = plan.held_out.clone();
    let tasks = hold_out.scoring(class, &definition)?;
    let (_, scored) = collect(parts, &plan.for_scores(), &tasks);
    Ok((split, hold_out.scores(class, &scored)?, counts.used))
}

#[test]
fn scores_are_those_of_scikit_learn() {
    for case in golden("hold_out").as_array().unwrap() {
        let (class, name) = (
            case["class"].as_str().unwrap(),
            case["data"].as_str().unwrap(),
        );
        let table = Table::of(data(name), case["weighted"].as_bool().unwrap());
        let share = case["share"].as_f64().unwrap();
        let [whole, others @ ..] = table
            .ways()
            .map(|parts| trained(class, &parts, share).unwrap());
        for other in others {
            assert_eq!(whole, other, "{class} depends on how rows are cut");
        }
        let (_, scores, used) = whole;
        assert_eq!(scores.rows_held_out, case["rows"].as_u64().unwrap());
        assert_eq!(used + scores.rows_held_out, table.data.rows() as u64);
        for (side, found) in [
            ("held_out", &scores.held_out),
            ("in_sample", &scores.in_sample),
        ] {
            let expected = case[side].as_object().unwrap();
            assert!(found.keys().eq(expected.keys()), "{class}: {found:?}");
            for (metric, expected) in expected {
                let what = format!("{class} of {name}, {side}: {metric}");
                let tolerance = case["tolerance"].as_f64().unwrap();
                assert_close(
                    &what,
                    &[found[metric]],
                    &[expected.as_f64().unwrap()],
                    tolerance,
                );
            }
        }
    }
}

#[test]
fn without_a_share_a_model_is_scored_on_its_own_rows() {
    let parts = [Table::of(data("diabetes"), false)];
    let (split, scores, used) = trained("LinearRegression", &parts, 0.0).unwrap();
    assert_eq!((split, used), (None, 442));
    assert_close(
        "r2",
        &[scores.in_sample["r2_score"]],
        &[0.517748422220348],
        1e-10,
    );
    assert!(scores.held_out.is_empty() && scores.rows_held_out == 0);
}

#[test]
fn a_label_that_is_alone_is_learned_from() {
    let mut iris = data("iris");
    // One row of the last label, so that none of it is held out.
    iris.target
        .iter_mut()
        .for_each(|label| *label = label.min(1.0));
    iris.target[149] = 2.0;
    let parts = [Table::of(iris, false)];
    let (_, scores, _) = trained("KNeighborsClassifier", &parts, 0.2).unwrap();
    assert!((28..=32).contains(&scores.rows_held_out));
    assert!(scores.held_out["accuracy_score"] > 0.9);

    // Only one label has rows that are held out: what needs two is not told.
    let mut two = data("iris");
    two.target.iter_mut().for_each(|label| *label = 0.0);
    two.target[149] = 1.0;
    let parts = [Table::of(two, false)];
    let (_, scores, _) = trained("KNeighborsClassifier", &parts, 0.2).unwrap();
    assert_eq!(scores.held_out["accuracy_score"], 1.0);
    assert!(!scores.held_out.contains_key("roc_auc_score"));
    assert!(scores.in_sample.contains_key("roc_auc_score"));
}

#[test]
fn what_cannot_be_held_out() {
    let fails = |name: &str, parts: &[Table], share: f64| {
        let error = trained(name, parts, share).unwrap_err();
        (error.kind, error.message)
    };
    let iris = Table::of(data("iris"), false);
    let (kind, message) = fails("KMeans", std::slice::from_ref(&iris), 0.2);
    assert_eq!(kind, Kind::Unsupported);
    assert!(message.starts_with("KMeans cannot be scored on rows that are held out: it is for"));
    for share in [1.0, -0.1, f64::NAN] {
        let (kind, message) = fails("LinearRegression", std::slice::from_ref(&iris), share);
        assert_eq!(kind, Kind::InvalidParameter);
        assert_eq!(
            message,
            format!("invalid value for option \"data_split\": {share}")
        );
    }
    // Equal rows stay together, so all of them are learned from.
    let alike = iris.take(&[7; 20]);
    assert_eq!(
        fails("LinearRegression", &[alike], 0.2).1,
        "no row is held out: data_split is 0.2 of 20 rows"
    );
}
