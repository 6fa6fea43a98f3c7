//! How many steps a row takes of functions whose time is the product of two arguments.
//!
//! A call is not cancelled while it computes a batch, so what a batch may take is bounded.

use datafusion::common::Result;

use super::growth::Inputs;
use crate::error::{Error, Kind};

/// Some seconds at most.
const MAX_STEPS: u128 = 4_000_000_000;

/// As in PostgreSQL.
const MAX_DISTANCE_CHARACTERS: usize = 255;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Work {
    /// Each element of the second array is looked for in the first.
    Lists,
    /// Each character of the first text is looked for among those of the second.
    Characters,
    /// The second text is compared at each place of the first, many bytes in a step.
    Search,
    /// The distance between two texts, which only short ones have.
    Distance,
}

impl Work {
    /// 54000, or 22023 as PostgreSQL says, for what would take too long.
    pub fn check(self, function: &str, inputs: &Inputs) -> Result<()> {
        if self == Work::Distance {
            return (0..inputs.rows).try_for_each(|row| distance(inputs, row));
        }
        let steps: u128 = (0..inputs.rows).map(|row| self.steps(inputs, row)).sum();
        if steps <= MAX_STEPS {
            return Ok(());
        }
        Err(Error::new(
            Kind::LimitExceeded,
            format!("{function} of these arguments would take too long"),
        )
        .hint("Its time is the product of their lengths.")
        .into())
    }

    fn steps(self, inputs: &Inputs, row: usize) -> u128 {
        let texts = || inputs.text_bytes(0, row) * inputs.text_bytes(1, row);
        match self {
            Work::Lists => inputs.elements(0, row) * inputs.elements(1, row),
            Work::Characters => texts(),
            Work::Search | Work::Distance => texts() / 64,
        }
    }
}

fn distance(inputs: &Inputs, row: usize) -> Result<()> {
    let is_long = |arg| {
        let text = inputs.text(arg, row);
        text.is_some_and(|t| t.chars().nth(MAX_DISTANCE_CHARACTERS).is_some())
    };
    match is_long(0) || is_long(1) {
        true => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("levenshtein argument exceeds maximum length of {MAX_DISTANCE_CHARACTERS} characters"),
        )
        .into()),
        false => Ok(()),
    }
}
