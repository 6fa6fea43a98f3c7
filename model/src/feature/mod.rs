//! From the columns of a query to the features of a model: numbers as they are, text one-hot encoded.
//!
//! What is needed for it (the categories, what stands for NULL, means and deviations) is part of the
//! model, so that PREDICT takes the columns as training did. A [`survey`] over the rows finds it;
//! [`encode`] turns columns into [`crate::rows::Rows`] and counts what it left out.

mod counts;
mod encode;
mod label;
mod number;
mod survey;

use serde::{Deserialize, Serialize};

pub use counts::Counts;
pub use encode::{Columns, Encoder, Features, Folds, Plan};
pub use label::Target;
pub use number::{is_feature, is_number, numbers};
pub use survey::{Survey, Surveyed};

use crate::error::{Error, Result};

/// More categories of one column, or labels of a target, than these are refused.
pub const CATEGORY_LIMIT: usize = 1000;

/// The SQL type of text.
const TEXT: &str = "text";

/// What is done about NULL in a feature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NullPolicy {
    /// Training fails and counts them; a row that has one is predicted as NULL.
    #[default]
    Error,
    /// Training leaves the row out.
    Drop,
    /// The mean of the column stands for it, or its most frequent text.
    Impute,
    /// Classes that know of missing values get it as NaN, and text becomes no category.
    Missing,
}

/// What is done about a text that was no category in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    #[default]
    Error,
    /// It is in none of the categories.
    Ignore,
}

/// How a column becomes features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One feature; booleans are 0 and 1.
    Number,
    /// One feature for each category: 1 where the row has it, else 0. Also of numbers, as text.
    Categories(Vec<String>),
}

/// A column of the query that features are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    /// The SQL type in training.
    pub sql_type: String,
    pub form: Form,
    /// What stands for NULL, where NULLs are imputed: a number, or the number of a category.
    #[serde(with = "crate::exact::option")]
    pub fill: Option<f64>,
    /// Taken from numbers, which are then divided by `scale`.
    #[serde(with = "crate::exact")]
    pub shift: f64,
    #[serde(with = "crate::exact")]
    pub scale: f64,
}

impl Column {
    pub fn new(name: &str, sql_type: &str, form: Form) -> Self {
        Self {
            name: name.to_string(),
            sql_type: sql_type.to_string(),
            form,
            fill: None,
            shift: 0.0,
            scale: 1.0,
        }
    }

    /// The categories in the order of what they are: numbers by value, all else by their characters.
    fn sorted(&self, mut categories: Vec<String>) -> Vec<String> {
        let number = |text: &String| text.parse::<f64>();
        categories.sort_unstable();
        if self.sql_type != TEXT && categories.iter().all(|text| number(text).is_ok()) {
            let value = |text: &String| number(text).unwrap_or(f64::NAN);
            categories.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
        categories
    }

    /// How many features it makes.
    pub fn width(&self) -> usize {
        match &self.form {
            Form::Number => 1,
            Form::Categories(categories) => categories.len(),
        }
    }
}

/// How all columns become features, in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Encoding {
    pub columns: Vec<Column>,
    pub nulls: NullPolicy,
    pub unknown: Unknown,
}

fn distinct(categories: &[String]) -> bool {
    let mut all: Vec<&String> = categories.iter().collect();
    all.sort_unstable();
    all.is_sorted_by(|a, b| a < b)
}

impl Encoding {
    /// The names of the features: `column`, or `column_category`.
    pub fn features(&self) -> Vec<String> {
        let names = self.columns.iter().flat_map(|column| match &column.form {
            Form::Number => vec![column.name.clone()],
            Form::Categories(categories) => {
                let name = |category: &String| format!("{}_{category}", column.name);
                categories.iter().map(name).collect()
            }
        });
        names.collect()
    }

    pub fn width(&self) -> usize {
        self.columns.iter().map(Column::width).sum()
    }

    /// Fails where an encoding that was read cannot have been made by training.
    pub fn check(&self) -> Result<()> {
        let sound = |column: &Column| {
            let scaled =
                column.scale.is_finite() && column.scale != 0.0 && column.shift.is_finite();
            scaled
                && column.fill.is_none_or(f64::is_finite)
                && match &column.form {
                    Form::Number => true,
                    Form::Categories(categories) => {
                        categories.len() <= CATEGORY_LIMIT
                            && distinct(categories)
                            && column.fill.is_none_or(|at| {
                                at.fract() == 0.0 && at >= 0.0 && (at as usize) < categories.len()
                            })
                    }
                }
        };
        match self.columns.iter().find(|column| !sound(column)) {
            Some(column) => Err(Error::corrupt(format!(
                "the model's column \"{}\" is not as training makes it",
                column.name
            ))),
            None => Ok(()),
        }
    }
}
