//! `OneHotEncoder`: an output for each category of each column, 1 where a row has it, else 0.
//!
//! All columns are categories for this class, numbers and booleans as well as text, so what reaches it is
//! encoded already ([`crate::feature`]); it says which of the features are outputs. Rare categories become
//! one output together, `column_infrequent_sklearn` behind the others of the column; `drop` then leaves
//! out the first of a column. What a category is that was not known in training is decided by the
//! statement's `handle_unknown`.

use super::scaling::OneScan;
use super::{Class, Purpose, Training};
use crate::error::{Error, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{COUNT, Domain, Parameter, Value, parameter};
use crate::predict::Predictor;
use crate::rows::Rows;
use crate::statistic::columns::Column;
use crate::train::Setup;

pub static CLASS: Class = Class {
    name: "OneHotEncoder",
    purpose: Purpose::Transformation,
    about: "A column for each category of each column, named `column_category`.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| {
        Ok(Box::new(OneScan {
            setup: setup.clone(),
            fit,
        }))
    }),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "categories",
        Domain::Choice(&["auto"]),
        Value::text("auto"),
        "The categories are those of the rows of the training.",
    ),
    parameter(
        "drop",
        Domain::Choice(&["first", "if_binary"]),
        Value::Null,
        "Which output of a column is left out: the first, or the first where there are two; NULL is none.",
    ),
    parameter(
        "min_frequency",
        Domain::Either(&[
            COUNT,
            Domain::Number {
                min: 0.0,
                max: 1.0,
                open: true,
            },
        ]),
        Value::Null,
        "Categories of fewer rows, or of a smaller share of them, share one output.",
    ),
    parameter(
        "max_categories",
        COUNT,
        Value::Null,
        "The most outputs of a column; the rarest categories share the last.",
    ),
    parameter(
        "feature_name_combiner",
        Domain::Choice(&["concat"]),
        Value::text("concat"),
        "How outputs are named.",
    ),
    parameter(
        "sparse_output",
        Domain::Ignored,
        Value::Bool(true),
        "Without effect: outputs are columns.",
    ),
    parameter(
        "dtype",
        Domain::Ignored,
        Value::Null,
        "Without effect: outputs are double precision.",
    ),
];

/// Stands for features that are no output.
const NONE: f64 = -1.0;

fn fit(setup: &Setup, columns: &[Column]) -> Result<Fitted> {
    let (mut outputs, mut rare) = (Vec::new(), Vec::new());
    let (mut first, mut features) = (0, columns);
    for (_, width) in &setup.columns {
        let (own, rest) = features
            .split_at_checked(*width)
            .ok_or_else(|| Error::internal("a column lacks features"))?;
        features = rest;
        let infrequent = infrequent(setup, own);
        let (own, count) = outputs_of(setup.parameters.word("drop"), &infrequent);
        outputs.extend(
            own.iter()
                .map(|at| at.map_or(NONE, |at| (first + at) as f64)),
        );
        rare.extend(infrequent.into_iter().map(|rare| f64::from(u8::from(rare))));
        first += count;
    }
    Ok(Fitted::default()
        .with("outputs", Array::vector(outputs))
        .with("infrequent", Array::vector(rare)))
}

/// Which of the categories of a column share an output, as scikit-learn's `_identify_infrequent`.
fn infrequent(setup: &Setup, categories: &[Column]) -> Vec<bool> {
    let counts: Vec<f64> = categories.iter().map(|category| category.total).collect();
    let rows = categories.first().map_or(0.0, |category| category.weight);
    let number = |name: &str| setup.parameters.get(name).as_number();
    let least = match number("min_frequency") {
        None => 0.0,
        Some(count) if count.fract() == 0.0 => count,
        Some(share) => rows * share,
    };
    let mut rare: Vec<bool> = counts.iter().map(|count| *count < least).collect();
    let kept = rare.iter().filter(|rare| !**rare).count();
    let most = number("max_categories").map(|most| most as usize);
    if let Some(most) = most.filter(|most| *most < kept + 1) {
        // Of categories that are equally frequent the later ones stay.
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by(|a, b| counts[*a].total_cmp(&counts[*b]));
        let smallest = order.len().saturating_sub(most - 1);
        order[..smallest].iter().for_each(|at| rare[*at] = true);
    }
    rare
}

/// The output of each category, and how many there are.
fn outputs_of(drop: &str, infrequent: &[bool]) -> (Vec<Option<usize>>, usize) {
    let frequent = infrequent.iter().filter(|rare| !**rare).count();
    let all = frequent + usize::from(frequent < infrequent.len());
    let dropped = match drop {
        "first" => 1.min(all),
        "if_binary" => usize::from(all == 2),
        _ => 0,
    };
    let mut next = 0;
    let outputs = infrequent.iter().map(|rare| {
        let at = if *rare { frequent } else { next };
        next += usize::from(!*rare);
        at.checked_sub(dropped)
    });
    (outputs.collect(), all - dropped)
}

/// The features that each output is the sum of, and its name.
#[derive(Debug)]
struct Outputs(Vec<(Vec<usize>, String)>);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let features = Some(setup.features.len());
    let (places, rare) = (
        fitted.vector("outputs", features)?,
        fitted.vector("infrequent", features)?,
    );
    let columns = setup.columns.iter();
    let columns = columns.flat_map(|(name, width)| std::iter::repeat_n(name, *width));
    let mut outputs: Vec<(Vec<usize>, String)> = Vec::new();
    for (feature, (place, column)) in places.iter().zip(columns).enumerate() {
        if *place == NONE {
            continue;
        }
        let place = super::in_memory::index(*place, places.len(), "outputs")?;
        if outputs.len() <= place {
            outputs.resize(place + 1, Default::default());
        }
        let (members, name) = &mut outputs[place];
        members.push(feature);
        *name = match rare[feature] == 1.0 {
            true => format!("{column}_infrequent_sklearn"),
            false => setup.features[feature].clone(),
        };
    }
    Ok(Box::new(Outputs(outputs)))
}

impl Predictor for Outputs {
    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        let column = |(members, _): &(Vec<usize>, String)| {
            let mut sum = vec![0.0; rows.count];
            for feature in members.iter().filter_map(|at| rows.features.get(*at)) {
                let pairs = sum.iter_mut().zip(*feature);
                pairs.for_each(|(sum, value)| *sum += value);
            }
            sum
        };
        Some(self.0.iter().map(column).collect())
    }

    fn outputs(&self, _: &[String]) -> Vec<String> {
        self.0.iter().map(|(_, name)| name.clone()).collect()
    }
}
