//! The parameter `class_weight` of classifications.

use crate::error::{Error, Result};
use crate::parameter::{Domain, Parameter, Value, parameter};
use crate::train::Setup;

pub(super) const CLASS_WEIGHT: Parameter = parameter(
    "class_weight",
    Domain::Any,
    Value::Null,
    "How much the rows of each class count: NULL is 1, 'balanced' makes classes count alike, a map has a weight for each label.",
);

/// The weights of classes that the parameter asks for.
pub(super) enum ClassWeight {
    Alike,
    Balanced,
    Given(Vec<f64>),
}

impl ClassWeight {
    pub fn of(class: &str, setup: &Setup) -> Result<Self> {
        let given = setup.parameters.get("class_weight");
        let wrong = |hint: String| {
            let message =
                format!("invalid value for parameter \"class_weight\" of {class}: {given}");
            Err(Error::parameter(message).hint(hint))
        };
        match given {
            Value::Null => Ok(Self::Alike),
            Value::Text(word) if word == "balanced" => Ok(Self::Balanced),
            Value::Map(entries) => {
                let mut weights = vec![1.0; setup.labels.len()];
                for (label, value) in entries {
                    let Some(at) = setup.labels.iter().position(|known| known == label) else {
                        let labels = setup.labels.join(", ");
                        return wrong(format!(
                            "The target has no label \"{label}\"; it has: {labels}."
                        ));
                    };
                    match value.as_number() {
                        Some(weight) if weight >= 0.0 && weight.is_finite() => weights[at] = weight,
                        _ => {
                            return wrong(format!(
                                "The weight of \"{label}\" must be a number of at least 0."
                            ));
                        }
                    }
                }
                Ok(Self::Given(weights))
            }
            _ => wrong("It takes NULL, 'balanced', or a weight for each label.".to_string()),
        }
    }

    /// Of each label, where the labels' rows count `sizes` together; nothing where each is 1.
    pub fn of_labels(&self, sizes: &[f64]) -> Vec<f64> {
        let total: f64 = sizes.iter().sum();
        let present = sizes.iter().filter(|size| **size > 0.0).count() as f64;
        let balanced = |size: &f64| match *size > 0.0 {
            true => total / (present * size),
            false => 1.0,
        };
        match self {
            Self::Alike => Vec::new(),
            Self::Balanced => sizes.iter().map(balanced).collect(),
            Self::Given(given) => given.clone(),
        }
    }
}
